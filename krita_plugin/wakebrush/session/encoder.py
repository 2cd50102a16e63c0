"""PNG files of what is sent, made once for the same pixels. For worker threads."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from ..qt import QImage
from .pictures import encode


class Encoder:
    """`encode`, which remembers: pixels that it has seen a short while ago are not compressed again. For one thread."""

    def __init__(self, most_bytes: int = 64 << 20) -> None:
        self._most = most_bytes
        self._known: OrderedDict[bytes, bytes] = OrderedDict()

    def encode(self, image: QImage) -> bytes:
        """The picture as a PNG file. Raises ValueError when Qt cannot."""
        key = _fingerprint(image)
        content = self._known.pop(key, None)
        if content is None:
            content = encode(image)
        self._known[key] = content
        while len(self._known) > 1 and sum(map(len, self._known.values())) > self._most:
            self._known.popitem(last=False)
        return content


def _fingerprint(image: QImage) -> bytes:
    """The same for the same pixels only. Hashing a large block gives Python's lock back."""
    memory = image.constBits()
    memory.setsize(image.sizeInBytes())
    digest = hashlib.blake2b(memoryview(memory), digest_size=32)
    digest.update(repr((image.width(), image.height(), int(image.format()))).encode("ascii"))
    return digest.digest()
