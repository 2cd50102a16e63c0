"""The plugin's canvas, called as its session calls it."""

import time

from .binding import QBuffer, QColor, QImage, QIODevice, QPainter, QPoint, QPointF, QTransform
from .documents import active
from .window import canvas_widget

_canvas = None
_captures = {}
_outcomes = {}
_heard = []
_messages = []
_messages_timers = []


def plugin_canvas():
    global _canvas
    if _canvas is None:
        from wakebrush.plugin import session

        _canvas = session()._canvas  # the docker's own: two would each take a document for theirs
        _canvas.events.saved.connect(lambda document, path: _heard.append(["saved", document, path]))
        _canvas.events.closed.connect(lambda document: _heard.append(["closed", document]))
        _canvas.events.remark.connect(lambda document, sentence: _heard.append(["remark", document, sentence]))
    return _canvas


def heard():
    """What the canvas has told since it was last asked."""
    told, _heard[:] = list(_heard), []
    return told


def _settings(task=None, grow=0, feather=0, padding=0, trained=512, **others):
    """`grow`, `feather` and `padding` in pixels, for a selection that is there."""
    from wakebrush.canvas.plan import ModelSize
    from wakebrush.canvas.scene import Context, PlanSettings, Task

    selection = active().selection()
    side = min(selection.width(), selection.height()) if selection else 100
    others.setdefault("strength", 0.6)
    if "context" in others:
        others["context"] = Context(others["context"])
    if "margins" in others:
        others["margins"] = tuple(others["margins"])
    settings = PlanSettings(
        task=Task(task or ("fill" if selection else "refine")),
        feather=0,
        feather_least=feather,
        grow=100 * grow / side,
        padding=100 * padding / (side + 2 * grow),
        least_size=0,
        match_colours=False,
        **others,
    )
    return settings, ModelSize(trained, trained, 8)


def _source(read, unseen=()):
    from wakebrush.canvas.base import Read, Source

    return Source(Read(read), tuple(unseen))


def state():
    found = plugin_canvas().state()
    layer = found.layer
    return {
        "document": found.document_id,
        "has_selection": found.has_selection,
        "is_empty": found.is_empty,
        "layer": None if layer is None else vars(layer),
    }


def scene(**settings):
    """What a plan would be made from; rectangles as [x, y, width, height]."""
    found = plugin_canvas().scene(_settings(**settings)[0])
    boxes = {name: getattr(found, name) for name in ("selection", "layer", "paint", "holes")}
    listed = {name: box and [box.x, box.y, box.width, box.height] for name, box in boxes.items()}
    return listed | {"islands": [[r.x, r.y, r.width, r.height] for r in found.islands], "is_empty": found.is_empty}


def notices():
    """What a canvas that has not been asked yet says of the document in front, asked twice."""
    from wakebrush.canvas.krita_canvas import KritaCanvas

    fresh = KritaCanvas()
    return [fresh.notice(), fresh.notice()]


def is_open(document):
    return plugin_canvas().is_open(document)


def find(path, document=""):
    return plugin_canvas().find(path, document)


def annotate(content, key="history", document=None):
    canvas = plugin_canvas()
    canvas.set_annotation(document or canvas.active_document(), content.encode(), key)
    return active().modified()


def annotation(key="history", document=None):
    canvas = plugin_canvas()
    return canvas.annotation(document or canvas.active_document(), key).decode()


def set_unseen(unseen):
    plugin_canvas().set_unseen(unseen)


def unseen():
    return list(plugin_canvas().unseen())


def recipe():
    return plugin_canvas().recipe_of_active_layer()


def message(sentence, icon="done"):
    """Says it upon the canvas; the texts of Krita's floating messages then."""
    from wakebrush.canvas.base import Icon

    plugin_canvas().message(sentence, Icon(icon))
    yield 0.3
    return floating()


def floating():
    """The texts of Krita's floating messages."""
    from .binding import QApplication, QLabel

    shown = [w for w in QApplication.allWidgets() if w.metaObject().className() == "KisFloatingMessage" and w.isVisible()]
    return [label.text() for w in shown for label in w.findChildren(QLabel)]


def read_messages():
    """Takes down each of Krita's floating messages from now on, however short it is seen; `messages_read` tells."""
    from .binding import QTimer

    def look():
        _messages.extend(text for text in floating() if text and text not in _messages)

    _messages.clear()
    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(50)
    _messages_timers[:] = [timer]


def messages_read():
    """All that was said upon the canvas since `read_messages`."""
    return list(_messages)


def capture(name="capture", region=0, read="visible", unseen=(), **settings):
    """Captures and finishes; says what was planned."""
    from wakebrush.canvas.plan import plan

    chosen, model = _settings(**settings)
    planned = plan(plugin_canvas().scene(chosen), chosen, model)
    taken = plugin_canvas().capture(planned, region, _source(read, unseen))
    finished = plugin_canvas().finish(taken)
    _captures[name] = (taken, finished)
    part = taken.region
    area, canvas = part.area, planned.canvas
    return {
        "area": [area.x, area.y, area.width, area.height],
        "size": [part.width, part.height],
        "mode": planned.mode,
        "selected": part.selected,
        "regions": len(planned.regions),
        "canvas": [canvas.x, canvas.y, canvas.width, canvas.height],
        "document": taken.document_id,
    }


