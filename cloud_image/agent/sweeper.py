"""Lets go of input pictures that no job can want any more."""

from __future__ import annotations

from collections.abc import Callable

from .clock import Clock, beside
from .inputs import Inputs
from .state import State

#: Seconds between two looks.
PERIOD = 3600.0


class Sweeper:
    """Removes inputs that are older than `keep_seconds`."""

    def __init__(self, inputs: Inputs, state: State, clock: Clock, keep_seconds: float, *, beat: Callable[[], None]) -> None:
        self._inputs = inputs
        self._state = state
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._beat = beat

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._beat()
            before = self._clock.now() - self._keep_seconds
            try:
                await beside(lambda before=before: self._inputs.sweep(before))  # type: ignore[misc]
            except OSError as error:
                self._state.say(f"Old input pictures could not be removed: {error}")
            await self._clock.sleep(PERIOD)
