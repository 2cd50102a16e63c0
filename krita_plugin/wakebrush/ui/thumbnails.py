"""Her results as thumbnails, grouped by prompt: for the mouse, for a pen, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..i18n import tr
from ..qt import QEvent, QPainter, QPalette, QPoint, QRect, QSize, Qt, QtGui, QtWidgets, QWidget, Signal
from ..session.items import Item
from ..session.showing import waits_sentence
from .theme import faint

TILE = 72
GAP = 6

_KEYS = {
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Return,
    Qt.Key.Key_Enter, Qt.Key.Key_Space, Qt.Key.Key_Escape, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_S,
}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Items under one heading."""

    heading: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Layout:
    """Where headings and tiles are. `tiles`: by the item's id, in order."""

    headings: tuple[tuple[QRect, str], ...]
    tiles: dict[str, QRect]
    height: int


def grouped(items: Sequence[Item], recovered: frozenset[str], heading: Callable[[Item], str]) -> tuple[Group, ...]:
    """Neighbours of one prompt together, in the order of the items; what was recovered under a heading of its own."""
    groups: list[tuple[str, list[Item]]] = []
    for item in items:
        key = "" if item.id in recovered else item.prompt
        if not groups or groups[-1][0] != key:
            groups.append((key, []))
        groups[-1][1].append(item)
    return tuple(Group(tr("Recovered") if found[0].id in recovered else heading(found[0]), tuple(found)) for _, found in groups)


