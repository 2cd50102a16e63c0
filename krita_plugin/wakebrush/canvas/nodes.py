"""Finding one's way in a document's layers."""

from __future__ import annotations

from collections.abc import Iterator

from krita import Document, Node


def id_of(node: Node) -> str:
    """Stays the same in the file; a duplicate has another."""
    return str(node.uniqueId().toString())


def every(node: Node) -> Iterator[Node]:
    """All nodes below this one, masks too, from the bottom."""
    for child in node.childNodes():
        yield child
        yield from every(child)


def by_id(document: Document, node_id: str | None) -> Node | None:
    """The node of that id; None when there is none (any more)."""
    if not node_id:
        return None
    return next((node for node in every(document.rootNode()) if id_of(node) == node_id), None)


def layer_of(node: Node | None) -> Node | None:
    """The layer a node is or, for a mask, belongs to; None for a mask of the whole image (the selection)."""
    while node is not None and node.type().endswith("mask"):
        node = node.parentNode()
    return None if node is None or node.parentNode() is None else node


def group_of(layer: Node | None) -> Node | None:
    """The group that "this group" means at a layer: itself, or the one it is in; None at the top level."""
    if layer is None:
        return None
    if layer.type() == "grouplayer":
        return layer
    parent = layer.parentNode()
    return None if parent is None or parent.parentNode() is None else parent


def chain(node: Node) -> list[Node]:
    """The node and what it is in, up to, and without, the root."""
    found = []
    while node is not None and node.parentNode() is not None:
        found.append(node)
        node = node.parentNode()
    return found
