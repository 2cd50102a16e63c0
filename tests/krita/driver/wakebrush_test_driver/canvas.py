"""The plugin's canvas, called as its session calls it."""

import time

from .binding import QBuffer, QColor, QImage, QIODevice, QPoint, QPointF, QTransform
from .documents import active
from .window import canvas_widget

_canvas = None
_captures = {}
_outcomes = {}


def plugin_canvas():
    global _canvas
    if _canvas is None:
        from wakebrush.canvas.krita_canvas import KritaCanvas

        _canvas = KritaCanvas()
    return _canvas


def _settings(grow=0, feather=0, padding=0, trained=512):
    from wakebrush.canvas.region import ModelSize, RegionSettings

    return RegionSettings(grow, feather, padding), ModelSize(trained, trained)


def state():
    found = plugin_canvas().state()
    return {"document": found.document_id, "has_selection": found.has_selection, "is_empty": found.is_empty}


def notice():
    return plugin_canvas().notice()


def is_open(document):
    return plugin_canvas().is_open(document)


def capture(name="capture", **settings):
    """Captures and finishes; says what was planned and, at some points of the picture, what would be sent."""
    taken = plugin_canvas().capture(*_settings(**settings), need_image=True, need_mask=True)
    finished = plugin_canvas().finish(taken)
    _captures[name] = (taken, finished)
    plan = taken.plan
    area = plan.area
    return {"area": [area.x, area.y, area.width, area.height], "size": [plan.width, plan.height], "selected": plan.selected}


def sent(points, name="capture"):
    """Colours [red, green, blue] of the finished image at points given in fractions of it."""
    image = _captures[name][1].image
    spots = [QPoint(int(image.width() * x), int(image.height() * y)) for x, y in points]
    return [list(image.pixelColor(spot).getRgb()[:3]) for spot in spots]


def sent_gray(which, y, name="capture"):
    """One row of the finished `mask` or `alpha`; `y` in fractions."""
    image = getattr(_captures[name][1], which)
    row = int(image.height() * y)
    return [image.pixelColor(x, row).red() for x in range(image.width())]


def insert(color, name, document=None, capture_name=None, area=None, label="insert"):
    """Begins to insert a plain picture, into the area and with the soft edge of a capture if one is named."""
    from wakebrush.canvas.region import Rect

    canvas = plugin_canvas()
    alpha = None
    if capture_name:
        taken, finished = _captures[capture_name]
        place, alpha = taken.plan.area, finished.alpha
        width, height = taken.plan.width, taken.plan.height
    else:
        place = Rect(*area)
        width, height = place.width, place.height
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(*color))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    layer = canvas.prepare(bytes(buffer.data()), place, alpha)
    _outcomes[label] = None

    def done(problem):
        _outcomes[label] = {"problem": problem, "at": time.time()}

    canvas.insert(document or canvas.active_document(), layer, name, done)


def outcome(label="insert"):
    """None until it is done; then the problem, None for none."""
    return _outcomes[label]


def insert_and_wait(**arguments):
    insert(**arguments)
    while _outcomes[arguments.get("label", "insert")] is None:
        yield 0.02
    yield 0.2
    return _outcomes[arguments.get("label", "insert")]["problem"]


def screen_points(points):
    """Where document pixels are on the screen (the view neither turned nor mirrored)."""
    from krita import Krita

    view = Krita.instance().activeWindow().activeView()
    widget = canvas_widget()
    return [_to_screen(view, widget, x, y) for x, y in points]


def _to_screen(view, widget, x, y):
    if hasattr(view, "flakeToImageTransform"):
        back, _ = view.flakeToImageTransform().inverted()
        transform = back * view.flakeToCanvasTransform()
    else:
        area = widget.parent().parent()
        zoom = view.canvas().zoomLevel() * 72 / active().xRes()
        transform = QTransform.fromScale(zoom, zoom)
        transform *= QTransform.fromTranslate(-area.horizontalScrollBar().value(), -area.verticalScrollBar().value())
    spot = widget.mapToGlobal(transform.map(QPointF(x, y)).toPoint())
    return [spot.x(), spot.y()]


def brush(size=20):
    """The brush tool with a plain black round brush of that size, at 100 % zoom."""
    from krita import Krita, ManagedColor

    view = Krita.instance().activeWindow().activeView()
    view.canvas().setZoomLevel(1.0)
    Krita.instance().action("KritaShape/KisToolBrush").trigger()
    yield 0.3
    presets = Krita.instance().resources("preset")
    view.setCurrentBrushPreset(next(presets[n] for n in sorted(presets) if n.startswith("b) Basic-1")))
    yield 0.2
    view.setBrushSize(size)
    view.setPaintingOpacity(1.0)
    black = ManagedColor("RGBA", "U8", "")
    black.setComponents([0.0, 0.0, 0.0, 1.0])
    view.setForeGroundColor(black)
    yield 0.2
