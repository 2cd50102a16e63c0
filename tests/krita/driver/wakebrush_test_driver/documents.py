"""Documents as a test makes and examines them. Colours are sRGB, 0 to 255."""

import hashlib
import itertools
from pathlib import Path

from krita import InfoObject, Krita, Selection

from .binding import QByteArray

SRGB = ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")


def active():
    return Krita.instance().activeDocument()


def settle(document=None):
    """After a change of layers or selection: Krita's own events have to run before the next one."""
    document = document or active()
    document.waitForDone()
    yield 0.04
    document.waitForDone()
    yield 0.02


def create(width, height, model="RGBA", depth="U8", profile="", name="test", paper=None, resolution=72.0):
    """A document in front, with one empty layer "paper", filled if a colour is given; it is the active layer."""
    document = Krita.instance().createDocument(width, height, name, model, depth, profile, resolution)
    Krita.instance().activeWindow().addView(document)
    yield 0.3
    yield from settle(document)
    old = document.rootNode().childNodes()
    sheet = document.createNode("paper", "paintlayer")
    document.rootNode().addChildNode(sheet, None)
    yield from settle(document)
    for node in old:
        node.remove()
        yield from settle(document)
    if paper:
        fill(sheet, document, 0, 0, width, height, paper)
        document.refreshProjection()
        yield from settle(document)


def fill(node, document, x, y, width, height, color):
    red, green, blue, *alpha = color
    pixels = bytes((blue, green, red, alpha[0] if alpha else 255)) * (width * height)
    node.setColorSpace(*SRGB)
    node.setPixelData(QByteArray(pixels), x, y, width, height)
    node.setColorSpace(document.colorModel(), document.colorDepth(), document.colorProfile())


def paint(name, x, y, width, height, color, above=None, parent=None):
    """A layer of that name with a filled rectangle; it becomes the active one."""
    document = active()
    node = document.createNode(name, "paintlayer")
    fill(node, document, x, y, width, height, color)
    home = document.nodeByName(parent) if parent else document.rootNode()
    home.addChildNode(node, document.nodeByName(above) if above else None)
    yield from settle()


