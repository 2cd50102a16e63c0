"""The plugin's docker as the artist sees it: what it says, and where its parts are on the screen."""

import time

from krita import Krita

from .binding import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QEvent,
    QLabel,
    QObject,
    QPlainTextEdit,
    QProgressBar,
    QTimer,
    QWidget,
)
from .window import main, place

NAME = "wakebrush_docker"
LOOK_MS = 20
SAYING = (
    "state_line", "practice", "prompt", "style", "generate", "price", "progress",
    "error_title", "error_hint", "offer_sentence", "budget",
)  # fmt: skip

_recorder = None
_touch = None


def docker():
    return next(dock for dock in Krita.instance().dockers() if dock.objectName() == NAME)


def part(name):
    widget = docker().findChild(QWidget, name)
    assert widget is not None, name
    return widget


def show():
    """Puts the docker in front, wide enough to read, and takes away what hides it on a small screen."""
    for other in Krita.instance().dockers():
        if other.objectName() in ("PresetDocker", "HistoryDocker", "ColorSelectorNg", "sharedtooldocker"):
            other.setVisible(False)
    dock = docker()
    dock.setVisible(True)
    dock.raise_()
    yield 0.3
    main().resizeDocks([dock], [320], _horizontal())
    yield 0.3
    return dock.isVisible()


def tabbed_with():
    """The dockers that share its place."""
    return [other.objectName() for other in main().tabifiedDockWidgets(docker())]


def _horizontal():
    from .binding import Qt

    return Qt.Orientation.Horizontal


def text(name):
    """What a part says; empty while it is hidden."""
    widget = docker().findChild(QWidget, name)
    if widget is None or not widget.isVisible():
        return ""
    if isinstance(widget, QProgressBar):
        return widget.format()
    if isinstance(widget, QPlainTextEdit):
        return widget.toPlainText()
    if isinstance(widget, QComboBox):
        return widget.currentText()
    return widget.text() if isinstance(widget, (QLabel, QAbstractButton)) else type(widget).__name__


def window_of(name):
    """The window that a part is in, for the keyboard: one of its dialogs has its own."""
    return int(part(name).window().winId())


def look():
    """Everything it says at this moment."""
    names = (
        "state_line",
        "practice",
        "prompt",
        "style",
        "generate",
        "price",
        "error_title",
        "error_hint",
        "offer_sentence",
        "budget",
        "wake",
        "hold",
        "let_go",
        "machines",
        "aside",
        "queue_title",
    )
    seen = {name: text(name) for name in names}
    seen["progress"] = text("progress")
    seen["cancel"] = part("cancel").isVisible()
    seen["can_generate"] = part("generate").isEnabled()
    seen["preview"] = part("preview").isVisible()
    return seen


def where(name, x=0.5, y=0.5):
    """A point of the part on the screen. The docker scrolls there first."""
    widget = part(name)
    area = docker().findChild(QWidget, "wakebrush_scroll")
    if area is not None:
        area.ensureWidgetVisible(widget)
    yield 0.1
    return place(widget, x, y)


class Touch(QObject):
    """Whether a mouse button went down on a part."""

    def __init__(self, widget):
        super().__init__()
        self.seen = False
        self._widget = widget
        QApplication.instance().installEventFilter(self)

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.MouseButtonPress and isinstance(watched, QWidget):
            self.seen = self.seen or watched == self._widget or self._widget.isAncestorOf(watched)
        return False

    def stop(self):
        QApplication.instance().removeEventFilter(self)
        return self.seen


def expect_touch(name):
    global _touch
    _touch = Touch(part(name))


def was_touched():
    """Whether the part got the click since `expect_touch`: what appears above it may move it away from under the mouse."""
    yield 0.1
    return _touch.stop()


class Recorder(QObject):
    """Notes every change of the state line and of the bar, many times a second."""

    def __init__(self):
        super().__init__()
        self.states = []
        self.bar = []
        self.previews = 0
        self._had_preview = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.note)
        self._timer.start(LOOK_MS)

    def note(self):
        state = text("state_line")
        if not self.states or self.states[-1] != state:
            self.states.append(state)
        bar = part("progress")
        if bar.isVisible() and (not self.bar or self.bar[-1][:2] != [bar.value(), bar.format()]):
            self.bar.append([bar.value(), bar.format(), time.time()])
        self.previews += part("preview").isVisible() and not self._had_preview
        self._had_preview = part("preview").isVisible()

    def stop(self):
        self._timer.stop()


def record():
    global _recorder
    _recorder = Recorder()


def recorded():
    """What was noted since `record`."""
    _recorder.stop()
    return {"states": _recorder.states, "bar": _recorder.bar, "previews": _recorder.previews}
