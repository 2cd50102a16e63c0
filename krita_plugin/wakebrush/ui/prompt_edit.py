"""A text field that grows with its text and keeps its keys from Krita."""

from __future__ import annotations

from ..qt import QEvent, QSize, Qt, QtGui, QtWidgets, Signal

#: What Krita would otherwise take away from the text: Ctrl+Backspace fills the layer, Ctrl+Y is soft proofing, Ctrl+G groups.
_OURS = {
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Backspace,
    Qt.Key.Key_Delete,
    Qt.Key.Key_Y,
    Qt.Key.Key_Z,
    Qt.Key.Key_G,
    Qt.Key.Key_A,
    Qt.Key.Key_C,
    Qt.Key.Key_V,
    Qt.Key.Key_X,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
}


class PromptEdit(QtWidgets.QPlainTextEdit):
    """`edited(text)` as she types, `submitted()` on Ctrl+Enter. Between `lines[0]` and `lines[1]` lines high; Tab leaves it."""

    edited = Signal(str)
    submitted = Signal()

    def __init__(self, name: str, placeholder: str, lines: tuple[int, int] = (2, 8)) -> None:
        super().__init__()
        self._lines = lines
        self.setObjectName(name)
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)
        self.textChanged.connect(lambda: self.edited.emit(self.toPlainText()))
        self.textChanged.connect(self._fit)
        self._fit()

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
        if event.type() == QEvent.Type.ShortcutOverride and _is_ours(event):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.submitted.emit()
            return
        super().keyPressEvent(event)

    def _fit(self) -> None:
        """As high as the text, in whole lines (QPlainTextEdit's layout counts lines, not pixels)."""
        lines = round(self.document().documentLayout().documentSize().height())
        height = self._height(max(self._lines[0], min(self._lines[1], lines)))
        self.setVerticalScrollBarPolicy(_bar_if(lines > self._lines[1]))
        if height != self.height():
            self.setFixedHeight(height)

    def _height(self, lines: int) -> int:
        margins = self.contentsMargins().top() + self.contentsMargins().bottom() + 2 * self.frameWidth()
        return int(lines * self.fontMetrics().lineSpacing() + 2 * self.document().documentMargin() + margins)


def _bar_if(needed: bool) -> Qt.ScrollBarPolicy:
    """A bar that came and went by itself would change the width, and with it the number of lines."""
    return Qt.ScrollBarPolicy.ScrollBarAlwaysOn if needed else Qt.ScrollBarPolicy.ScrollBarAlwaysOff


def _is_ours(event: QtGui.QKeyEvent) -> bool:
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if modifiers in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
        return bool(event.key() != Qt.Key.Key_Escape)
    control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
    return control and not modifiers & Qt.KeyboardModifier.AltModifier and event.key() in _OURS
