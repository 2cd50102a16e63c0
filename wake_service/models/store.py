"""Where a pool's models are kept: a bucket, or a folder. One Protocol, and a store in memory for tests.

The same contract suite (tests/unit/models/test_store_contract.py) runs against every store.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from wake_service.errors import ModelError
from wake_service.models.about import About, read_about


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in a store. `about` is None when nobody has written down what it is, or not so that it can be read or fits."""

    name: str
    size: int
    about: About | None


@dataclass(slots=True)
class Inventory:
    """All models of a store, by name, and sentences about what is wrong there."""

    entries: list[Entry] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def find(self, name: str) -> Entry | None:
        """The model of that name."""
        return next((entry for entry in self.entries if entry.name == name), None)


class ModelStore(Protocol):
    """Models by name (names.py). Every call raises ModelError."""

    @property
    def place(self) -> str:
        """What an admin calls it: `s3://BUCKET/models`, or a folder."""

    async def inventory(self) -> Inventory:
        """All that is there."""

    async def put(self, name: str, chunks: AsyncIterator[bytes], size: int, sha256: str | None = None) -> str:
        """Stores a model of `size` bytes; its checksum. It gets its name when it is whole and is what `sha256` promised:
        until then whatever had the name keeps it. A put that broke off may go on from what had arrived."""

    async def describe(self, about: About) -> None:
        """Writes down what is known about a model that is there."""

    async def remove(self, name: str) -> bool:
        """Removes a model with what is known about it; whether there was one."""


class Gauge:
    """Counts and hashes what passes, and refuses what is not what was promised."""

    def __init__(self, name: str, size: int, sha256: str | None) -> None:
        self._name = name
        self._size = size
        self._promised = sha256
        self._hash = hashlib.sha256()
        self.passed = 0

    @property
    def sha256(self) -> str:
        """Checksum of what has passed."""
        return self._hash.hexdigest()

    @property
    def complete(self) -> bool:
        """Whether as many bytes have passed as were promised."""
        return self.passed == self._size

    def add(self, chunk: bytes) -> None:
        """Takes the next bytes. Raises ModelError when they are more than promised."""
        self.passed += len(chunk)
        if self.passed > self._size:
            raise ModelError(f"{self._name} has more than the {self._size:,} bytes that it was said to have; it was not kept.")
        self._hash.update(chunk)

    def check(self) -> None:
        """Raises ModelError when it broke off, or is not what was promised."""
        if not self.complete:
            raise ModelError(f"{self._name} broke off after {self.passed:,} of {self._size:,} bytes. Say the same command again.")
        if self._promised is not None and self.sha256 != self._promised:
            raise ModelError(
                f"{self._name} is not what was promised: its checksum is {self.sha256}, not {self._promised}; it was not kept."
            )


def believed(name: str, size: int, text: bytes | None, troubles: list[str]) -> About | None:
    """What is written about a model of `size` bytes, if it fits; what is wrong with it is added to `troubles`."""
    if text is None:
        return None
    try:
        about = read_about(name, text)
    except ModelError as error:
        troubles.append(str(error))
        return None
    if about.size != size:
        troubles.append(f"{name} has changed since it was added. Add it again.")
        return None
    return about


class MemoryModels:
    """A ModelStore that forgets everything with the process."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.abouts: dict[str, bytes] = {}

    @property
    def place(self) -> str:
        return "memory"

    async def inventory(self) -> Inventory:
        found = Inventory()
        for name, data in sorted(self.files.items()):
            about = believed(name, len(data), self.abouts.get(name), found.troubles)
            found.entries.append(Entry(name, len(data), about))
        return found

    async def put(self, name: str, chunks: AsyncIterator[bytes], size: int, sha256: str | None = None) -> str:
        gauge, gathered = Gauge(name, size, sha256), bytearray()
        async for chunk in chunks:
            gauge.add(chunk)
            gathered += chunk
        gauge.check()
        self.files[name] = bytes(gathered)
        return gauge.sha256

    async def describe(self, about: About) -> None:
        self.abouts[about.name] = about.model_dump_json().encode()

    async def remove(self, name: str) -> bool:
        self.abouts.pop(name, None)
        return self.files.pop(name, None) is not None
