"""A list of words below the cursor. It takes only the keys that it shows it takes, and never the focus."""

from __future__ import annotations

from collections.abc import Callable

from ..qt import QApplication, QEvent, QObject, QPalette, QPoint, QRect, QSize, Qt, QtGui, QtWidgets
from ..session.prompt_hand import Piece, piece_at
from ..session.suggestions import Suggestion
from .theme import faint

_LABEL, _HINT = Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.UserRole
_MOST_ROWS = 8

Find = Callable[[Piece], list[Suggestion]]


class Completion(QObject):
    """Offers words for what is typed into a text field.

    Tab takes the marked word; so does Enter, once the mark was moved with the arrow keys. Esc closes the list. Everything
    else goes on into the text.
    """

    def __init__(self, edit: QtWidgets.QPlainTextEdit, find: Find) -> None:
        super().__init__(edit)
        self._edit = edit
        self._find = find
        self._offered: list[Suggestion] = []
        self._moved = False
        self._list = _list(edit)
        self._list.itemClicked.connect(lambda _: self._take())
        edit.installEventFilter(self)

    @property
    def visible(self) -> bool:
        return bool(self._list.isVisible())

    @property
    def offered(self) -> list[Suggestion]:
        """What the list shows."""
        return self._offered if self.visible else []

    def typed(self) -> None:
        """She has changed the text: looks for words, and shows or hides the list."""
        text, cursor = self._edit.toPlainText(), self._edit.textCursor()
        piece = None if cursor.hasSelection() else piece_at(text, to_characters(text, cursor.position()))
        self._offered = [] if piece is None else self._find(piece)
        self._moved = False
        if self._offered:
            self._show()
        else:
            self._list.hide()

    def hide(self) -> None:
        self._list.hide()

    def takes(self, event: QtGui.QKeyEvent) -> bool:
        """Does what a key means for the list; whether it did."""
        if not self.visible or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        key, row = event.key(), self._list.currentRow()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            step = 1 if key == Qt.Key.Key_Down else -1
            self._list.setCurrentRow(
                (row + step) % self._list.count() if self._moved or step < 0 else min(1, self._list.count() - 1)
            )
            self._moved = True
        elif key == Qt.Key.Key_Tab or (self._moved and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)):
            self._take()
        elif key == Qt.Key.Key_Escape:
            self._list.hide()
        else:
            return False
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusOut, QEvent.Type.Hide, QEvent.Type.Move, QEvent.Type.Wheel):
            self._list.hide()
        return bool(super().eventFilter(watched, event))

    def _take(self) -> None:
        chosen = self._offered[max(0, self._list.currentRow())]
        self._list.hide()
        cursor = self._edit.textCursor()
        end, start = cursor.position(), to_units(self._edit.toPlainText(), chosen.start)
        cursor.setPosition(start)
        cursor.setPosition(end, QtGui.QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(chosen.text)
        self._edit.setTextCursor(cursor)
        self._list.hide()  # what was inserted was typed by nobody

    def _show(self) -> None:
        self._list.clear()
        for suggestion in self._offered:
            item = QtWidgets.QListWidgetItem(suggestion.label)
            item.setData(_HINT, suggestion.hint)
            self._list.addItem(item)
        self._list.setCurrentRow(0)
        rows = min(_MOST_ROWS, len(self._offered))
        height = rows * self._list.sizeHintForRow(0) + 2 * self._list.frameWidth()
        width = min(self._edit.width(), max(160, self._list.sizeHintForColumn(0) + 24))
        self._list.setGeometry(_place(self._edit, QSize(width, height)))
        self._list.show()
        self._list.raise_()


class _Row(QtWidgets.QStyledItemDelegate):
    """A word, and faintly on the right what is said of it."""

    def paint(self, painter: QtGui.QPainter, option: QtWidgets.QStyleOptionViewItem, index: object) -> None:
        super().paint(painter, option, index)
        hint = index.data(_HINT)  # type: ignore[attr-defined]
        if not hint:
            return
        left = option.fontMetrics.horizontalAdvance(index.data(_LABEL)) + 16  # type: ignore[attr-defined]
        room = option.rect.adjusted(left, 0, -6, 0)
        painter.save()
        chosen = option.state & QtWidgets.QStyle.StateFlag.State_Selected
        painter.setPen(option.palette.color(QPalette.ColorRole.HighlightedText) if chosen else faint(option.widget))
        text = option.fontMetrics.elidedText(hint, Qt.TextElideMode.ElideRight, max(0, room.width()))
        painter.drawText(room, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), text)
        painter.restore()

    def sizeHint(self, option: QtWidgets.QStyleOptionViewItem, index: object) -> QSize:
        size = super().sizeHint(option, index)
        hint = index.data(_HINT) or ""  # type: ignore[attr-defined]
        return QSize(size.width() + min(160, option.fontMetrics.horizontalAdvance(hint) + 24), size.height() + 2)


def _list(edit: QtWidgets.QPlainTextEdit) -> QtWidgets.QListWidget:
    made = QtWidgets.QListWidget(edit)
    made.setObjectName(f"{edit.objectName()}_words")
    made.setWindowFlags(Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint)
    made.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setItemDelegate(_Row(made))
    made.setMouseTracking(True)
    made.setUniformItemSizes(True)
    made.hide()
    return made


def _place(edit: QtWidgets.QPlainTextEdit, size: QSize) -> QRect:
    """Below the cursor's line, above it where the screen ends."""
    line = edit.cursorRect()
    corner = edit.viewport().mapToGlobal(QPoint(line.left(), line.bottom() + 2))
    screen = QApplication.screenAt(corner) or QApplication.primaryScreen()
    room = screen.availableGeometry()
    x = max(room.left(), min(corner.x(), room.right() - size.width()))
    y = corner.y()
    if y + size.height() > room.bottom():
        y = edit.viewport().mapToGlobal(QPoint(0, line.top())).y() - size.height() - 2
    return QRect(QPoint(x, y), size)


def to_characters(text: str, units: int) -> int:
    """A place that Qt counts in UTF-16 units, in characters."""
    return len(text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore"))


def to_units(text: str, characters: int) -> int:
    """A place in characters, as Qt counts it."""
    return len(text[:characters].encode("utf-16-le", "surrogatepass")) // 2
