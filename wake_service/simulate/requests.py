"""Requests of a simulated time, and where they come from when they are real: a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wake_service.errors import SetupError


@dataclass(frozen=True, slots=True)
class Request:
    """One picture asked for: when (seconds from the beginning), by whom, and the seconds of work that it is."""

    at: float
    artist: str
    work: float


def read_trace(path: Path) -> list[Request]:
    """The requests of a CSV file with the columns `t_s`, `user` and `service_s`, in order of time; others are ignored.

    Raises SetupError that says what is wrong with the file, and where.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            requests = list(_rows(csv.DictReader(file), path))
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"The trace {path} cannot be read: {error}.") from error
    return sorted(requests, key=lambda request: request.at)


def _rows(reader: csv.DictReader[str], path: Path) -> Iterator[Request]:
    absent = {"t_s", "user", "service_s"} - set(reader.fieldnames or ())
    if absent:
        raise SetupError(f"The trace {path} lacks the columns {', '.join(sorted(absent))}.")
    for row in reader:
        try:
            yield Request(float(row["t_s"]), row["user"], float(row["service_s"]))
        except (TypeError, ValueError) as error:
            raise SetupError(f"The trace {path} has no numbers in line {reader.line_num}.") from error


def within(requests: list[Request], begin: float, seconds: float) -> list[Request]:
    """Those of a stretch of time, counted from its beginning."""
    chosen = [request for request in requests if begin <= request.at < begin + seconds]
    return [Request(request.at - begin, request.artist, request.work) for request in chosen]
