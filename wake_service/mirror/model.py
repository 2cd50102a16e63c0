"""A copy of what one engine answered: entries by path, and the key that tells copies of different software apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from .personal import with_files

#: The largest answer that is kept, in bytes, unless it is part of the web page.
ANSWER_BYTES = 8 * 1024 * 1024
#: What is worth packing: the rest is packed already.
_TEXT = (
    "text/",
    "application/json",
    "application/javascript",
    "application/manifest",
    "application/xml",
    "image/svg",
    "font/ttf",
)
#: Of `/system_stats`: what says which software runs. The rest changes from moment to moment.
_SOFTWARE = (
    "comfyui_version",
    "required_frontend_version",
    "python_version",
    "pytorch_version",
    "comfy_package_versions",
    "argv",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer. `sha256` names its bytes and is its ETag; `size` in bytes, `packed` that of its gzip'd copy if it has one;
    `as_of` is when the engine said it (epoch seconds), `etag` what the engine itself calls it."""

    status: int
    media_type: str
    sha256: str
    size: int
    as_of: float
    packed: int | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """All that was read of one engine. Keys of `entries` are decoded paths without `/api` (`/models/loras`).

    `key` stands for its image, node packs and models: engines with the same key answer alike.
    """

    key: str = ""
    as_of: float = 0.0
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """For `read_copy`."""
        return orjson.dumps({"version": 1, "key": self.key, "as_of": self.as_of, "entries": dict(self.entries)})


def read_copy(data: bytes) -> Copy:
    """Raises ValueError for what is no copy of this version."""
    try:
        written = orjson.loads(data)
        if written["version"] != 1:
            raise ValueError(f"its version is {written['version']}")
        entries = {str(path): _entry(one) for path, one in written["entries"].items()}
        return Copy(str(written["key"]), float(written["as_of"]), entries)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no index of a copy: {error!r}") from error


def _entry(written: Mapping[str, Any]) -> Entry:
    entry = Entry(**written)
    if not is_sha256(entry.sha256) or not isinstance(entry.status, int) or not isinstance(entry.media_type, str):
        raise ValueError("an entry of it cannot be read")
    if not entry.media_type.isascii() or not entry.media_type.isprintable():
        raise ValueError("a media type of it cannot be sent")
    return entry


def is_sha256(text: object) -> bool:
    """Whether it is a checksum as hexdigest() writes it."""
    return isinstance(text, str) and len(text) == 64 and not set(text) - set("0123456789abcdef")


def may_be_kept(status: int, media_type: str, size: int) -> bool:
    """Whether an answer of a node pack may be kept: pictures are not, they may be anybody's."""
    return status == 200 and size <= ANSWER_BYTES and is_text(media_type) and not media_type.startswith("image/")


def is_text(media_type: str) -> bool:
    """Whether packing makes it smaller."""
    return media_type.startswith(_TEXT)


def is_script(media_type: str) -> bool:
    """Whether browsers run it."""
    return "javascript" in media_type or "ecmascript" in media_type


def copy_key(system_stats: Any, object_info: Any, extensions: Any, page: bytes) -> str:
    """The key of a copy, from what an engine says of itself; `page` is its web page's first file."""
    system = system_stats.get("system") if isinstance(system_stats, dict) else None
    software = {name: system.get(name) for name in _SOFTWARE} if isinstance(system, dict) else {}
    said = {
        "software": software,
        "nodes": with_files(object_info, ()) if isinstance(object_info, dict) else None,
        "packs": extensions,
    }
    digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))
    digest.update(page)
    return digest.hexdigest()
