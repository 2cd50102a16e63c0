"""Pictures over the canvas that belong to no document (see base.Overlay).

A widget lies upon Krita's canvas widget and lets everything through. Krita paints its canvas at every pan, zoom, turn and
mirror; each time the place of the picture is computed anew, and drawn when it has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from krita import View

from ..qt import QEvent, QMdiArea, QObject, QPainter, QPen, QRectF, Qt, QTimer, QTransform, QWidget
from . import views
from .base import Part
from .rect import Rect

LINE = Qt.GlobalColor.white
LINE_EDGE = Qt.GlobalColor.black


@dataclass(frozen=True)
class Shown:
    """What is drawn, in a document's pixels."""

    document_id: str
    parts: tuple[Part, ...]
    wipe: float | None = None

    @property
    def bounds(self) -> Rect:
        area = self.parts[0][1]
        for _, each in self.parts[1:]:
            area = area.united(each)
        return area


class Sheet(QWidget):
    """Lies upon the canvas of one view and draws what it is given."""

    def __init__(self, canvas: QWidget, view: View) -> None:
        super().__init__(canvas)
        self.setObjectName("wakebrush_overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._canvas = canvas
        self._view = view
        self._shown: Shown | None = None
        self._matrix: QTransform | None = None
        self.setGeometry(canvas.rect())
        self.lower()  # under what else Krita has upon its canvas, such as the pop-up palette
        canvas.installEventFilter(self)

    def put(self, shown: Shown | None) -> None:
        """Draws this from now on."""
        self._shown = shown
        self.setVisible(shown is not None)
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is not self._canvas:
            return False
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        elif event.type() == QEvent.Type.Paint and self._shown is not None and self._place() != self._matrix:
            self.update()
        return False

    def paintEvent(self, _event: QEvent) -> None:
        shown, self._matrix = self._shown, self._place()
        if shown is None or self._matrix is None:
            return
        painter = QPainter(self)
        painter.setTransform(self._matrix)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._matrix.m11() ** 2 + self._matrix.m12() ** 2 < 4)
        if shown.wipe is not None:
            bounds = shown.bounds
            painter.setClipRect(QRectF(bounds.x, bounds.y, bounds.width * shown.wipe, bounds.height))
        for image, area in shown.parts:
            painter.drawImage(QRectF(area.x, area.y, area.width, area.height), image)
        if shown.wipe is not None:
            painter.setClipping(False)
            _draw_line(painter, shown.bounds, shown.wipe)
        painter.end()

    def _place(self) -> QTransform | None:
        return None if views.wraps_around_now(self._view) else views.image_to_widget(self._view, self._canvas)


def _draw_line(painter: QPainter, bounds: Rect, wipe: float) -> None:
    """Seen on light and on dark."""
    x = bounds.x + bounds.width * wipe
    for color, width in ((LINE_EDGE, 3), (LINE, 1)):
        pen = QPen(color, width)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawLine(round(x), bounds.y, round(x), bounds.bottom)


class CanvasOverlay(QObject):
    """`id_of_front`: the id of the document in front, or None. `call_again` must be called when another view comes to the
    front; tabs are watched by themselves."""

    def __init__(self, id_of_front: Callable[[], str | None]) -> None:
        super().__init__()
        self._id_of_front = id_of_front
        self._held: Shown | None = None
        self._previewed: Shown | None = None
        self._sheet: Sheet | None = None
        self._watched: list[QMdiArea] = []

    def show(self, parts: tuple[Part, ...], *, wipe: float | None = None, document_id: str | None = None) -> None:
        self._held = self._shown(parts, document_id, wipe)
        self.refresh()

    def hide(self) -> None:
        self._held = None
        self.refresh()

    def preview(self, parts: tuple[Part, ...], *, document_id: str | None = None) -> None:
        self._previewed = self._shown(parts, document_id)
        self.refresh()

    def hide_preview(self) -> None:
        self._previewed = None
        self.refresh()

    def can_follow(self) -> bool:
        view, widget = views.in_front(), views.canvas_widget()
        return (
            view is not None
            and widget is not None
            and not views.wraps_around_now(view)
            and views.image_to_widget(view, widget) is not None
        )

    def refresh(self) -> None:
        """Puts what is to be seen onto the canvas in front."""
        wanted = self._wanted()
        if wanted is None:
            self._lift()
            return
        self._watch()
        view, widget = views.in_front(), views.canvas_widget()
        if view is None or widget is None:
            self._lift()
            return
        if self._sheet is None or self._sheet.parent() is not widget:
            self._lift()
            self._sheet = Sheet(widget, view)
            self._sheet.destroyed.connect(self._gone)
        self._sheet.put(wanted)

    def _shown(self, parts: tuple[Part, ...], document_id: str | None, wipe: float | None = None) -> Shown | None:
        document_id = document_id or self._id_of_front()
        return Shown(document_id, parts, wipe) if parts and document_id is not None else None

    def _wanted(self) -> Shown | None:
        front = self._id_of_front()
        return next((each for each in (self._held, self._previewed) if each is not None and each.document_id == front), None)

    def _lift(self) -> None:
        """Leaves nothing behind on a canvas."""
        sheet, self._sheet = self._sheet, None
        if sheet is not None:
            sheet.destroyed.disconnect(self._gone)
            sheet.put(None)
            sheet.deleteLater()

    def _gone(self) -> None:
        """The view was closed, and its canvas took the sheet along."""
        self._sheet = None

    def _watch(self) -> None:
        """Another tab, in any window: the view is known a turn of the event loop later."""
        for area in views.tabs():
            if area not in self._watched:
                self._watched.append(area)
                area.subWindowActivated.connect(lambda _: QTimer.singleShot(0, self.refresh))
