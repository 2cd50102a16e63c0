"""What time it is for moto: that of the cloud which answers just now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

import moto.core.utils

_moment: ContextVar[float | None] = ContextVar("moment", default=None)


@contextmanager
def present(moment: float) -> Iterator[None]:
    """While this lasts, moto believes that it is `moment` (epoch seconds)."""
    before = _moment.set(moment)
    try:
        yield
    finally:
        _moment.reset(before)


def utcnow() -> datetime:
    """The moment, as moto wants it: UTC without saying so. The computer's own where no cloud answers."""
    moment = _moment.get()
    return (datetime.now(UTC) if moment is None else datetime.fromtimestamp(moment, UTC)).replace(tzinfo=None)


def _utcnow_of_moto() -> datetime:
    from tests.aws.cloud.present import utcnow

    return utcnow()


# Every module of moto holds this function itself, so that only its inside can be exchanged for all of them at once.
moto.core.utils.utcnow.__code__ = _utcnow_of_moto.__code__
