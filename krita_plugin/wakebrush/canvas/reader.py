"""Reads picture files that are in memory, from several threads at once."""

from __future__ import annotations

from ..qt import QByteArray, QDataStream, QImage, QImageReader, QSize


def read(content: QByteArray, size: QSize | None = None, kind: bytes = b"") -> QImage:
    """The picture, smoothly scaled to `size` when it has another one. `kind`: of the file, such as b"bmp"; found out from its
    content when there is none. Raises ValueError with Qt's reason.

    While Qt finds out what kind of file it is, it keeps a lock of its own and looks into the file. A QBuffer made in Python
    answers that by way of Python, so it waits for Python's lock, which another thread may hold that waits for Qt's: both wait
    for ever, and Krita's window with them. The buffer that a QDataStream makes for itself is Qt's alone.
    """
    stream = QDataStream(content)
    reader = QImageReader(stream.device(), QByteArray(kind))
    reader.setDecideFormatFromContent(not kind)
    if size is not None and reader.size() != size:
        reader.setScaledSize(size)
    image, reason = reader.read(), reader.errorString()
    # Before the buffer that it knows: sip would take its Python half for that of the next object at the same address.
    del reader
    if image.isNull():
        raise ValueError(reason)
    return image
