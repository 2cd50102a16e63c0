"""Binary WebSocket frames: a big-endian event number, then what belongs to it."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from PIL import Image


class Event(IntEnum):
    """Kinds of binary frames that clients receive."""

    PREVIEW = 1
    TEXT = 3
    PREVIEW_WITH_METADATA = 4


IMAGE_NUMBERS = {"JPEG": 1, "PNG": 2}
MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}


@dataclass(frozen=True, slots=True)
class Preview:
    """An encoded picture on its way to a client; `form` is JPEG or PNG."""

    form: str
    data: bytes

    @classmethod
    def of(cls, image: Image.Image, form: str) -> Preview:
        """Encodes a picture as ComfyUI does: JPEG at quality 95, PNG lightly packed."""
        buffer = io.BytesIO()
        if form == "JPEG":
            image.save(buffer, form, quality=95)
        else:
            image.save(buffer, form, compress_level=1)
        return cls(form, buffer.getvalue())

    def plain(self) -> bytes:
        """The frame for clients that know nothing of metadata."""
        return struct.pack(">II", Event.PREVIEW, IMAGE_NUMBERS[self.form]) + self.data

    def with_metadata(self, metadata: dict[str, Any]) -> bytes:
        """The frame that says which node and prompt the picture belongs to."""
        text = json.dumps(metadata | {"image_type": MEDIA_TYPES[self.form]}).encode()
        return struct.pack(">II", Event.PREVIEW_WITH_METADATA, len(text)) + text + self.data
