"""Models that the engine has most likely in memory: those that its last prompts read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .prompts import Finished, Work

#: Models that are told at most: the ones used last. No GPU holds more at once.
MOST = 32


class Loaded:
    """What prompts have used since the engine was started, the last one last."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def used(self, finished: Sequence[Finished], work: Work) -> None:
        """These have run or run now. A prompt that only waits has loaded nothing."""
        for prompt in finished:
            self._use(prompt.models)
        for running in work.running:
            self._use(running.models)

    def names(self) -> tuple[str, ...]:
        """As the engine names them."""
        return tuple(self._names)

    def _use(self, names: Iterable[str]) -> None:
        for name in names:
            self._names.pop(name, None)
            self._names[name] = None
        while len(self._names) > MOST:
            del self._names[next(iter(self._names))]
