"""The results list as the artist sees it, and what lies over the canvas."""

import hashlib
from pathlib import Path

from krita import InfoObject, Krita

from .binding import QPoint, QWidget
from .docker import docker, part
from .window import canvas_widget


def session():
    from wakebrush import plugin

    return plugin.session()


def look():
    """What is there now, the newest first."""
    results = session().results
    items = results.items
    return {
        "ids": [item.id for item in items],
        "prompts": [item.prompt for item in items],
        "applied": [item.id for item in items if item.applied],
        "starred": [item.id for item in items if item.starred],
        "recovered": sorted(results.recovered),
        "pinned": results.pinned,
        "peeked": results.peeked,
        "offer": results.offer,
        "over_the_canvas": over_the_canvas(),
        "in_file": [all(piece.mark.saved for piece in item.pieces) for item in items],
    }


def settings(**values):
    """Sets some of the docker's settings."""
    for name, value in values.items():
        setattr(session().settings, name, value)


def where(item):
    """A result's thumbnail on the screen. The list scrolls there first."""
    thumbnails = part("thumbnails")
    place = thumbnails.tile(item).center()
    docker().findChild(QWidget, "wakebrush_scroll").ensureWidgetVisible(part("results_scroll"))
    yield 0.1
    part("results_scroll").ensureVisible(place.x(), place.y())
    yield 0.1
    point = thumbnails.mapToGlobal(QPoint(place.x(), place.y()))
    return [point.x(), point.y()]


def over_the_canvas():
    """A checksum of what lies over the canvas in front; None for nothing."""
    if Krita.instance().activeDocument() is None:
        return None
    sheet = canvas_widget().findChild(QWidget, "wakebrush_overlay")
    if sheet is None or not sheet.isVisible():
        return None
    image = sheet.grab().toImage()
    memory = image.constBits()
    memory.setsize(image.sizeInBytes())
    return hashlib.sha256(memory.asstring()).hexdigest()


def document_state():
    """What a peek must leave alone: the modified flag, and what could be undone."""
    document = Krita.instance().activeDocument()
    undo = Krita.instance().action("edit_undo")
    return [document.modified(), undo.isEnabled(), undo.text(), len(document.rootNode().childNodes())]


def exported(path):
    """A checksum of the document as a PNG file."""
    document = Krita.instance().activeDocument()
    document.setBatchmode(True)
    assert document.exportImage(path, InfoObject()), path
    document.setBatchmode(False)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def again(item):
    """As "Again" in the thumbnail's menu."""
    session().results.again(item)
    yield 0.1
