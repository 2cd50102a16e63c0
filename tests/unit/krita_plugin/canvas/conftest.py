"""A Krita with a document in front, as far as the canvas knows one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from wakebrush.qt import QApplication, QByteArray

from . import fake_krita


@dataclass
class Desk:
    """`canvas`: the plugin's KritaCanvas. `document` is in front, with a white layer "paper", which is active."""

    krita: fake_krita.Krita
    canvas: Any
    document: fake_krita.Document
    view: fake_krita.View

    def open(self, width: int = 128, height: int = 96, path: str = "") -> tuple[fake_krita.Document, fake_krita.View]:
        """Another document, which comes to the front."""
        document = fake_krita.Document(width, height, path)
        self.krita.opened.append(document)
        assert self.krita.window is not None
        view = self.krita.window.add(document)
        QApplication.processEvents()
        return document, view

    def paint(self, name: str, box: tuple[int, int, int, int], colour: tuple[int, int, int], parent: Any = None) -> Any:
        """A layer with a filled rectangle, on top and active."""
        node = self.document.createNode(name, "paintlayer")
        x, y, width, height = box
        red, green, blue = colour
        node.setPixelData(QByteArray(bytes((blue, green, red, 255)) * (width * height)), x, y, width, height)
        (parent or self.document.rootNode()).addChildNode(node, None)
        self.document.setActiveNode(node)
        return node

    def group(self, name: str) -> Any:
        node = self.document.createNode(name, "grouplayer")
        self.document.rootNode().addChildNode(node, None)
        self.document.setActiveNode(node)
        return node

    def select(self, *boxes: tuple[int, int, int, int]) -> None:
        selection = fake_krita.Selection()
        for x, y, width, height in boxes:
            selection.setPixelData(QByteArray(b"\xff" * (width * height)), x, y, width, height)
        self.document.setSelection(selection)

    def seen(self, x: int, y: int) -> tuple[int, ...]:
        """The colour of the document there, with its alpha."""
        return tuple(self.document.projection(x, y, 1, 1).pixelColor(0, 0).getRgb())

    def names(self) -> list[str]:
        return [node.name() for node in self.document.rootNode().childNodes()]

    def close(self) -> None:
        self.krita.opened.remove(self.document)
        self.krita.notifier().viewClosed.emit(None)
        QApplication.processEvents()


@pytest.fixture
def desk(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setitem(sys.modules, "krita", fake_krita.MODULE)
    from wakebrush.canvas.krita_canvas import KritaCanvas

    monkeypatch.setattr(fake_krita.Krita, "_one", None)
    krita = fake_krita.Krita.instance()
    krita.window = fake_krita.Window()
    qtbot.addWidget(krita.window.main)
    krita.window.main.resize(600, 500)
    krita.window.main.show()
    document = fake_krita.Document(128, 96, "/pictures/castle.kra")
    krita.opened.append(document)
    view = krita.window.add(document)
    QApplication.processEvents()
    made = Desk(krita, KritaCanvas(), document, view)
    made.paint("paper", (0, 0, 128, 96), (255, 255, 255))
    yield made
    made.canvas.overlay.hide()
    made.canvas.overlay.hide_preview()
    assert krita.clones == [], "a copy was left open"


@pytest.fixture
def inserted(desk: Desk, qtbot: Any) -> Callable[..., str | None]:
    """Inserts a plain red layer and waits for it; answers the problem."""
    from wakebrush.canvas.base import Band, LayerPixels, Placement
    from wakebrush.canvas.rect import Rect

    def insert(area: tuple[int, int, int, int] = (8, 8, 16, 16), name: str = "a fox", recipe: str = "", **placement: Any) -> Any:
        place = Rect(*area)
        pixels = QByteArray(bytes((10, 20, 200, 255)) * (place.width * place.height))
        outcome: list[str | None] = []
        document_id = placement.pop("document_id", None) or desk.canvas.active_document()
        layer = LayerPixels(place, (Band(place.y, place.height, pixels),))
        desk.canvas.insert(document_id, (layer,), name, Placement(**placement), recipe, outcome.append)
        qtbot.waitUntil(lambda: bool(outcome), timeout=5000)
        return outcome[0]

    return insert
