"""The one place that knows which Qt is around: Krita 5 embeds Qt 5 (PyQt5), Krita 6 embeds Qt 6 (PyQt6).

Enumerations are written in full (`Qt.MouseButton.NoButton`), which both bindings understand.
"""

from __future__ import annotations


def _binding() -> str:
    """Loading the other Qt's libraries into Krita would crash it, so Krita's version decides; PyQt5 outside Krita."""
    try:
        from krita import Krita
    except ImportError:
        return "PyQt5"
    return "PyQt6" if int(Krita.instance().version().split(".")[0]) >= 6 else "PyQt5"


BINDING = _binding()

if BINDING == "PyQt6":
    from PyQt6.QtCore import QBuffer, QByteArray, QEvent, QIODevice, QObject, QRect, QSize, Qt, QTimer
    from PyQt6.QtGui import QColor, QImage, QImageReader, QPainter
    from PyQt6.QtWidgets import QApplication
else:
    from PyQt5.QtCore import QBuffer, QByteArray, QEvent, QIODevice, QObject, QRect, QSize, Qt, QTimer
    from PyQt5.QtGui import QColor, QImage, QImageReader, QPainter
    from PyQt5.QtWidgets import QApplication

__all__ = [
    "BINDING",
    "QApplication",
    "QBuffer",
    "QByteArray",
    "QColor",
    "QEvent",
    "QIODevice",
    "QImage",
    "QImageReader",
    "QObject",
    "QPainter",
    "QRect",
    "QSize",
    "QTimer",
    "Qt",
]
