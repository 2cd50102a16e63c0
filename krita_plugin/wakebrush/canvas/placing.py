"""Where a result goes: among the layers, and in a canvas that may have another size by now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from krita import Document, Node

from . import nodes
from .base import Placement, Where
from .rect import Rect


@dataclass(frozen=True)
class Spot:
    """Into `parent`, above `below` (None: on top). `anchor`: the layer it was read at; None where that is gone."""

    parent: Node
    below: Node | None
    anchor: Node | None


def spot(document: Document, placement: Placement, ours: Collection[str]) -> Spot:
    """Never inside something that is hidden, nor under an earlier result of ours (`ours`: their ids) that lies upon the same
    layer: a result that is not seen would look lost."""
    root = document.rootNode()
    anchor = nodes.layer_of(nodes.by_id(document, placement.node))
    at = anchor or nodes.layer_of(document.activeNode())
    if at is None:
        return Spot(root, None, anchor)
    group = nodes.group_of(at) if placement.group else None
    into_group = group is not None and not _hidden(group)
    if placement.where is Where.TOP:
        return Spot(group if into_group else root, None, anchor)
    if placement.where is Where.ABOVE and into_group and group == at:
        return Spot(group, None, anchor)
    for each in reversed(nodes.chain(at)):
        if each != at and not each.visible():
            at = each
            break
    return Spot(at.parentNode(), _topmost(at, ours), anchor)


def _topmost(layer: Node, ours: Collection[str]) -> Node:
    """The last of the results of ours that lie upon a layer, one upon the other; the layer where there are none."""
    siblings = [each for each in layer.parentNode().childNodes() if not each.type().endswith("mask")]
    above = siblings[next(i for i, each in enumerate(siblings) if each == layer) + 1 :]
    for each in above:
        if nodes.id_of(each) not in ours:
            break
        layer = each
    return layer


def _hidden(node: Node) -> bool:
    return not all(each.visible() for each in nodes.chain(node))


@dataclass(frozen=True)
class Shift:
    """What was captured at (x, y) lies at (x + dx, y + dy) now. `known`: False where nobody knows, and it is left alone.
    `enlarge`: the canvas has to become this first, in pixels of now."""

    dx: int = 0
    dy: int = 0
    known: bool = True
    enlarge: Rect | None = None


class Enlargements:
    """How plans of ours have enlarged a document's canvas: what was captured before still finds its place."""

    def __init__(self) -> None:
        self._done: dict[tuple[str, tuple[int, int]], Rect] = {}

    def note(self, document_id: str, before: tuple[int, int], canvas: Rect) -> None:
        """A canvas of that size became this one."""
        self._done[document_id, before] = canvas

    def shift(self, document_id: str, size: tuple[int, int], captured: tuple[int, int] | None, canvas: Rect | None) -> Shift:
        """For a canvas that has this size now, and had that one when it was captured; `canvas` as a plan wants it."""
        captured = captured or size
        whole = Rect(0, 0, *captured)
        wanted = whole if canvas is None else canvas
        if size == captured:
            return Shift() if wanted == whole else Shift(-wanted.x, -wanted.y, enlarge=wanted)
        if size == (wanted.width, wanted.height):
            return Shift(-wanted.x, -wanted.y)
        dx, dy, at = 0, 0, captured
        for _ in range(len(self._done)):
            step = self._done.get((document_id, at))
            if step is None:
                break
            dx, dy, at = dx - step.x, dy - step.y, (step.width, step.height)
            if at == size:
                return Shift(dx, dy)
        return Shift(known=False)
