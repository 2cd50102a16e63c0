"""The view in front: its canvas on the screen, and where the picture's pixels are on it.

Krita tells scripts nothing of the widgets; the tree is known: a sub window holds a view, that a scroll area, and in it is
the canvas. Where it should be another tree one day, nothing is found, and nothing is drawn in the wrong place.
"""

from __future__ import annotations

from krita import Document, Krita, View

from ..qt import QMdiArea, QRectF, QTransform, QtWidgets, QWidget

CANVAS = ("KisQPainterCanvas", "KisOpenGLCanvas2")


class _Last:
    """Remembers the canvas of the sub window that was looked through last: that takes up to 6 ms, several times for a picture."""

    def __init__(self) -> None:
        self._sub: QWidget | None = None
        self._canvas: QWidget | None = None

    def of(self, sub: QWidget) -> QWidget | None:
        """The canvas in a sub window."""
        if self._canvas is not None and sub.isAncestorOf(self._canvas) and sub is self._sub:
            return self._canvas
        if self._canvas is not None:
            self._canvas.destroyed.disconnect(self._gone)
        self._sub = sub
        self._canvas = next((each for each in sub.findChildren(QWidget) if each.metaObject().className() in CANVAS), None)
        if self._canvas is not None:
            self._canvas.destroyed.connect(self._gone)
        return self._canvas

    def _gone(self) -> None:
        self._sub = self._canvas = None


_last = _Last()


def in_front() -> View | None:
    """The view she looks at."""
    window = Krita.instance().activeWindow()
    view = None if window is None else window.activeView()
    return None if view is None or view.document() is None else view


def canvas_widget() -> QWidget | None:
    """What shows the document in front; None where Krita's widgets are not as they are known."""
    area = _tabs()
    sub = None if area is None else area.activeSubWindow()
    if sub is None:
        return None
    return _last.of(sub)


def _tabs() -> QMdiArea | None:
    window = Krita.instance().activeWindow()
    return None if window is None else _tabs_of(window.qwindow())


def _tabs_of(main: QtWidgets.QMainWindow | None) -> QMdiArea | None:
    """Looked for in the middle only: Python sees each widget that is passed, and the dockers have thousands."""
    middle = None if main is None else main.centralWidget()
    if middle is None or isinstance(middle, QMdiArea):
        return middle
    return middle.findChild(QMdiArea)


def tabs() -> list[QMdiArea]:
    """Where the views of each window are."""
    return [area for window in Krita.instance().windows() if (area := _tabs_of(window.qwindow())) is not None]


def wraps_around_now(view: View) -> bool:
    """The picture is repeated all over the canvas, so that its pixels have no one place."""
    canvas = view.canvas()
    return canvas is not None and bool(canvas.wrapAroundMode())


def image_to_widget(view: View, widget: QWidget) -> QTransform | None:
    """From the picture's pixels to the canvas widget's; None when the view is closed."""
    document, canvas = view.document(), view.canvas()
    if document is None or canvas is None:
        return None
    if hasattr(view, "flakeToImageTransform"):
        back, possible = view.flakeToImageTransform().inverted()
        return back * view.flakeToCanvasTransform() if possible else None
    return _from_scroll_bars(document, canvas, widget)


def _from_scroll_bars(document: Document, canvas: object, widget: QWidget) -> QTransform | None:
    """For Kritas that don't say. The zoom level is one of points, so resolution comes in; the picture is turned about its
    top left corner, and the scroll bars count from the corner of what bounds it then."""
    scrolled = widget.parentWidget().parentWidget() if widget.parentWidget() is not None else None
    if scrolled is None or not hasattr(scrolled, "horizontalScrollBar"):
        return None
    zoom = canvas.zoomLevel() * 72  # type: ignore[attr-defined]
    matrix = QTransform.fromScale(zoom / document.xRes(), zoom / document.yRes())
    if canvas.mirror():  # type: ignore[attr-defined]
        matrix = matrix * QTransform.fromScale(-1, 1)
    matrix = matrix * QTransform().rotate(canvas.rotation())  # type: ignore[attr-defined]
    bounds = matrix.mapRect(QRectF(0, 0, document.width(), document.height()))
    across, down = scrolled.horizontalScrollBar().value(), scrolled.verticalScrollBar().value()
    return matrix * QTransform.fromTranslate(-across - bounds.x(), -down - bounds.y())
