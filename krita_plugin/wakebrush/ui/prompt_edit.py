"""A text field that grows with its text and keeps its keys from Krita."""

from __future__ import annotations

from ..qt import QEvent, QSize, Qt, QtGui, QtWidgets, Signal
from ..session.prompt_hand import reweigh
from .completion import Completion, Find, to_characters, to_units
from .keys import belongs_to_text, starts_a_picture
from .prompt_colours import PromptColours

#: How often a new height may change how the text is wrapped, before it is left at that.
_ROUNDS = 3


class PromptEdit(QtWidgets.QPlainTextEdit):
    """`edited(text)` as she types. Between `lines[0]` and `lines[1]` lines high; Tab leaves it.

    Ctrl+Up and Ctrl+Down change the weight of a word. Esc, Ctrl+Enter and Shift+Enter are left to whoever it lies in.
    """

    edited = Signal(str)

    def __init__(self, name: str, placeholder: str, lines: tuple[int, int] = (2, 8)) -> None:
        super().__init__()
        self._lines = lines
        self._completion: Completion | None = None
        self._fitting = False
        self.setObjectName(name)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)
        self._colours = PromptColours(self)
        self.textChanged.connect(lambda: self.edited.emit(self.toPlainText()))
        self.textChanged.connect(self._fit)
        self._fit()

    def offer_words(self, find: Find) -> Completion:
        """Offers words while she types, as `find` knows them."""
        self._completion = Completion(self, find)
        return self._completion

    def show_text(self, text: str) -> None:
        """Takes over a text from elsewhere; leaves hers, and her cursor, alone when it is the same."""
        if text != self.toPlainText():
            self.setPlainText(text)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self._height(self._lines[0]))

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        listed = self._completion is not None and self._completion.visible
        if event.type() == QEvent.Type.ShortcutOverride and (belongs_to_text(event) or (listed and _is_escape(event))):
            event.accept()
            return True
        # Qt would move the focus on Tab before anybody sees the key.
        if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Tab and self._list_takes(event):
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        if self._list_takes(event):
            return
        if _is_escape(event) or starts_a_picture(event):
            self._hide_list()
            event.ignore()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._reweigh(up=event.key() == Qt.Key.Key_Up)
        else:
            before = self.toPlainText()
            super().keyPressEvent(event)
            self._typed(before)

    def inputMethodEvent(self, event: QtGui.QInputMethodEvent) -> None:
        before = self.toPlainText()
        super().inputMethodEvent(event)
        self._typed(before)

    def _typed(self, before: str) -> None:
        """Words are offered for what is typed, not for where the cursor goes."""
        if self._completion is None:
            return
        if self.toPlainText() != before:
            self._completion.typed()
        else:
            self._completion.hide()

    def _list_takes(self, event: QtGui.QKeyEvent) -> bool:
        return self._completion is not None and self._completion.takes(event)

    def _hide_list(self) -> None:
        if self._completion is not None:
            self._completion.hide()

    def _reweigh(self, *, up: bool) -> None:
        text, cursor = self.toPlainText(), self.textCursor()
        start, end = (to_characters(text, place) for place in (cursor.selectionStart(), cursor.selectionEnd()))
        edit = reweigh(text, start, end, up)
        if edit is None:
            return
        _select(cursor, to_units(text, edit.start), to_units(text, edit.end))
        cursor.insertText(edit.new)
        after = edit.applied(text)
        _select(cursor, *(to_units(after, place) for place in edit.selected))
        self.setTextCursor(cursor)

    def _fit(self) -> None:
        """As high as the text, in whole lines (QPlainTextEdit's layout counts lines, not pixels).

        A new height may end in here again before it is wholly set; that call leaves it to the next round of this one.
        """
        if self._fitting:
            return
        self._fitting = True
        for _ in range(_ROUNDS):
            lines = round(self.document().documentLayout().documentSize().height())
            height = self._height(max(self._lines[0], min(self._lines[1], lines)))
            self.setVerticalScrollBarPolicy(_bar_if(lines > self._lines[1]))
            if height == self.height() == self.maximumHeight():
                break
            self.setFixedHeight(height)
        self._fitting = False
        if lines <= self._lines[1]:
            self.verticalScrollBar().setValue(0)  # it had scrolled to the cursor before it grew

    def _height(self, lines: int) -> int:
        margins = self.contentsMargins().top() + self.contentsMargins().bottom() + 2 * self.frameWidth()
        return int(lines * self.fontMetrics().lineSpacing() + 2 * self.document().documentMargin() + margins)


def _select(cursor: QtGui.QTextCursor, start: int, end: int) -> None:
    cursor.setPosition(start)
    cursor.setPosition(end, QtGui.QTextCursor.MoveMode.KeepAnchor)


def _is_escape(event: QtGui.QKeyEvent) -> bool:
    return bool(event.key() == Qt.Key.Key_Escape)


def _bar_if(needed: bool) -> Qt.ScrollBarPolicy:
    """A bar that came and went by itself would change the width, and with it the number of lines."""
    return Qt.ScrollBarPolicy.ScrollBarAlwaysOn if needed else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