def lay_out(groups: Sequence[Group], width: int, line: int) -> Layout:
    """Tiles in rows as wide as `width`; `line`: height of a heading."""
    columns = max(1, (width + GAP) // (TILE + GAP))
    headings, tiles, y = [], {}, 0
    for group in groups:
        headings.append((QRect(0, y, width, line), group.heading))
        y += line + 2
        for number, item in enumerate(group.items):
            row, column = divmod(number, columns)
            tiles[item.id] = QRect(column * (TILE + GAP), y + row * (TILE + GAP), TILE, TILE)
        y += ((len(group.items) + columns - 1) // columns) * (TILE + GAP)
    return Layout(tuple(headings), tiles, y)


def moved(layout: Layout, present: str, key: int) -> str:
    """The id under the cursor after an arrow key, Home or End. '' when there is nothing."""
    ids = list(layout.tiles)
    if not ids:
        return ""
    if present not in layout.tiles or key == Qt.Key.Key_Home:
        return ids[0]
    if key == Qt.Key.Key_End:
        return ids[-1]
    if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
        step = 1 if key == Qt.Key.Key_Right else -1
        return ids[max(0, min(len(ids) - 1, ids.index(present) + step))]
    here = layout.tiles[present]
    down = key == Qt.Key.Key_Down
    beyond = [name for name, tile in layout.tiles.items() if (tile.y() > here.y() if down else tile.y() < here.y())]
    nearest = lambda name: (abs(layout.tiles[name].y() - here.y()), abs(layout.tiles[name].x() - here.x()))  # noqa: E731
    return min(beyond, key=nearest, default=present)


class Thumbnails(QWidget):
    """`peeked(id)`: the mouse or the cursor is on it, '' for none; `pinned(id)`: a click, or Space; `applied(id)`: a double
    click, or Enter; `starred(id)`; `discarded(id)`; `let_go()`: Escape; `menu_asked(id, global position)`."""

    peeked = Signal(str)
    pinned = Signal(str)
    applied = Signal(str)
    starred = Signal(str)
    discarded = Signal(str)
    let_go = Signal()
    menu_asked = Signal(str, QPoint)

    def __init__(self, heading: Callable[[Item], str], waits_at: Callable[[Item], str]) -> None:
        """`waits_at`: the name of the service that a picture has to be fetched from first, or ''."""
        super().__init__()
        self._waits_at = waits_at
        self._heading = heading
        self._groups: tuple[Group, ...] = ()
        self._items: dict[str, Item] = {}
        self._layout = Layout((), {}, 0)
        self._pinned = ""
        self._under_mouse = ""
        self.cursor_on = ""
        self.setObjectName("thumbnails")
        self.setAccessibleName(tr("Results"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)

    def show_items(self, items: Sequence[Item], recovered: frozenset[str]) -> None:
        """The items there are now, the newest first."""
        self._groups = grouped(items, recovered, self._heading)
        self._items = {item.id: item for item in items}
        if self.cursor_on not in self._items:
            self.cursor_on = ""
        self._lay_out()

    def show_pinned(self, item_id: str) -> None:
        self._pinned = item_id
        if item_id:
            self.cursor_on = item_id
            self.setAccessibleDescription(self._items[item_id].prompt if item_id in self._items else "")
        self.update()

    def tile(self, item_id: str) -> QRect:
        """Where an item's thumbnail is; an empty rectangle when it is not there."""
        return self._layout.tiles.get(item_id, QRect())

    def sizeHint(self) -> QSize:
        return QSize(3 * (TILE + GAP), self._layout.height)

    # Mouse.

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        self._hover(self._at(event.pos()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover("")

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        found = self._at(event.pos())
        if found and event.button() == Qt.MouseButton.LeftButton:
            self.cursor_on = found
            self.pinned.emit(found)
            self.update()

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        found = self._at(event.pos())
        if found and event.button() == Qt.MouseButton.LeftButton:
            self.applied.emit(found)

    def contextMenuEvent(self, event: QtGui.QContextMenuEvent) -> None:
        keyboard = event.reason() == QtGui.QContextMenuEvent.Reason.Keyboard
        found = self.cursor_on if keyboard else self._at(event.pos())
        if found:
            self.cursor_on = found
            place = self.mapToGlobal(self.tile(found).center()) if keyboard else event.globalPos()
            self.menu_asked.emit(found, place)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and _is_ours(event):
            event.accept()  # Krita would clear the layer for Delete, and has uses for the others too
            return True
        if event.type() == QEvent.Type.ToolTip:
            found = self._items.get(self._at(event.pos()))
            words = "" if found is None else tip(found, self._waits_at(found))
            QtWidgets.QToolTip.showText(event.globalPos(), words, self)
            return True
        return bool(super().event(event))

    # Keyboard.

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        key = event.key()
        if not _is_ours(event):
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Escape:
            self.let_go.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._about(self.applied)
        elif key == Qt.Key.Key_Space:
            self._about(self.pinned)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._about(self.discarded)
        elif key == Qt.Key.Key_S:
            self._about(self.starred)
        else:
            self.cursor_on = moved(self._layout, self.cursor_on, key)
            self._scroll_to_cursor()
            self.peeked.emit(self.cursor_on)
            self.update()

    def focusInEvent(self, event: QtGui.QFocusEvent) -> None:
        if not self.cursor_on and self._items and event.reason() != Qt.FocusReason.MouseFocusReason:
            self.cursor_on = next(iter(self._layout.tiles))
        super().focusInEvent(event)

    def focusOutEvent(self, event: QtGui.QFocusEvent) -> None:
        if not self._under_mouse:
            self.peeked.emit("")
        super().focusOutEvent(event)

    def _about(self, signal: object) -> None:
        if self.cursor_on in self._items:
            signal.emit(self.cursor_on)  # type: ignore[attr-defined]

    def _hover(self, found: str) -> None:
        if found != self._under_mouse:
            self._under_mouse = found
            self.peeked.emit(found)
            self.update()

    def _at(self, place: QPoint) -> str:
        return next((name for name, tile in self._layout.tiles.items() if tile.contains(place)), "")

    def _scroll_to_cursor(self) -> None:
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, QtWidgets.QScrollArea):
            parent = parent.parentWidget()
        if parent is not None:
            centre = self.tile(self.cursor_on).center()
            inside = parent.widget()
            place = self.mapTo(inside, centre) if inside is not self else centre
            parent.ensureVisible(place.x(), place.y(), TILE, TILE)

    # Drawing.

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        self._layout = lay_out(self._groups, self.width(), self.fontMetrics().height())
        if self.minimumHeight() != self._layout.height:
            self.setFixedHeight(self._layout.height)
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(faint(self))
        for place, heading in self._layout.headings:
            if place.intersects(event.rect()):
                text = self.fontMetrics().elidedText(heading, Qt.TextElideMode.ElideMiddle, place.width())
                painter.drawText(place, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)
        for name, place in self._layout.tiles.items():
            if place.intersects(event.rect()):
                self._draw(painter, self._items[name], place)

    def _draw(self, painter: QPainter, item: Item, place: QRect) -> None:
        palette = self.palette()
        painter.fillRect(place, palette.color(QPalette.ColorRole.AlternateBase))
        size = item.thumbnail.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        inside = QRect(QPoint(), size)
        inside.moveCenter(place.center())
        painter.drawImage(inside, item.thumbnail)
        marks = ("★" if item.starred else "") + ("✓" if item.applied else "")
        if marks:
            corner = QRect(place.right() - 8 - 13 * len(marks), place.top(), 9 + 13 * len(marks), 18)
            painter.fillRect(corner, QtGui.QColor(0, 0, 0, 150))
            painter.setPen(QtGui.QColor("white"))
            painter.drawText(corner, int(Qt.AlignmentFlag.AlignCenter), marks)
        highlight = palette.color(QPalette.ColorRole.Highlight)
        if item.id == self._pinned:
            painter.setPen(QtGui.QPen(highlight, 3))
            painter.drawRect(place.adjusted(1, 1, -2, -2))
        elif item.id == self._under_mouse or (item.id == self.cursor_on and self.hasFocus()):
            painter.setPen(QtGui.QPen(highlight, 1))
            painter.drawRect(place.adjusted(0, 0, -1, -1))


def tip(item: Item, waits_at: str = "") -> str:
    """What a thumbnail is, and what can be done with it. `waits_at`: the service that it has to be fetched from first."""
    lines = [item.prompt]
    if waits_at:
        lines.append(waits_sentence(waits_at))
    if item.seed is not None:
        lines.append(tr("Seed {seed}", seed=item.seed))
    if item.applied:
        lines.append(tr("It is a layer already."))
    lines.append(tr("Click: keep it over the canvas · double click: apply it as a layer"))
    return "\n".join(lines)


def _is_ours(event: QtGui.QKeyEvent) -> bool:
    plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == Qt.KeyboardModifier.NoModifier
    return bool(plain and event.key() in _KEYS)
