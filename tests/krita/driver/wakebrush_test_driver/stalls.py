"""How long the GUI thread is held, and how long the Krita calls take that cannot be done elsewhere."""

import time

from krita import Krita

from .binding import QByteArray, QObject, QTimer
from .documents import SRGB, active, settle

_watch = None


class Watch(QObject):
    """Ticks every millisecond; the longest pause between two ticks is the longest stall."""

    def __init__(self):
        super().__init__()
        self.longest = 0.0
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
