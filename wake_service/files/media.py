"""What kind of file something is: by its name, and by its first bytes where the name does not say."""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath

UNKNOWN = "application/octet-stream"
#: How many of the first bytes `media_type` wants.
HEAD_BYTES = 64
#: As long as the columns are.
_FILE_LETTERS, _BLOB_LETTERS = 64, 32
#: Beside what Python knows everywhere: the system's own list differs from computer to computer, so it is not asked.
_MORE = {
    ".avif": "image/avif",
    ".exr": "image/x-exr",
    ".flac": "audio/flac",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".heic": "image/heic",
    ".jxl": "image/jxl",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".obj": "model/obj",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".stl": "model/stl",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
_BY_NAME = mimetypes.MimeTypes(filenames=())
_BY_HEAD: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"WEBP", 8, "image/webp"),
    (b"WAVE", 8, "audio/x-wav"),
    (b"GIF8", 0, "image/gif"),
    (b"ftypavif", 4, "image/avif"),
    (b"ftyp", 4, "video/mp4"),
    (b"\x1a\x45\xdf\xa3", 0, "video/webm"),
    (b"fLaC", 0, "audio/flac"),
    (b"OggS", 0, "audio/ogg"),
    (b"ID3", 0, "audio/mpeg"),
    (b"glTF", 0, "model/gltf-binary"),
)


def media_type(name: str, head: bytes = b"") -> str:
    """Media type of a file; `head` are its first bytes, as far as they are at hand."""
    suffix = PurePosixPath(name).suffix.lower()
    kind = _MORE.get(suffix) or _BY_NAME.guess_type(f"a{suffix}", strict=False)[0] or UNKNOWN
    kind = _sniffed(head) if kind == UNKNOWN else kind
    return kind if len(kind) <= _FILE_LETTERS else UNKNOWN


def blob_media_type(kind: str) -> str:
    """The same for a blob, whose column is shorter."""
    return kind if len(kind) <= _BLOB_LETTERS else UNKNOWN


def _sniffed(head: bytes) -> str:
    return next((kind for mark, at, kind in _BY_HEAD if head[at : at + len(mark)] == mark), UNKNOWN)
