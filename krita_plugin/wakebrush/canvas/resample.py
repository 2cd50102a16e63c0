"""Scaling that lets the GUI thread work on.

`QImage.scaled` keeps Python's lock while it computes, so a worker thread that calls it stops every slot in the GUI.
Writing and reading images gives the lock back, and a reader scales as it reads: an uncompressed file in memory between
the two costs little and blocks nobody.
"""

from __future__ import annotations

from ..i18n import tr
from ..qt import QBuffer, QByteArray, QImage, QIODevice, QSize
from .capture import UnreadablePicture
from .reader import read


def scaled(image: QImage, width: int, height: int) -> QImage:
    """`image` (opaque) smoothly scaled; itself when it has that size. Any 32-bit format may come back."""
    if (image.width(), image.height()) == (width, height):
        return image
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    try:
        if not image.save(buffer, "BMP"):
            raise ValueError("Qt could not write the picture as BMP")
        return read(buffer.data(), QSize(width, height), b"bmp")
    except ValueError as error:
        raise MemoryError(tr("There is not enough memory to scale a picture.")) from error


def decoded(picture: bytes, width: int, height: int) -> QImage:
    """The picture in a PNG, JPEG or WebP file, smoothly scaled to that size. Raises UnreadablePicture."""
    try:
        return read(QByteArray(picture), QSize(width, height))
    except ValueError as error:
        raise UnreadablePicture(tr("The picture that came back cannot be read: {reason}.", reason=error)) from error
