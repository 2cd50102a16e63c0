"""Whether the artist is in the middle of something that a change of the layers would cut off."""

from __future__ import annotations

import time
from collections.abc import Callable

from krita import Document

from ..qt import QApplication, QEvent, QObject, Qt, QTimer

LOOK_AGAIN_MS = 40
REST_SECONDS = 0.3
"""The longest that the GUI thread waits for a computation after her own press of a button."""


def is_busy(document: Document) -> bool:
    """A stroke runs, a transform is open, or Krita computes: a barrier lock is refused then (taking one costs µs).
    A held mouse button is the beginning of a stroke, or of a shape that is not painted before the button is let go."""
    if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
        return True
    if not document.tryBarrierLock():
        return True
    document.unlock()
    return False


def comes_to_rest(document: Document) -> bool:
    """Whether nothing is under way, now or within a moment: what a stroke left to compute is done by other threads."""
    deadline = time.monotonic() + REST_SECONDS
    while is_busy(document):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class PenWatch(QObject):
    """Whether a pen is on the tablet. Qt keeps no such state; a pen that is held down moves all the time, so a short
    while of watching tells. It filters every event of the application and is therefore installed only when needed."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        QApplication.instance().installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.TabletPress:
            self.is_down = True
        elif kind == QEvent.Type.TabletRelease:
            self.is_down = False
        elif kind == QEvent.Type.TabletMove:
            self.is_down = event.buttons() != Qt.MouseButton.NoButton
        return False

    def stop(self) -> None:
        QApplication.instance().removeEventFilter(self)


class QuietMoment(QObject):
    """Calls `then` as soon as nothing is under way in a document, at the earliest after one look; `gone` if the
    document disappears meanwhile. `document` finds it anew at each look."""

    def __init__(
        self, document: Callable[[], Document | None], then: Callable[[Document], None], gone: Callable[[], None]
    ) -> None:
        super().__init__()
        self._document = document
        self._then = then
        self._gone = gone
        self._pen = PenWatch()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_AGAIN_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        document = self._document()
        if document is None:
            self._stop()
            self._gone()
        elif not self._pen.is_down and not is_busy(document):
            self._stop()
            self._then(document)

    def _stop(self) -> None:
        self._timer.stop()
        self._pen.stop()
