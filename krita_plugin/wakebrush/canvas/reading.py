"""What the model sees of a document, as sRGB.

What is not everything is read from a copy of the document, off screen, in which the other layers are hidden: Krita composes
it as it does the picture itself (blending modes, groups that pass through, clipping, filters), and her document is left
alone. A copy shares its pixels with the original; making one takes some ms, composing it anew some tens (2048²).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from krita import Document, Node

from ..i18n import tr
from ..qt import QImage
from . import busy, nodes
from .base import NoDocument, Read, Source
from .gray import bits
from .rect import Rect

SRGB = ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")


def picture(document: Document, area: Rect, source: Source) -> QImage:
    """The area's pixels, 32-bit with straight alpha; transparent outside the canvas. Raises NoDocument."""
    hidden = _left_out(document, source)
    if not hidden and source.read_from is not Read.GROUP:
        return _projection(document, area)
    group = nodes.group_of(nodes.layer_of(document.activeNode())) if source.read_from is Read.GROUP else None
    with _copy(document) as copy:
        for node in nodes.every(copy.rootNode()):
            if nodes.id_of(node) in hidden:
                node.setVisible(False)
        if group is not None:
            _as_it_is(nodes.by_id(copy, nodes.id_of(group)))
        return _composed(copy, area)


def layer_alpha(document: Document, node: Node, area: Rect) -> bytes:
    """How opaque a layer's own pixels are, one byte each. Raises NoDocument."""
    if node.type() == "paintlayer" and (node.colorModel(), node.colorDepth()) == SRGB[:2]:
        return bytes(node.pixelData(area.x, area.y, area.width, area.height))[3::4]
    with _copy(document) as copy:
        own = nodes.by_id(copy, nodes.id_of(node))
        for other in nodes.every(copy.rootNode()):
            if other not in nodes.chain(own) and own not in nodes.chain(other):
                other.setVisible(False)
        _as_it_is(own)
        return bits(_composed(copy, area))[3::4]


def _left_out(document: Document, source: Source) -> set[str]:
    """Ids of the layers that are not to be seen."""
    hidden = set(source.unseen) & {nodes.id_of(node) for node in nodes.every(document.rootNode())} if source.unseen else set()
    layer = nodes.layer_of(document.activeNode())
    if source.read_from is Read.BELOW and layer is not None:
        for each in nodes.chain(layer):
            siblings = each.parentNode().childNodes()
            at = next(i for i, sibling in enumerate(siblings) if sibling == each)
            hidden |= {nodes.id_of(above) for above in siblings[at + 1 :] if not above.type().endswith("mask")}
    if source.read_from is Read.GROUP:
        group = nodes.group_of(layer)
        if group is None:
            raise NoDocument(tr("The layer is in no group, so there is no group to read. Put it into one, or read everything."))
        for each in nodes.chain(group):
            siblings = each.parentNode().childNodes()
            hidden |= {nodes.id_of(other) for other in siblings if other != each and not other.type().endswith("mask")}
    return hidden


def _as_it_is(node: Node) -> None:
    """With what is in it, and what it is in, opaque and unblended, as if it were a picture of its own."""
    for each in nodes.chain(node):
        each.setVisible(True)
        each.setOpacity(255)
        each.setBlendingMode("normal")
        each.setInheritAlpha(False)


@contextmanager
def _copy(document: Document) -> Iterator[Document]:
    """A copy that is on no screen and gone afterwards."""
    if not busy.comes_to_rest(document):
        raise NoDocument(tr("Something is still going on in the picture. End the stroke or the transform, then press again."))
    copy = document.clone()
    try:
        yield copy
    finally:
        copy.setModified(False)
        copy.close()


def _composed(copy: Document, area: Rect) -> QImage:
    copy.refreshProjection()
    copy.waitForDone()
    return _projection(copy, area)


def _projection(document: Document, area: Rect) -> QImage:
    """What is seen there, whatever the document's own colours are (its raw pixels would be of that profile)."""
    return document.projection(area.x, area.y, area.width, area.height)
