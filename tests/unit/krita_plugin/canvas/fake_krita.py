"""As much of Krita's `krita` module as the plugin's canvas asks for. Layers hold 8-bit sRGB and are composed by QPainter."""

from __future__ import annotations

import copy
import types
from typing import Any

from wakebrush.qt import QByteArray, QImage, QMdiArea, QObject, QPainter, QRect, QtWidgets, QWidget, Signal

from .fake_nodes import SIDE, SRGB, Node, Selection

__all__ = ["MODULE", "Document", "Krita", "Node", "Notifier", "Selection", "View", "Window"]


class Document:
    """`busy`: something is under way in it."""

    def __init__(self, width: int, height: int, path: str = "") -> None:
        self._size, self._path, self._modified = (width, height), path, False
        self._root = Node("root", "grouplayer")
        self._colours = SRGB
        self._annotations: dict[str, bytes] = {}
        self._selection: Selection | None = None
        self._active: Node | None = None
        self.busy = False
        self.time = 0

    def currentTime(self) -> int:
        return self.time

    def width(self) -> int:
        return self._size[0]

    def height(self) -> int:
        return self._size[1]

    def xRes(self) -> float:
        return 72.0

    def yRes(self) -> float:
        return 72.0

    def colorModel(self) -> str:
        return self._colours[0]

    def colorDepth(self) -> str:
        return self._colours[1]

    def colorProfile(self) -> str:
        return self._colours[2]

    def rootNode(self) -> Node:
        return self._root

    def activeNode(self) -> Node | None:
        return self._active

    def setActiveNode(self, node: Node) -> None:
        self._active = node

    def nodeByName(self, name: str) -> Node | None:
        def below(node: Node) -> Any:
            for child in node.childNodes():
                yield child
                yield from below(child)

        return next((node for node in below(self._root) if node.name() == name), None)

    def createNode(self, name: str, kind: str) -> Node:
        return Node(name, kind)

    def selection(self) -> Selection | None:
        return self._selection

    def setSelection(self, selection: Selection | None) -> None:
        self._selection = selection

    def fileName(self) -> str:
        return self._path

    def modified(self) -> bool:
        return self._modified

    def setModified(self, modified: bool) -> None:
        self._modified = modified

    def annotation(self, key: str) -> QByteArray:
        return QByteArray(self._annotations.get(key, b""))

    def setAnnotation(self, key: str, _description: str, content: QByteArray) -> None:
        self._annotations[key], self._modified = bytes(content), True

    def removeAnnotation(self, key: str) -> None:
        self._annotations.pop(key, None)
        self._modified = True

    def tryBarrierLock(self) -> bool:
        return not self.busy

    def unlock(self) -> None:
        assert not self.busy

    def waitForDone(self) -> None:
        assert not self.busy

    def refreshProjection(self) -> None:
        assert not self.busy

    def resizeImage(self, x: int, y: int, width: int, height: int) -> None:
        self._size, self._modified = (width, height), True
        for node in list(self._root.childNodes()):
            node.paint = node.paint.copy(x, y, 2 * SIDE, 2 * SIDE)

    def projection(self, x: int, y: int, width: int, height: int) -> QImage:
        image = QImage(width, height, QImage.Format.Format_ARGB32)
        image.fill(0)
        painter = QPainter(image)
        painter.setClipRect(QRect(-x, -y, *self._size))
        self._draw(painter, self._root, x, y)
        painter.end()
        return image

    def _draw(self, painter: QPainter, node: Node, x: int, y: int) -> None:
        for child in node.childNodes():
            if child.visible() and not child.type().endswith("mask"):
                painter.setOpacity(child._opacity / 255)
                painter.drawImage(-SIDE - x, -SIDE - y, child.paint)
                self._draw(painter, child, x, y)

    def clone(self) -> Document:
        made = Document(*self._size)
        made._root = _copied(self._root)
        Krita.instance().clones.append(made)
        return made

    def close(self) -> None:
        krita = Krita.instance()
        for held in (krita.opened, krita.clones):
            if self in held:
                held.remove(self)


