"""Layers that a result stands in for: hidden as long as it is there.

Krita does not undo a layer's visibility. So it is changed together with the result: hidden when that is added, shown again
when she undoes it, hidden when she redoes it, and hers again as soon as she shows it herself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from krita import Document, Krita, Node

from ..qt import QObject, QTimer
from . import nodes

LOOK_MS = 400
"""Undo and redo are seen at once when they come from the menu or a key; the Undo History docker is looked after so often."""
ACTIONS = ("edit_undo", "edit_redo")


@dataclass
class _Pair:
    document_id: str
    result: str
    replaced: str
    hidden: bool = True


class Replaced(QObject):
    """`find`: the open document of an id."""

    def __init__(self, find: Callable[[str], Document | None]) -> None:
        super().__init__()
        self._find = find
        self._pairs: list[_Pair] = []
        self._heard: list[QObject] = []
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def hide(self, document: Document, document_id: str, result: Node, replaced: Node) -> None:
        """Hides a layer for as long as the result is in the document. Call it when the result was just added."""
        replaced.setVisible(False)
        document.refreshProjection()
        self._pairs.append(_Pair(document_id, nodes.id_of(result), nodes.id_of(replaced)))
        self._listen()
        self._timer.start()

    def _listen(self) -> None:
        """Every window has its own actions."""
        for name in ACTIONS:
            action = Krita.instance().action(name)
            if action is not None and action not in self._heard:
                action.triggered.connect(lambda: QTimer.singleShot(0, self._look))
                self._heard.append(action)

    def _look(self) -> None:
        self._pairs = [pair for pair in self._pairs if self._settled(pair)]
        if not self._pairs:
            self._timer.stop()

    def _settled(self, pair: _Pair) -> bool:
        """Puts the layer in order; whether there is anything left to look after."""
        document = self._find(pair.document_id)
        if document is None:
            return False
        there = {nodes.id_of(node): node for node in nodes.every(document.rootNode())}
        layer = there.get(pair.replaced)
        if layer is None:
            return True
        if pair.result in there:
            if pair.hidden and layer.visible():
                return False
            if not pair.hidden:
                self._show(document, layer, pair, hidden=True)
        elif pair.hidden:
            self._show(document, layer, pair, hidden=False)
        return True

    def _show(self, document: Document, layer: Node, pair: _Pair, *, hidden: bool) -> None:
        layer.setVisible(not hidden)
        document.refreshProjection()
        pair.hidden = hidden