def gradient(name="gradient"):
    """A layer over the whole canvas in which every pixel tells its own place."""
    document = active()
    width, height = document.width(), document.height()
    pixels = bytearray(width * height * 4)
    for y in range(height):
        row = y * width * 4
        pixels[row : row + width * 4 : 4] = bytes(x * 255 // width for x in range(width))
        pixels[row + 1 : row + width * 4 : 4] = bytes([y * 255 // height]) * width
        pixels[row + 2 : row + width * 4 : 4] = bytes([(y // 16) * 16 % 256]) * width
        pixels[row + 3 : row + width * 4 : 4] = b"\xff" * width
    node = document.createNode(name, "paintlayer")
    node.setColorSpace(*SRGB)
    node.setPixelData(QByteArray(bytes(pixels)), 0, 0, width, height)
    node.setColorSpace(document.colorModel(), document.colorDepth(), document.colorProfile())
    document.rootNode().addChildNode(node, None)
    yield from settle()


def group(name):
    document = active()
    document.rootNode().addChildNode(document.createGroupLayer(name), None)
    yield from settle()


def activate(name):
    active().setActiveNode(active().nodeByName(name))
    yield from settle()


def mask_on_active():
    """A transparency mask on the active layer; it becomes the active node."""
    Krita.instance().action("add_new_transparency_mask").trigger()
    yield 0.5
    return active().activeNode().type()


def size():
    return [active().width(), active().height()]


def select(x, y, width, height):
    selection = Selection()
    selection.select(x, y, width, height, 255)
    active().setSelection(selection)
    yield from settle()


def select_many(boxes):
    """Several rectangles at once."""
    selection = Selection()
    for x, y, width, height in boxes:
        part = Selection()
        part.select(x, y, width, height, 255)
        selection.add(part)
    active().setSelection(selection)
    yield from settle()


def active_layer():
    return active().activeNode().name()


def bring_to_front(name):
    view = next(v for v in Krita.instance().activeWindow().views() if v.document().name() == name)
    view.setVisible()
    yield 0.4


def layers():
    """Names from the bottom up, children after their parent as "parent/child"."""

    def below(node, prefix):
        for child in node.childNodes():
            yield prefix + child.name()
            yield from below(child, prefix + child.name() + "/")

    return list(below(active().rootNode(), ""))


def fingerprint(leave_out=None):
    """What makes up each layer, pixels and all, by the way to it; `leave_out` is the name of a layer to pass over."""
    document = active()
    width, height = document.width(), document.height()

    def describe(node):
        pixels = hashlib.sha256(bytes(node.pixelData(0, 0, width, height))).hexdigest()
        look = [node.opacity(), node.blendingMode(), node.visible(), node.locked(), node.colorLabel()]
        colours = [node.colorModel(), node.colorDepth(), node.colorProfile()]
        return [node.type(), node.bounds().getRect(), *look, *colours, pixels]

    def walk(node, prefix):
        for child in node.childNodes():
            if child.name() != leave_out:
                yield prefix + child.name(), describe(child)
                yield from walk(child, prefix + child.name() + "/")

    return dict(walk(document.rootNode(), ""))


def seen(points):
    """The colours [red, green, blue, alpha] that are seen at these pixels, as sRGB."""
    projection = active().projection(0, 0, active().width(), active().height())
    return [list(projection.pixelColor(x, y).getRgb()) for x, y in points]


def seen_hash(outside):
    """A checksum of what is seen outside the rectangle [x, y, width, height]."""
    document = active()
    x, y, width, height = outside
    image = document.projection(0, 0, document.width(), document.height())
    memory = image.constBits()
    memory.setsize(image.sizeInBytes())
    data, line = memory.asstring(), image.bytesPerLine()
    total = hashlib.sha256()
    for row in range(document.height()):
        start = row * line
        if y <= row < y + height:
            total.update(data[start : start + x * 4] + data[start + (x + width) * 4 : start + line])
        else:
            total.update(data[start : start + line])
    return total.hexdigest()


def layer_pixels(name, x, y, width, height):
    """The layer's pixels as sRGB with straight alpha, as a list of rows of [red, green, blue, alpha]."""
    document = active()
    node = document.nodeByName(name).duplicate()
    node.setColorSpace(*SRGB)
    data = bytes(node.pixelData(x, y, width, height))
    pixels = [[data[i + 2], data[i + 1], data[i], data[i + 3]] for i in range(0, len(data), 4)]
    return [pixels[row * width : (row + 1) * width] for row in range(height)]


def colours():
    return [active().colorModel(), active().colorDepth(), active().colorProfile()]


def stroke_extent(layer, y):
    """First and last painted column in a row of the layer, and the number of gaps between."""
    document = active()
    data = bytes(document.nodeByName(layer).pixelData(0, y, document.width(), 1))
    columns = [x for x in range(document.width()) if data[4 * x + 3] > 128]
    if not columns:
        return None
    gaps = sum(1 for a, b in itertools.pairwise(columns) if b != a + 1)
    return [columns[0], columns[-1], gaps]


def resize(width, height):
    active().resizeImage(0, 0, width, height)
    yield from settle()


def flatten():
    active().flatten()
    yield from settle()


def save(path):
    active().setBatchmode(True)
    assert active().saveAs(path), path
    yield from settle()


def close_all():
    """After a rest: Krita 5.1 and 5.3 may crash when a document goes within 0.1 s of a change to its selection."""
    yield 0.4
    for document in Krita.instance().documents():
        yield from settle(document)
        document.setModified(False)
        document.close()
        yield 0.1


def selection_box():
    """Bounds of what is selected; None for nothing."""
    selection = active().selection()
    if selection is None or selection.width() == 0:
        return None
    return [selection.x(), selection.y(), selection.width(), selection.height()]


def save_layer(name, path, x, y, width, height):
    """Writes the layer's pixels as sRGB, blue-green-red-alpha, straight alpha."""
    document = active()
    node = document.nodeByName(name).duplicate()
    node.setColorSpace(*SRGB)
    Path(path).write_bytes(bytes(node.pixelData(x, y, width, height)))


def load(path):
    document = Krita.instance().openDocument(path)
    Krita.instance().activeWindow().addView(document)
    yield 0.5


def look(name, **changes):
    """Changes how a layer is shown: `visible`, `opacity` (0 to 255), `blending`, `inherit_alpha`, `pass_through`, `locked`."""
    node = active().nodeByName(name)
    setters = {
        "visible": node.setVisible,
        "opacity": node.setOpacity,
        "blending": node.setBlendingMode,
        "inherit_alpha": node.setInheritAlpha,
        "locked": node.setLocked,
        "pass_through": getattr(node, "setPassThroughMode", None),
    }
    for change, value in changes.items():
        setters[change](value)
    active().refreshProjection()
    yield from settle()


def export(path):
    """Writes the picture as a PNG, as the export in the File menu does."""
    active().setBatchmode(True)
    assert active().exportImage(path, InfoObject()), path
    yield from settle()


def modified():
    return active().modified()


def painted(layer, x, y):
    """The layer's own pixel there: [red, green, blue, alpha]."""
    blue, green, red, alpha = bytes(active().nodeByName(layer).pixelData(x, y, 1, 1))
    return [red, green, blue, alpha]


def remove(name):
    active().nodeByName(name).remove()
    yield from settle()


def special(kind):
    """A layer of that kind above the active one; it becomes active. "locked" locks the active layer instead; "hidden group"
    is a group that is not shown, with an empty layer in it that is active."""
    document, name = active(), "special"
    if kind == "locked":
        document.activeNode().setLocked(True)
        return
    makers = {
        "grouplayer": lambda: document.createGroupLayer(name),
        "vectorlayer": lambda: document.createVectorLayer(name),
        "filterlayer": lambda: document.createFilterLayer(name, Krita.instance().filter("invert"), Selection()),
        "filllayer": lambda: document.createFillLayer(name, "color", InfoObject(), Selection()),
        "hidden group": lambda: document.createGroupLayer("hidden"),
    }
    node = makers[kind]()
    document.rootNode().addChildNode(node, document.activeNode())
    yield from settle()
    if kind == "hidden group":
        node.addChildNode(document.createNode(name, "paintlayer"), None)
        yield from settle()
        node.setVisible(False)
        document.refreshProjection()
    yield from activate(name)


def animate(name):
    """Frames for a layer; another than the first is in front."""
    document = active()
    document.nodeByName(name).enableAnimation()
    yield from settle()
    Krita.instance().action("add_blank_frame").trigger()
    yield 0.2
    document.setCurrentTime(7)
    yield 0.5


def selection_sum():
    """A checksum of what is selected, softness included, over the whole picture."""
    document = active()
    selected = document.selection()
    if selected is None:
        return None
    return hashlib.sha256(bytes(selected.pixelData(0, 0, document.width(), document.height()))).hexdigest()


def deselect():
    Krita.instance().action("deselect").trigger()
    yield 0.3
    yield from settle()


def show_frame(number):
    active().setCurrentTime(number)
    yield from settle()
    yield 0.2
