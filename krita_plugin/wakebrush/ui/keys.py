"""Keys that belong to a text field, and the way back to the canvas."""

from __future__ import annotations

from ..qt import QApplication, QEvent, Qt, QtGui, QtWidgets, QWidget

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
_TEXTS = (QtWidgets.QLineEdit, QtWidgets.QPlainTextEdit, QtWidgets.QTextEdit, QtWidgets.QAbstractSpinBox)
#: What Krita calls the widget that shows a document.
_CANVAS = ("KisQPainterCanvas", "KisOpenGLCanvas2")


def belongs_to_text(event: QtGui.QKeyEvent) -> bool:
    """Whether a key means the text that is being written; saving, opening and the like stay Krita's."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if modifiers in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
        return bool(event.key() != Qt.Key.Key_Escape)
    control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
    return control and not modifiers & Qt.KeyboardModifier.AltModifier and event.key() in _OURS


def kept_from_krita(event: QEvent) -> bool:
    """For `event` of a widget with text fields in it: keeps a key that Krita is about to take as a shortcut.

    Qt asks the field first and then what it lies in, so one place serves every field.
    """
    if event.type() != QEvent.Type.ShortcutOverride:
        return False
    if starts_a_picture(event) or (isinstance(QApplication.focusWidget(), _TEXTS) and belongs_to_text(event)):
        event.accept()
        return True
    return False


def starts_a_picture(event: QtGui.QKeyEvent) -> bool:
    """Ctrl+Enter and Shift+Enter."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    either = (Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier)
    return event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and modifiers in either


def to_canvas(widget: QWidget) -> None:
    """Gives the keys to the document in front, or to nobody when there is none."""
    canvas = canvas_of(widget)
    if canvas is not None:
        canvas.activateWindow()
        canvas.setFocus(Qt.FocusReason.OtherFocusReason)
    elif QApplication.focusWidget() is not None:
        QApplication.focusWidget().clearFocus()


def canvas_of(widget: QWidget) -> QWidget | None:
    """What shows the document in front in the window that this widget belongs to (also as a floating docker)."""
    window: QWidget | None = widget.window()
    while window is not None and not isinstance(window, QtWidgets.QMainWindow):
        above = window.parentWidget()
        window = None if above is None else above.window()
    views = None if window is None else window.findChild(QtWidgets.QMdiArea)
    front = None if views is None else views.activeSubWindow()
    if front is None:
        return None
    return next((each for each in front.findChildren(QWidget) if each.metaObject().className() in _CANVAS), None)
