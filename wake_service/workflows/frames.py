"""Frames for clients' sockets, in the forms that ComfyUI has."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import orjson

_EVENT = struct.Struct(">I")
_TWO = struct.Struct(">II")
#: A picture (older form), and one with a header that names prompt and node.
PICTURE, PICTURE_WITH_NAMES = 1, 4
_FORMATS = {"image/jpeg": 1, "image/png": 2}


class Kind(Enum):
    """How much a frame matters: previews may be left out, events that are missed are missed, results wait for their client."""

    PREVIEW = "preview"
    EVENT = "event"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. `plain` is its form for clients that do not know headers on pictures. `image` follows either form: it may be
    large, and is copied once, when it is sent. `step`: it tells of a step, which a picture in the older form follows. `open`: all
    of an artist's clients hear it where its prompt names none.
    """

    body: str | bytes
    kind: Kind = Kind.EVENT
    plain: bytes | None = None
    image: memoryview | None = None
    step: bool = False
    open: bool = False

    def for_client(self, *, headers: bool) -> str | bytes:
        """The form that a client understands."""
        form = self.body if headers or self.plain is None else self.plain
        return b"".join((form, self.image)) if isinstance(form, bytes) and self.image is not None else form

    @property
    def size(self) -> int:
        """Bytes (characters of a text count as one)."""
        return len(self.body) + (len(self.image) if self.image is not None else 0)


def message(kind: str, data: dict[str, Any], *, result: bool = False) -> Frame:
    """A JSON message."""
    body = orjson.dumps({"type": kind, "data": data}).decode()
    return Frame(body, Kind.RESULT if result else Kind.EVENT)


def status(remaining: int, sid: str | None = None) -> Frame:
    """How many prompts of hers are not finished; the first frame of a connection tells its `sid`."""
    data: dict[str, Any] = {"status": {"exec_info": {"queue_remaining": remaining}}}
    return message("status", data if sid is None else data | {"sid": sid})


def picture(raw: bytes, upstream: str, name: str, kind: Kind) -> Frame:
    """An engine's picture frame under the name that the client has for the prompt.

    Only the header is read; the picture is not copied.
    """
    (event,) = _EVENT.unpack_from(raw)
    if event != PICTURE_WITH_NAMES:
        return Frame(raw, kind)
    _, length = _TWO.unpack_from(raw)
    start = _TWO.size + length
    header = raw[_TWO.size : start]
    if upstream != name:
        header = header.replace(upstream.encode(), orjson.dumps(name)[1:-1])
    return _with_names(header, orjson.loads(header).get("image_type"), memoryview(raw)[start:], kind)


def stored_picture(name: str, node: str, media_type: str, image: bytes) -> Frame:
    """A result that came over the socket and was stored, as if it came now."""
    about = {"prompt_id": name, "node_id": node, "display_node_id": node, "real_node_id": node, "image_type": media_type}
    return replace(_with_names(orjson.dumps(about), media_type, memoryview(image), Kind.RESULT), open=True)


def _with_names(header: bytes, media_type: Any, image: memoryview, kind: Kind) -> Frame:
    plain = _TWO.pack(PICTURE, _FORMATS.get(media_type, 1))
    return Frame(_TWO.pack(PICTURE_WITH_NAMES, len(header)) + header, kind, plain, image)


def image_of(raw: bytes) -> bytes:
    """The picture in a picture frame."""
    event, second = _TWO.unpack_from(raw)
    return raw[_TWO.size + second :] if event == PICTURE_WITH_NAMES else raw[_TWO.size :]
