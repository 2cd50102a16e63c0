"""`wakebrush models add`: a file is looked at, stored under its name, and what is known about it is written down."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from wake_service.errors import ModelError
from wake_service.models.about import About, Commercial, checked_license
from wake_service.models.header import LENGTH_BYTES, guessed_folder, header_length, tensor_names
from wake_service.models.incoming import Incoming
from wake_service.models.names import model_name
from wake_service.models.store import ModelStore

SAFE = frozenset({".safetensors", ".sft"})
#: Python programs by another name: loading one may run whatever its maker wrote into it.
PICKLES = frozenset({".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl"})
GGUF = ".gguf"
_GGUF_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the admin says about a model. `folder` and `file`: None, as the file itself says. `sha256`: what it must be."""

    license: str
    commercial: Commercial
    folder: str | None = None
    file: str | None = None
    sha256: str | None = None
    trust_pickle: bool = False
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """What came of it. `stored`: its bytes travelled; else they were there already."""

    about: About
    stored: bool


async def add(store: ModelStore, incoming: Incoming, wish: Wish, now: float) -> Added:
    """Adds one model. Raises ModelError; then the store is as it was."""
    license_id = checked_license(wish.license)
    file = wish.file or incoming.file
    head = _Head(incoming.chunks)
    folder = await _looked_at(file, incoming.size, head, wish)
    name = model_name(folder, file)
    there = (await store.inventory()).find(name)
    known = there.about if there else None
    if known is not None and known.sha256 == wish.sha256 and known.size == incoming.size:
        sha256, stored = known.sha256, False
    # One that nobody has described is most likely this one: an earlier try ended in between, or it was put there by hand.
    elif there is not None and not wish.replace and (known is not None or there.size != incoming.size):
        raise ModelError(
            f"{name} is in {store.place} already, and this may be another file. Give it another --name, or say --replace: "
            "every style that uses it then paints with the new one."
        )
    else:
        sha256, stored = await store.put(name, head.all(), incoming.size, wish.sha256), True
    added_at = known.added_at if known is not None and not stored else now
    about = About(name=name, sha256=sha256, size=incoming.size, license=license_id, commercial=wish.commercial, added_at=added_at)
    if about != known:
        await store.describe(about)
    return Added(about, stored)


async def _looked_at(file: str, size: int, head: _Head, wish: Wish) -> str:
    """The folder that a file belongs in. Raises ModelError for one that is broken, or not what it says, or not to be trusted."""
    ending = Path(file).suffix.lower()
    guess = None
    if ending in SAFE:
        length = header_length(await head.first(LENGTH_BYTES), size)
        header = (await head.first(LENGTH_BYTES + length))[LENGTH_BYTES:]
        guess = guessed_folder(tensor_names(header, size))
    elif ending == GGUF:
        if (await head.first(len(_GGUF_MAGIC))) != _GGUF_MAGIC:
            raise ModelError(f"{file} is no GGUF file, although its name says so.")
    elif ending in PICKLES:
        if not wish.trust_pickle:
            raise ModelError(
                f"{file} is a pickle: a program that runs on the machine when it is loaded. Look for a .safetensors of the same "
                "model; or, if you trust its maker with your machines, say --trust-pickle."
            )
    else:
        raise ModelError(f"{file} is none of the files that models come in: {', '.join(sorted({*SAFE, GGUF, *PICKLES}))}.")
    if wish.folder is None and guess is None:
        raise ModelError(f"Nothing in {file} says what kind of model it is. Say it: --folder checkpoints, loras, vae, …")
    return wish.folder or guess or ""


class _Head:
    """Looks at the first bytes of a stream without taking them from it."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._read = bytearray()

    async def first(self, size: int) -> bytes:
        """The first `size` bytes; fewer when there are no more."""
        while len(self._read) < size:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                break
            self._read += chunk
        return bytes(self._read[:size])

    async def all(self) -> AsyncIterator[bytes]:
        """Everything, from the beginning."""
        if self._read:
            yield bytes(self._read)
        async for chunk in self._chunks:
            yield chunk


def checksum_of(path: Path) -> str:
    """The SHA-256 of a file. Raises ModelError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
