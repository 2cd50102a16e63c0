"""The docker as the eye meets it: its side, its width, and whether all of its text can be read."""

from functools import lru_cache

from krita import Krita

from .binding import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFontMetrics,
    QLabel,
    QPalette,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    Qt,
)
from .docker import docker, part
from .window import main

SIDES = {"left": Qt.DockWidgetArea.LeftDockWidgetArea, "right": Qt.DockWidgetArea.RightDockWidgetArea}
OTHERS = ("PresetDocker", "HistoryDocker", "ColorSelectorNg", "sharedtooldocker", "KisLayerBox")


def put(side, width):
    """On that side of the window, alone there but for the tools, and so wide; returns how wide it became."""
    for other in Krita.instance().dockers():
        if other.objectName() in OTHERS:
            other.setVisible(False)
    dock = docker()
    window = _window()
    window.addDockWidget(SIDES[side], dock)
    tools = next(each for each in Krita.instance().dockers() if each.objectName() == "ToolBox")
    if window.dockWidgetArea(tools) == SIDES[side]:
        window.splitDockWidget(tools, dock, Qt.Orientation.Horizontal)
    dock.setVisible(True)
    dock.raise_()
    yield 0.3
    window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
    yield 0.5
    return dock.width()


@lru_cache(maxsize=1)
def _window():
    """Always the same Python object: sip gives it the docker to hold, and the docker's Python half would go with it."""
    return main()


def is_dark():
    """Whether Krita's theme writes light on dark."""
    return QApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128


def cut_off():
    """What cannot be read as it stands: text that is wider or higher than its place, and parts that stick out at a side."""
    panel = part("wakebrush_panel")
    area = next(each for each in docker().findChildren(QScrollArea) if each.isAncestorOf(panel))
    found = [f"{area.horizontalScrollBar().maximum()} px to scroll"] if area.horizontalScrollBar().maximum() else []
    for widget in panel.findChildren((QLabel, QAbstractButton, QComboBox)):
        if not widget.isVisible() or widget.visibleRegion().isEmpty():
            continue
        left = widget.mapTo(area.viewport(), widget.rect().topLeft()).x()
        if left < 0 or left + widget.width() > area.viewport().width():
            found.append(f"{_named(widget)} sticks out")
        if _lacks_room(widget):
            found.append(_named(widget))
    return found


def _lacks_room(widget):
    if isinstance(widget, QLabel):
        if widget.wordWrap():
            return bool(widget.text()) and widget.height() < widget.heightForWidth(widget.width())
        if widget.toolTip() or (widget.pixmap() and not widget.pixmap().isNull()):
            return False  # cut at the end on purpose: the whole text is in the tool tip
        return QFontMetrics(widget.font()).horizontalAdvance(widget.text()) > widget.contentsRect().width()
    if isinstance(widget, QComboBox):
        option = QStyleOptionComboBox()
        option.initFrom(widget)
        parts = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        field = widget.style().subControlRect(parts[0], option, parts[1], widget)
        return QFontMetrics(widget.font()).horizontalAdvance(widget.currentText()) > field.width()
    return bool(widget.text()) and widget.minimumSizeHint().width() > widget.width()


def _named(widget):
    text = widget.currentText() if isinstance(widget, QComboBox) else widget.text()
    return f"{widget.objectName() or type(widget).__name__}: “{text}” in {widget.width()}×{widget.height()}"
