"""Moments as tags hold them."""

from __future__ import annotations

from datetime import UTC, datetime

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def moment_text(moment: float) -> str:
    """A moment (epoch seconds) as a tag's value, in whole seconds, never later than it is."""
    return datetime.fromtimestamp(int(moment), UTC).strftime(_FORMAT)


def read_moment(text: str | None) -> float | None:
    """The moment in a tag's value; None when there is none, or nobody can read it."""
    try:
        return datetime.strptime(text or "", _FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
