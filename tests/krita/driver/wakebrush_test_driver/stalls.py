"""How long the GUI thread is held, and how long the Krita calls take that cannot be done elsewhere."""

import time

from krita import Krita

from .binding import QByteArray, QColor, QImage, QObject, QPainter, QTimer, QWidget
from .docker import part
from .documents import SRGB, active, settle
from .results import session
from .window import canvas_widget

_watch = None


class Watch(QObject):
    """Ticks every millisecond; the longest pause between two ticks is the longest stall."""

    def __init__(self):
        super().__init__()
        self.longest = 0.0
        self.canvas = canvas_widget()
        self._last = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)

    def _tick(self):
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def stop(self):
        self._tick()
        self._timer.stop()
        return self.longest


def watch():
    global _watch
    _watch = Watch()


def longest():
    """Milliseconds of the longest stall since `watch`."""
    return _watch.stop() * 1000


def speckle():
    """Fills the active layer with something that is not plain, quickly."""
    document = active()
    width, height = document.width(), document.height()
    row = bytes(value % 256 for x in range(width) for value in (x, x * 7, x * 3 + 40, 255))
    document.activeNode().setPixelData(QByteArray(row * height), 0, 0, width, height)
    document.refreshProjection()
    yield from settle()


def needed_calls():
    """Milliseconds that each call of Krita takes which one picture for the whole canvas needs, each made once."""
    document = active()
    width, height = document.width(), document.height()
    pixels = QByteArray(bytes((10, 20, 200, 255)) * (width * height))
    selection = document.selection()
    before = document.activeNode()
    node = document.createNode("measured", "paintlayer")
    spent = {}

    def timed(name, call):
        began = time.perf_counter()
        call()
        spent[name] = (time.perf_counter() - began) * 1000

    timed("projection", lambda: document.projection(0, 0, width, height))
    timed("selection", lambda: selection.pixelData(0, 0, width, height))
    if [document.colorModel(), document.colorDepth(), document.colorProfile()] != list(SRGB):
        raise AssertionError("measured for documents in sRGB only")
    timed("setPixelData", lambda: node.setPixelData(pixels, 0, 0, width, height))
    timed("addChildNode", lambda: before.parentNode().addChildNode(node, before))
    yield 0
    timed("setActiveNode", lambda: document.setActiveNode(before))
    yield from settle()
    node.remove()
    yield from settle()
    Krita.instance().activeDocument().setActiveNode(before)
    yield from settle()
    return spent


def peek_calls():
    """Milliseconds of what a peek at a picture over the whole canvas needs: Krita's canvas painted once, the picture drawn."""
    document, canvas = active(), canvas_widget()
    picture = QImage(document.width(), document.height(), QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(QColor(10, 20, 200))
    sheet = QImage(canvas.size(), QImage.Format.Format_ARGB32_Premultiplied)
    began = time.perf_counter()
    canvas.repaint()
    painted = time.perf_counter()
    painter = QPainter(sheet)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(sheet.rect(), picture)
    painter.end()
    return {"canvas": (painted - began) * 1000, "picture": (time.perf_counter() - painted) * 1000}


def touch(number):
    """Changes a spot of the active layer, another one for each number."""
    document = active()
    pixels = QByteArray(bytes((number % 256, 40, 200, 255)) * 64)
    document.activeNode().setPixelData(pixels, 8 * (number % 16) + 16, 8 * (number // 16) + 16, 8, 8)
    document.refreshProjection()
    yield from settle()


def press(name):
    """Clicks a button of the docker's; the moment of it on the computer's monotonic clock, in seconds."""
    button = part(name)
    assert button.isEnabled(), f"{name} cannot be pressed: {button.toolTip()}"
    pressed = time.monotonic()
    QTimer.singleShot(0, button.click)
    return pressed


def results():
    """Numbers of the results and what is shown of them, in far less time than a millisecond: the canvas is that of `watch`."""
    seen = session().results
    sheet = _watch.canvas.findChild(QWidget, "wakebrush_overlay")
    return {
        "count": len(seen.items),
        "shown": seen.peeked or seen.pinned,
        "on_canvas": sheet is not None and sheet.isVisible(),
    }
