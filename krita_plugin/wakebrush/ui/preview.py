"""The picture in the making: a thumbnail in the docker, never a layer."""

from __future__ import annotations

from ..i18n import tr
from ..qt import QImage, QPainter, QRect, QSize, Qt, QtGui, QtWidgets, QWidget

#: In pixels. The least is what it asks for: more it only gets when nothing else has to scroll for it.
_LEAST, _MOST = 48, 160


class Preview(QWidget):
    """Shows an image as large as the width and the room that is left below the rest allow, up to 160 pixels high."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self.setObjectName("preview")
        self.setAccessibleName(tr("Preview of the picture in the making"))
        self.setMinimumHeight(_LEAST)
        self.setMaximumHeight(_MOST)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Expanding)
        self.hide()

    def show_image(self, image: QImage | None) -> None:
        self._image = image
        self.setHidden(image is None)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, _LEAST)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        if self._image is None:
            return
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect((self.width() - size.width()) // 2, 0, size.width(), size.height())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, self._image)
