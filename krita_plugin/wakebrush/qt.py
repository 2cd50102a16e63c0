"""The one place that names a Qt binding: PyQt5 in Krita 5, PyQt6 in Krita 6.

Krita's own `krita` module has loaded its binding before any plugin starts, so the one that is loaded is the right one;
outside Krita (tests) PyQt5 is preferred. Enums are written in full (`Qt.AlignmentFlag.AlignLeft`): both bindings know that form.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

if "PyQt6" in sys.modules and "PyQt5" not in sys.modules:
    BINDING = "PyQt6"
elif "PyQt5" in sys.modules or find_spec("PyQt5"):
    BINDING = "PyQt5"
else:
    BINDING = "PyQt6"

if BINDING == "PyQt6":
    from PyQt6 import QtCore, QtGui, QtNetwork, QtWidgets
else:
    from PyQt5 import QtCore, QtGui, QtNetwork, QtWidgets

Qt = QtCore.Qt
Signal = QtCore.pyqtSignal
QBuffer = QtCore.QBuffer
QByteArray = QtCore.QByteArray
QEvent = QtCore.QEvent
QIODevice = QtCore.QIODevice
QLocale = QtCore.QLocale
QObject = QtCore.QObject
QPoint = QtCore.QPoint
QPointF = QtCore.QPointF
QRect = QtCore.QRect
QRectF = QtCore.QRectF
QSize = QtCore.QSize
QTimer = QtCore.QTimer

QNetworkProxy = QtNetwork.QNetworkProxy
QNetworkProxyFactory = QtNetwork.QNetworkProxyFactory
QNetworkProxyQuery = QtNetwork.QNetworkProxyQuery

QColor = QtGui.QColor
QIcon = QtGui.QIcon
QImage = QtGui.QImage
QImageReader = QtGui.QImageReader
QPainter = QtGui.QPainter
QPalette = QtGui.QPalette
QPen = QtGui.QPen
QPixmap = QtGui.QPixmap
QTransform = QtGui.QTransform

#: The pause of a QTimer.singleShot that is to end in another turn of the event loop, after what is to be drawn has been drawn.
#: One of 0 is a posted event, which Qt handles in the same turn.
NEXT_TURN_MS = 1

QApplication = QtWidgets.QApplication
QMdiArea = QtWidgets.QMdiArea
QWidget = QtWidgets.QWidget
