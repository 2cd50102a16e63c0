"""Layers and selections of the made-up Krita (fake_krita.py)."""

from __future__ import annotations

import uuid

from wakebrush.canvas.gray import bits, gray_bytes, gray_image
from wakebrush.qt import QByteArray, QImage, QPainter, QRect, QtCore

SRGB = ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")
SIDE = 512
"""A layer's pixels are kept from -SIDE to SIDE in both directions."""
SOURCE = QPainter.CompositionMode.CompositionMode_Source


class Node:
    def __init__(self, name: str, kind: str) -> None:
        self._name, self._kind, self._id = name, kind, str(uuid.uuid4())
        self._children: list[Node] = []
        self._parent: Node | None = None
        self._visible, self._opacity, self._colours = True, 255, SRGB
        self._mode, self._inherits = "normal", False
        self.refuses: set[str] = set()
        self.has_frames = False
        self.paint = QImage(2 * SIDE, 2 * SIDE, QImage.Format.Format_ARGB32)
        self.paint.fill(0)

    def name(self) -> str:
        return self._name

    def setName(self, name: str) -> None:
        self._name = name

    def type(self) -> str:
        return self._kind

    def uniqueId(self) -> QtCore.QUuid:
        return QtCore.QUuid("{" + self._id + "}")

    def animated(self) -> bool:
        return self.has_frames

    def childNodes(self) -> list[Node]:
        return list(self._children)

    def parentNode(self) -> Node | None:
        return self._parent

    def addChildNode(self, child: Node, above: Node | None) -> bool:
        if "add" in self.refuses:
            return False
        at = len(self._children) if above is None else self._children.index(above) + 1
        self._children.insert(at, child)
        child._parent = self
        return True

    def remove(self) -> None:
        assert self._parent is not None
        self._parent._children.remove(self)
        self._parent = None

    def clone(self) -> Node:
        made = Node(self._name, self._kind)
        made.paint = self.paint.copy()
        return made

    def visible(self) -> bool:
        return self._visible

    def setVisible(self, visible: bool) -> None:
        self._visible = visible

    def setOpacity(self, opacity: int) -> None:
        self._opacity = opacity

    def setBlendingMode(self, mode: str) -> None:
        self._mode = mode

    def setInheritAlpha(self, inherits: bool) -> None:
        self._inherits = inherits

    def colorModel(self) -> str:
        return self._colours[0]

    def colorDepth(self) -> str:
        return self._colours[1]

    def setColorSpace(self, *colours: str) -> bool:
        if "colours" in self.refuses:
            return False
        self._colours = colours  # type: ignore[assignment]
        return True

    def bounds(self) -> QRect:
        alpha = bits(self.paint)[3::4]
        width = self.paint.width()
        rows = [y for y in range(self.paint.height()) if alpha[y * width : (y + 1) * width].strip(b"\0")]
        if not rows:
            return QRect(0, 0, 0, 0)
        lines = [alpha[y * width : (y + 1) * width] for y in rows]
        left = min(width - len(line.lstrip(b"\0")) for line in lines)
        right = max(len(line.rstrip(b"\0")) for line in lines)
        return QRect(left - SIDE, rows[0] - SIDE, right - left, len(rows))

    def setPixelData(self, data: QByteArray, x: int, y: int, width: int, height: int) -> None:
        if self._kind.endswith("mask"):
            gray = gray_image(bytes(data), width, height)
            image = QImage(width, height, QImage.Format.Format_ARGB32)
            image.fill(0xFFFFFFFF)
            image.setAlphaChannel(gray)
        else:
            image = QImage(bytes(data), width, height, 4 * width, QImage.Format.Format_ARGB32)
        painter = QPainter(self.paint)
        painter.setCompositionMode(SOURCE)
        painter.drawImage(x + SIDE, y + SIDE, image)
        painter.end()

    def pixelData(self, x: int, y: int, width: int, height: int) -> QByteArray:
        return QByteArray(bits(self.paint.copy(x + SIDE, y + SIDE, width, height)))


class Selection:
    def __init__(self) -> None:
        self._mask = QImage(SIDE, SIDE, QImage.Format.Format_Grayscale8)
        self._mask.fill(0)

    def setPixelData(self, data: QByteArray, x: int, y: int, width: int, height: int) -> None:
        painter = QPainter(self._mask)
        painter.drawImage(x, y, gray_image(bytes(data), width, height))
        painter.end()

    def add(self, other: Selection) -> None:
        both = map(max, gray_bytes(self._mask), gray_bytes(other._mask))
        self._mask = gray_image(bytes(both), SIDE, SIDE)

    def pixelData(self, x: int, y: int, width: int, height: int) -> QByteArray:
        return QByteArray(gray_bytes(self._mask.copy(x, y, width, height)))

    def select(self, x: int, y: int, width: int, height: int, value: int) -> None:
        self.setPixelData(QByteArray(bytes([value]) * (width * height)), x, y, width, height)

    def duplicate(self) -> Selection:
        made = Selection()
        made._mask = self._mask.copy()
        return made

    def _box(self) -> tuple[int, int, int, int]:
        rows = gray_bytes(self._mask)
        lines = [(y, rows[y * SIDE : (y + 1) * SIDE]) for y in range(SIDE)]
        marked = [(y, line) for y, line in lines if line.strip(b"\0")]
        if not marked:
            return 0, 0, 0, 0
        left = min(SIDE - len(line.lstrip(b"\0")) for _, line in marked)
        right = max(len(line.rstrip(b"\0")) for _, line in marked)
        return left, marked[0][0], right - left, marked[-1][0] + 1 - marked[0][0]

    def x(self) -> int:
        return self._box()[0]

    def y(self) -> int:
        return self._box()[1]

    def width(self) -> int:
        return self._box()[2]

    def height(self) -> int:
        return self._box()[3]
