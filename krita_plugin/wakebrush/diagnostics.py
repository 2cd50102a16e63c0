"""A report that she can send to somebody who helps: versions, connection, timings, last log lines; and no secret.

Secrets stay out twice. What may hold one is not taken in at all: of a log line its words in the source, not what was filled in;
of an exception its kind and place. What is left is then searched for every secret that is known, and for what looks like one.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote, unquote

from .client.errors import ServiceError, Unreachable
from .client.timings import Timing

_LOOKS_SECRET = (
    (re.compile(r"wb_[A-Za-z0-9_-]+"), "wb_…"),
    (re.compile(r"(?i)bearer\s+\S+"), "Bearer …"),
    (re.compile(r"://[^/@\s]+@"), "://…@"),
    (re.compile(r"#[A-Za-z0-9]{4}-?[A-Za-z0-9]{4}\b"), "#…"),
    (re.compile(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b"), "…"),
)
#: What is shorter is no secret, and would tear holes into every word.
_SHORTEST_SECRET = 4


class LogTail(logging.Handler):
    """Keeps the last lines of our log. Never fails, never blocks."""

    def __init__(self, most: int = 100) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=most)

    def emit(self, record: logging.LogRecord) -> None:
        moment = datetime.fromtimestamp(record.created, timezone.utc).strftime("%H:%M:%S")
        line = f"{moment} {record.levelname.lower()} {record.msg if isinstance(record.msg, str) else type(record.msg).__name__}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f" · {kind_of(record.exc_info[1])}"
        self.lines.append(line)


def kind_of(error: BaseException) -> str:
    """An exception without its words: kind, code, and where in our files it came from. The network's own words may stay."""
    text = type(error).__name__
    if isinstance(error, ServiceError) and error.code:
        text += f" ({error.code})"
    if isinstance(error, Unreachable) and error.detail:
        text += f": {error.detail}"
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{text} at {places}" if places else text


@dataclass(frozen=True)
class Facts:
    """What a report is made of. `versions`: by what they are of; `services` one by one; `states`: how the connection changed."""

    versions: Mapping[str, str]
    services: Sequence[str] = ()
    states: Sequence[str] = ()
    timings: Sequence[Timing] = ()
    log: Sequence[str] = ()
    places: Mapping[str, str] = field(default_factory=dict)


def report(facts: Facts, secrets: Iterable[str]) -> str:
    """The report as plain text, without any of the secrets. In English: it is for whoever helps."""
    calls = [f"{each.call}: {each.status or 'no answer'}, {each.seconds * 1000:.0f} ms" for each in facts.timings]
    parts = {
        "Versions": [f"{name}: {value}" for name, value in facts.versions.items()],
        "Places": [f"{name}: {value}" for name, value in facts.places.items()],
        "Services": facts.services,
        "Connection": facts.states,
        "Last calls": calls,
        "Log": facts.log,
    }
    blocks = ["\n".join([f"## {title}", *lines]) for title, lines in parts.items() if lines]
    return redacted("\n\n".join(["# Wakebrush report", *blocks]) + "\n", secrets)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """A text without the secrets, however an address may have spelled them, and without what looks like one."""
    spellings = {spelling for secret in secrets for spelling in (secret, quote(secret, safe=""), unquote(secret))}
    for spelling in sorted((each for each in spellings if len(each) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(spelling, "…")
    for pattern, instead in _LOOKS_SECRET:
        text = pattern.sub(instead, text)
    return text