def read(points, read="visible", unseen=()):
    """The colours [red, green, blue, alpha] that the model sees at these pixels, and how long it took to read them (ms)."""
    from wakebrush.canvas import reading
    from wakebrush.canvas.rect import Rect

    document = active()
    before = time.monotonic()
    image = reading.picture(document, Rect(0, 0, document.width(), document.height()), _source(read, unseen))
    taken = time.monotonic() - before
    return [list(image.pixelColor(x, y).getRgb()) for x, y in points], taken * 1000


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


def _png(color, width, height):
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(*color))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data())


def _layers(color, captures, area):
    """Plain pictures, into the regions and with the soft edges of captures if some are named."""
    from wakebrush.canvas.base import Finished
    from wakebrush.canvas.plan import RegionPlan
    from wakebrush.canvas.rect import Rect

    if not captures:
        place = Rect(*area)
        region = RegionPlan(place, place.width, place.height)
        return (plugin_canvas().prepare(_png(color, place.width, place.height), region, Finished(None, None, None)),)
    taken = [_captures[name] for name in captures]
    return tuple(
        plugin_canvas().prepare(_png(color, each.region.width, each.region.height), each.region, kept) for each, kept in taken
    )


def insert(color, name, document=None, captures=(), area=None, label="insert", where="above_active", recipe="", **placement):
    """Begins to insert a plain picture."""
    from wakebrush.canvas.base import Placement, Where
    from wakebrush.canvas.rect import Rect

    canvas = plugin_canvas()
    layers = _layers(color, captures, area)
    if placement.get("captured"):
        placement["captured"] = tuple(placement["captured"])
    if placement.get("canvas"):
        placement["canvas"] = Rect(*placement["canvas"])
    _outcomes[label] = None

    def done(problem):
        _outcomes[label] = {"problem": problem, "at": time.time()}

    placed = Placement(Where(where), **placement)
    canvas.insert(document or canvas.active_document(), layers, name, placed, recipe, done)


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
    spots = [canvas_widget().mapToGlobal(to_widget(x, y).toPoint()) for x, y in points]
    return [[spot.x(), spot.y()] for spot in spots]


def to_widget(x, y):
    """Where a document pixel is on the canvas widget."""
    from krita import Krita

    view = Krita.instance().activeWindow().activeView()
    if hasattr(view, "flakeToImageTransform"):
        back, _ = view.flakeToImageTransform().inverted()
        transform = back * view.flakeToCanvasTransform()
    else:
        area = canvas_widget().parent().parent()
        zoom = view.canvas().zoomLevel() * 72 / active().xRes()
        transform = QTransform.fromScale(zoom, zoom)
        transform *= QTransform.fromTranslate(-area.horizontalScrollBar().value(), -area.verticalScrollBar().value())
    return transform.map(QPointF(x, y))


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


def only_canvas():
    return plugin_canvas().only_canvas()


def take_keys():
    """Whether the canvas has the keyboard afterwards."""
    plugin_canvas().take_keys()
    yield 0.1
    return canvas_widget().hasFocus()


def capture_after_deselecting():
    """She lets go of the selection between plan and capture."""
    from wakebrush.canvas.plan import plan

    chosen, model = _settings()
    planned = plan(plugin_canvas().scene(chosen), chosen, model)
    active().setSelection(None)
    plugin_canvas().capture(planned, 0, _source("visible"))


def here(area, captured):
    from wakebrush.canvas.rect import Rect

    canvas = plugin_canvas()
    place = canvas.here(canvas.active_document(), Rect(*area), tuple(captured))
    return [place.x, place.y, place.width, place.height]


CHART = [(r, g, b) for r in (0, 64, 128, 255) for g in (0, 96, 192, 255) for b in (0, 80, 160, 255)]
"""64 colours all over sRGB, in 8 rows of patches of 32 pixels."""


def insert_chart():
    """A result that is a chart of patches."""
    from wakebrush.canvas.base import Finished, Placement
    from wakebrush.canvas.plan import RegionPlan
    from wakebrush.canvas.rect import Rect

    image = QImage(256, 256, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    for at, colour in enumerate(CHART):
        painter.fillRect(at % 8 * 32, at // 8 * 32, 32, 32, QColor(*colour))
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    canvas = plugin_canvas()
    layer = canvas.prepare(bytes(buffer.data()), RegionPlan(Rect(0, 0, 256, 256), 256, 256), Finished(None, None, None))
    _outcomes["chart"] = None

    def done(problem):
        _outcomes["chart"] = {"problem": problem}

    canvas.insert(canvas.active_document(), (layer,), "chart", Placement(), "", done)
    while _outcomes["chart"] is None:
        yield 0.02
    yield 0.3
    return _outcomes["chart"]["problem"]


def chart():
    """The chart's colours as they are read for the model, as they are seen in the document, and as they were meant."""
    capture("chart", trained=256)
    sent_image, seen = _captures["chart"][1].image, active().projection(0, 0, 256, 256)
    spots = [(at % 8 * 32 + 16, at // 8 * 32 + 16) for at in range(len(CHART))]
    return [[list(image.pixelColor(x, y).getRgb()[:3]) for x, y in spots] for image in (sent_image, seen)] + [CHART]
