"""The plugin's overlay, and what is seen of it on the screen."""

from krita import Krita

from .binding import QApplication, QColor, QImage, QRect
from .canvas import plugin_canvas, to_widget
from .window import canvas_widget


def _parts(areas, color):
    from wakebrush.canvas.rect import Rect

    made = []
    for x, y, width, height in areas:
        image = QImage(max(1, width // 2), max(1, height // 2), QImage.Format.Format_ARGB32)
        image.fill(QColor(*color))
        made.append((image, Rect(x, y, width, height)))
    return tuple(made)


def show(areas, color, wipe=None, document=None):
    plugin_canvas().overlay.show(_parts(areas, color), wipe=wipe, document_id=document)
    yield 0.15


def preview(areas, color, document=None):
    plugin_canvas().overlay.preview(_parts(areas, color), document_id=document)
    yield 0.15


def hide():
    plugin_canvas().overlay.hide()
    yield 0.1


def hide_preview():
    plugin_canvas().overlay.hide_preview()
    yield 0.1


def can_follow():
    return plugin_canvas().overlay.can_follow()


def sheets():
    """How many widgets of ours lie upon canvases."""
    return len([w for w in QApplication.allWidgets() if w.objectName() == "wakebrush_overlay" and w.parent() is not None])


def view(zoom=None, rotation=None, mirror=None, scroll=None):
    """Changes how the document is looked at."""
    canvas = Krita.instance().activeWindow().activeView().canvas()
    if zoom is not None:
        canvas.setZoomLevel(zoom)
    if rotation is not None:
        canvas.setRotation(rotation)
    if mirror is not None:
        canvas.setMirror(mirror)
    yield 0.2
    if scroll is not None:
        area = canvas_widget().parent().parent()
        for bar, by in ((area.horizontalScrollBar(), scroll[0]), (area.verticalScrollBar(), scroll[1])):
            bar.setValue(bar.value() + by)
    yield 0.3


def on_screen(points):
    """The colours that are seen where these document pixels are (the view not turned)."""
    widget = canvas_widget()
    shot = QApplication.primaryScreen().grabWindow(0).toImage()
    return [list(shot.pixelColor(widget.mapToGlobal(to_widget(x, y).toPoint())).getRgb()[:3]) for x, y in points]


def outline(color):
    """Bounds of a colour on the canvas widget: [left, top, right, bottom]; None where it is not seen."""
    widget = canvas_widget()
    corner = widget.mapToGlobal(widget.rect().topLeft())
    shot = QApplication.primaryScreen().grabWindow(0).toImage().copy(QRect(corner, widget.size()))
    shot = shot.convertToFormat(QImage.Format.Format_RGB32)
    memory = shot.constBits()
    memory.setsize(shot.sizeInBytes())
    data, width = memory.asstring(), shot.width()
    pixel = QColor(*color).rgb().to_bytes(4, "little")
    left, top, right, bottom = width, shot.height(), -1, -1
    for y in range(shot.height()):
        row = data[y * width * 4 : (y + 1) * width * 4]
        if pixel not in row:
            continue
        columns = [i for i in range(width) if row[4 * i : 4 * i + 4] == pixel]
        if columns:
            left, right = min(left, columns[0]), max(right, columns[-1])
            top, bottom = min(top, y), max(bottom, y)
    return None if right < 0 else [left, top, right, bottom]
