"""Pages of the list of jobs: cursors, filters, limits. Values in, values out."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from wake_service.gateway.v2.answers import refused
from wake_service.gateway.v2.requests import LABEL_KEY
from wake_service.gateway.v2.words import STATUSES

DEFAULT_LIMIT, MOST = 50, 100
MOST_FILTERS = 3
_FILTER = re.compile(r"metadata\[(.*)\]")
_CURSOR = re.compile(r"before:(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Page:
    """What is asked for: `before` is the place in the order of arrival that the page begins under; newest first."""

    limit: int = DEFAULT_LIMIT
    before: int | None = None
    labels: tuple[tuple[str, str], ...] = ()
    status: str | None = None

    def takes(self, labels: dict[str, str]) -> bool:
        """Whether a job with these labels is wanted."""
        return all(labels.get(key) == value for key, value in self.labels)


def page(query: Iterable[tuple[str, str]]) -> Page:
    """The page that a query asks for; parameters nobody knows are overlooked. Raises Refusal."""
    limit, before, status = DEFAULT_LIMIT, None, None
    labels: dict[str, str] = {}
    for name, value in query:
        if name == "limit":
            limit = _limit(value)
        elif name == "cursor" and value:
            before = _place(value)
        elif name == "status" and value:
            status = _status(value)
        elif found := _FILTER.fullmatch(name):
            labels[_label_key(found[1])] = value
    if len(labels) > MOST_FILTERS:
        raise refused(400, "invalid_metadata_filter", f"At most {MOST_FILTERS} labels can be asked for at once.")
    return Page(limit, before, tuple(labels.items()), status)


def cursor(place: int) -> str:
    """Where the next page begins; nobody needs to read it."""
    return base64.urlsafe_b64encode(f"before:{place}".encode()).decode().rstrip("=")


def _place(given: str) -> int:
    try:
        text = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode()
    except ValueError:
        text = ""
    found = _CURSOR.fullmatch(text)
    if found is None or cursor(int(found[1])) != given:
        raise refused(400, "invalid_cursor", "This cursor was not given out here. Begin again without one.")
    return int(found[1])


def _limit(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) < 1:
        raise refused(400, "invalid_request", "“limit” must be a number from 1 on.")
    return min(int(value), MOST)


def _status(value: str) -> str:
    if value not in STATUSES:
        raise refused(400, "invalid_request", f"“status” must be one of {', '.join(STATUSES)}.")
    return value


def _label_key(key: str) -> str:
    if not LABEL_KEY.fullmatch(key):
        raise refused(400, "invalid_metadata_filter", f"{key[:60]!r} cannot be the key of a label.")
    return key
