"""What is to be sketched."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class Brief:
    """Words, seed and way of sketching of one picture. `guidance` is a CFG scale; `number` counts pictures of one batch."""

    text: str
    negative: str
    seed: int
    model: str
    loras: tuple[tuple[str, float], ...] = ()
    guidance: float = 7.0
    number: int = 0

    def variant(self, number: int) -> Brief:
        """The same brief for another picture of the batch."""
        return replace(self, number=number)

    def random(self, purpose: str) -> np.random.Generator:
        """Chance that depends on seed and purpose only, so that other words do not move everything."""
        return _generator(f"{self.seed}/{self.number}/{purpose}")

    def random_by_words(self, purpose: str) -> np.random.Generator:
        """Chance that depends on the words as well."""
        return _generator(f"{self.seed}/{self.number}/{purpose}/{' '.join(self.text.lower().split())}")


def _generator(text: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
