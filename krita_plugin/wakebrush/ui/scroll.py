"""The docker's scroll area. Its width never changes, whatever comes and goes inside."""

from __future__ import annotations

from ..qt import QPainter, QPalette, Qt, QtGui, QtWidgets, QWidget


class ScrollArea(QtWidgets.QScrollArea):
    """Keeps the scroll bar's room at all times: a bar that came with the preview would narrow everything."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setObjectName("wakebrush_scroll")
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setVerticalScrollBar(_QuietBar(Qt.Orientation.Vertical))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setMinimumWidth(220)
        self.setWidget(content)


class _QuietBar(QtWidgets.QScrollBar):
    """Cannot be seen while there is nothing to scroll."""

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        if self.maximum() > self.minimum():
            super().paintEvent(event)
        else:
            QPainter(self).fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Window))
