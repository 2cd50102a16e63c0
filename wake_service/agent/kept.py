"""Results on a machine's disk that nobody has acknowledged yet, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from .wire import Kept, KeptFile, KeptResult


class Keeper:
    """Results by prompt, with their files."""

    def __init__(self) -> None:
        self._results: dict[str, tuple[KeptResult, tuple[bytes, ...]]] = {}

    def keep(self, prompt_id: str, files: Sequence[tuple[str, bytes]], at: float) -> None:
        """PNG files (name, content) that the engine had made at `at`."""
        shown = tuple(
            KeptFile(name=name, media_type="image/png", size=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in files
        )
        result = KeptResult(prompt_id=prompt_id, finished_at=at, files=shown)
        self._results[prompt_id] = result, tuple(data for _, data in files)

    def forget(self, prompt_ids: Iterable[str]) -> None:
        """They are safe elsewhere; unknown ones are fine."""
        for prompt_id in prompt_ids:
            self._results.pop(prompt_id, None)

    def result(self, prompt_id: str) -> KeptResult | None:
        """What is kept of a prompt."""
        found = self._results.get(prompt_id)
        return found[0] if found else None

    def file(self, prompt_id: str, number: str) -> bytes | None:
        """One of its files, counted from 0."""
        _, files = self._results.get(prompt_id, (None, ()))
        return files[int(number)] if number.isdecimal() and len(number) < 6 and int(number) < len(files) else None

    def listed(self) -> tuple[Kept, ...]:
        """All, as a report names them."""
        return tuple(
            Kept(
                prompt_id=result.prompt_id,
                files=len(result.files),
                size=sum(file.size for file in result.files),
                finished_at=result.finished_at,
            )
            for result, _ in self._results.values()
        )
