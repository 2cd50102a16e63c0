"""A model file on its way in: from this computer's disk, or from an https address."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import aiohttp

from wake_service.errors import ModelError

CHUNK_BYTES = 1024 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 10
#: A server that says nothing for so long is gone. Whole files of 20 GB may take hours.
_SILENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file of `size` bytes; `file` is its own name. The chunks can be taken once."""

    file: str
    size: int
    chunks: AsyncIterator[bytes]


@asynccontextmanager
async def from_disk(path: Path) -> AsyncIterator[Incoming]:
    """A file of this computer. Raises ModelError."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size

            async def chunks() -> AsyncIterator[bytes]:
                while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                    yield chunk

            yield Incoming(path.name, size, chunks())
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error


@asynccontextmanager
async def from_address(address: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Incoming]:
    """A file behind an https address, with the redirects that it goes through, https each. Raises ModelError."""
    timeout = aiohttp.ClientTimeout(total=None, connect=_SILENT_SECONDS, sock_read=_SILENT_SECONDS)
    headers = {"Accept-Encoding": "identity"}  # the size must be that of the file itself
    try:
        async with aiohttp.ClientSession(timeout=timeout, headers=headers, auto_decompress=False) as session:
            for _ in range(_MOST_REDIRECTS):
                _check_address(address)
                async with session.get(address, allow_redirects=False, ssl=tls or True) as answer:
                    if answer.status in _REDIRECTS and "Location" in answer.headers:
                        address = urljoin(address, answer.headers["Location"])
                        continue
                    yield Incoming(_file_name(answer), _size(answer, address), answer.content.iter_chunked(CHUNK_BYTES))
                    return
    except (aiohttp.ClientError, TimeoutError) as error:
        reason = str(error) or "the server said nothing for a minute"
        raise ModelError(f"{_shown(address)} cannot be read: {reason}. Nothing was changed; try again.") from error
    raise ModelError(f"{_shown(address)} leads on and on. Nothing was changed.")


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise ModelError(f"{_shown(address)} is not fetched: only https addresses are, and redirects to such.")


def _size(answer: aiohttp.ClientResponse, address: str) -> int:
    if answer.status != 200:
        wants = " It may want a login: download it in the browser, and add the file." if answer.status in (401, 403) else ""
        raise ModelError(f"{_shown(address)} answered {answer.status}.{wants} Nothing was changed.")
    if answer.content_length is None or answer.headers.get("Content-Encoding", "identity") != "identity":
        raise ModelError(f"{_shown(address)} does not say how large the file is. Download it, and add the file.")
    return answer.content_length


def _file_name(answer: aiohttp.ClientResponse) -> str:
    said = answer.content_disposition.filename if answer.content_disposition else None
    return said or unquote(answer.url.path.rpartition("/")[2])


def _shown(address: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
