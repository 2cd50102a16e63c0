"""Reads picture files that are in memory, from several threads at once."""

from __future__ import annotations

from ..qt import QBuffer, QByteArray, QImage, QImageReader, QIODevice, QSize


def read(content: QByteArray, size: QSize | None = None, kind: bytes = b"") -> QImage:
    """The picture, smoothly scaled to `size` when it has another one. `kind`: of the file, such as b"bmp"; found out from its
    content when there is none. Raises ValueError with Qt's reason.

    While Qt finds out what kind of file it is, it keeps a lock of its own and looks into the buffer, which answers by way of
    Python. `canRead` keeps Python's lock in that time. `read` gives it back: alone, it could wait for Python's lock with Qt's in
    its hand, while another thread waits for Qt's with Python's, for ever, and Krita's window with them.
    """
    buffer = QBuffer()
    buffer.setData(content)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(kind))
    reader.setDecideFormatFromContent(not kind)
    if not reader.canRead():
        raise ValueError(reader.errorString())
    if size is not None and reader.size() != size:
        reader.setScaledSize(size)
    image = reader.read()
    if image.isNull():
        raise ValueError(reader.errorString())
    return image
