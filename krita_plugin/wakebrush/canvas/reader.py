"""Reads picture files that are in memory, from several threads at once."""

from __future__ import annotations

from ..qt import QByteArray, QDataStream, QImageReader


class MemoryReader(QImageReader):
    """A QImageReader of bytes.

    While Qt finds out what kind of file it is, it keeps a lock of its own and looks into the file. A QBuffer made in Python
    answers that by way of Python, so it waits for Python's lock, which another thread may hold that waits for Qt's: both wait
    for ever, and Krita's window with them. The buffer that a QDataStream makes for itself is Qt's alone.
    """

    def __init__(self, content: QByteArray, kind: bytes = b"") -> None:
        """`kind`: of the file, such as b"bmp"; found out from its content when there is none."""
        stream = QDataStream(content)
        super().__init__(stream.device(), QByteArray(kind))
        self._stream = stream  # owns the buffer
        self.setDecideFormatFromContent(not kind)
