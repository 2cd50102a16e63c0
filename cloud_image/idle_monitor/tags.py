"""The machine's own tags, as its metadata service says them."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import MetadataError
from ..metadata import Metadata
from ..moments import read_moment
from .terms import Term, carried

#: They change every few minutes at most; and a service that does not answer is not asked at every reading.
_FRESH_SECONDS = 30.0


class Tag:
    """One tag that holds a moment, read at most every half minute."""

    def __init__(self, metadata: Metadata, name: str, boot: Callable[[], float]) -> None:
        self._metadata, self._name, self._boot = metadata, name, boot
        self._asked_at: float | None = None
        self._answer: float | MetadataError | None = None

    def __call__(self) -> float | None:
        """The moment (epoch seconds); None without one. Raises MetadataError."""
        if self._asked_at is None or self._boot() - self._asked_at >= _FRESH_SECONDS:
            try:
                self._answer = read_moment(self._metadata.tag(self._name))
            except MetadataError as error:
                self._answer = error
            self._asked_at = self._boot()
        if isinstance(self._answer, MetadataError):
            raise self._answer
        return self._answer


class Lease:
    """The lease as it was last known: it decides when signals are missing, and then the metadata service may be too."""

    def __init__(self, tag: Callable[[], float | None] | None) -> None:
        self._tag = tag
        self.term: Term | None = None

    def ends(self, *, boot: float, wall: float) -> float | None:
        """When it ends, by clock.boot; None when the machine has none, or has never been known to have one."""
        try:
            if self._tag is not None:
                self.term = carried(self.term, self._tag(), boot=boot, wall=wall)
        except MetadataError:
            # HoldSignal, which asks the same service, says so in its sign.
            return self.term.ends if self.term else None
        return self.term.ends if self.term else None
