"""When it is clear that she is about to paint. Pure: time comes in as a number of seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace

#: She is done with typing or selecting when nothing has come for so long.
PAUSE = 1.5
#: What comes after so long a time without a sign is a new intent.
REST = 600.0


@dataclass(frozen=True)
class Intent:
    """Signs that she will paint (a prompt typed, a selection made), and whether they were answered with a wake already.

    One intent is answered once: whoever types for an hour without painting does not keep a machine awake.
    """

    newest: float | None = None
    answered: bool = False

    def seen(self, now: float) -> Intent:
        """Another sign."""
        fresh = self.newest is None or now - self.newest >= REST
        return Intent(now, self.answered and not fresh)

    def is_due(self, now: float) -> bool:
        """Whether it is time to answer."""
        return self.newest is not None and not self.answered and now - self.newest >= PAUSE

    def done(self) -> Intent:
        """It was answered, or what she wanted was done: she has pressed the button."""
        return replace(self, answered=True)
