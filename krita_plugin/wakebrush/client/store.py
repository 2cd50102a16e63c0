"""Small texts that outlive Krita, as Krita keeps its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class KeyValueStore(Protocol):
    """Small texts that outlive Krita. A missing key reads as an empty text."""

    def read(self, key: str) -> str:
        """The text under `key`, or ''."""

    def write(self, key: str, value: str) -> None:
        """Stores `value` under `key`."""


class MemoryStore:
    """A store for tests and for a session that keeps nothing."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})

    def read(self, key: str) -> str:
        return self.values.get(key, "")

    def write(self, key: str, value: str) -> None:
        self.values[key] = value