def _copied(node: Node) -> Node:
    made = copy.copy(node)
    made.paint = node.paint.copy()
    made._children = []
    for child in node.childNodes():
        made.addChildNode(_copied(child), None)
    return made


class KisQPainterCanvas(QWidget):
    """Krita's canvas widget, by its name."""


class Canvas:
    def __init__(self) -> None:
        self.wraps, self.mirrored, self.turned, self.zoom = False, False, 0.0, 1.0

    def wrapAroundMode(self) -> bool:
        return self.wraps

    def zoomLevel(self) -> float:
        return self.zoom / 1.0

    def mirror(self) -> bool:
        return self.mirrored

    def rotation(self) -> float:
        return self.turned


class View:
    def __init__(self, document: Document) -> None:
        self.shown, self.looked_through, self.messages = document, Canvas(), []  # type: ignore[var-annotated]
        self.area = QtWidgets.QScrollArea()
        self.widget = KisQPainterCanvas()
        self.area.setWidget(self.widget)

    def document(self) -> Document | None:
        return self.shown if self.shown in Krita.instance().opened else None

    def canvas(self) -> Canvas | None:
        return self.looked_through

    def showFloatingMessage(self, sentence: str, _icon: object, milliseconds: int, priority: int) -> None:
        self.messages.append((sentence, milliseconds, priority))


class Window:
    def __init__(self) -> None:
        self.main = QtWidgets.QMainWindow()
        self.tabs = QMdiArea()
        self.main.setCentralWidget(self.tabs)
        self.views: list[View] = []

    def qwindow(self) -> QWidget:
        return self.main

    def add(self, document: Document) -> View:
        view = View(document)
        self.tabs.addSubWindow(view.area)
        view.area.resize(400, 300)
        view.widget.resize(400, 300)
        view.area.show()
        self.views.append(view)
        return view

    def activeView(self) -> View | None:
        sub = self.tabs.activeSubWindow()
        return next((view for view in self.views if sub is not None and sub.widget() is view.area), None)


class Notifier(QObject):
    imageSaved = Signal(str)
    imageClosed = Signal(str)
    viewClosed = Signal(object)

    def setActive(self, active: bool) -> None:
        assert active


class Krita:
    """`opened`: documents with a view; `clones`: copies that nobody closed yet."""

    _one: Krita | None = None

    def __init__(self) -> None:
        self.opened: list[Document] = []
        self.clones: list[Document] = []
        self.window: Window | None = None
        self.files: dict[str, Document] = {}
        self.actions: dict[str, Any] = {}
        self._notifier = Notifier()
        self._quiet = False

    @classmethod
    def instance(cls) -> Krita:
        if cls._one is None:
            cls._one = cls()
        return cls._one

    def notifier(self) -> Notifier:
        return self._notifier

    def documents(self) -> list[Document]:
        return list(self.opened)

    def activeDocument(self) -> Document | None:
        view = None if self.window is None else self.window.activeView()
        return None if view is None else view.document()

    def activeWindow(self) -> Window | None:
        return self.window

    def windows(self) -> list[Window]:
        return [] if self.window is None else [self.window]

    def action(self, name: str) -> Any:
        return self.actions.get(name)

    def icon(self, name: str) -> str:
        return name

    def batchmode(self) -> bool:
        return self._quiet

    def setBatchmode(self, quiet: bool) -> None:
        self._quiet = quiet

    def openDocument(self, _path: str) -> Document | None:
        """A file with a mask, as masks.py makes it."""
        assert self._quiet, "Krita would show a dialog"
        document = Document(8, 8)
        layer = Node("layer", "paintlayer")
        document.rootNode().addChildNode(layer, None)
        layer.addChildNode(Node("mask", "transparencymask"), None)
        return None if "unreadable" in self.files else document


MODULE = types.ModuleType("krita")
"""To be imported as `krita`."""
for _each in (Krita, Document, Node, Selection, View):
    setattr(MODULE, _each.__name__, _each)
