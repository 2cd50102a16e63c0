"""Keys in the docker: what belongs to the text, what starts a picture, and the way back to the canvas."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.qt import QApplication, QEvent, Qt, QtGui, QtWidgets, QWidget
from wakebrush.ui.keys import belongs_to_text, canvas_of, kept_from_krita, starts_a_picture, to_canvas

CONTROL, SHIFT, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
NONE, KEYPAD = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier
Key = Qt.Key


class KisQPainterCanvas(QWidget):
    """Krita's name for what shows a document."""


def event(key: Qt.Key, modifiers: Qt.KeyboardModifier, kind: QEvent.Type = QEvent.Type.ShortcutOverride) -> QtGui.QKeyEvent:
    made = QtGui.QKeyEvent(kind, key, modifiers)
    made.ignore()
    return made


@pytest.mark.parametrize(
    ("key", "modifiers", "ours"),
    [
        (Key.Key_B, NONE, True),
        (Key.Key_B, SHIFT, True),
        (Key.Key_Escape, NONE, False),
        (Key.Key_Z, CONTROL, True),
        (Key.Key_Z, CONTROL | SHIFT, True),
        (Key.Key_Y, CONTROL, True),
        (Key.Key_G, CONTROL, True),
        (Key.Key_Backspace, CONTROL, True),
        (Key.Key_Up, CONTROL, True),
        (Key.Key_Enter, CONTROL | KEYPAD, True),
        (Key.Key_S, CONTROL, False),
        (Key.Key_Z, CONTROL | ALT, False),
        (Key.Key_B, ALT, False),
    ],
)
def test_what_belongs_to_the_text(key: Qt.Key, modifiers: Qt.KeyboardModifier, ours: bool) -> None:
    assert belongs_to_text(event(key, modifiers)) == ours


@pytest.mark.parametrize(
    ("key", "modifiers", "starts"),
    [
        (Key.Key_Return, CONTROL, True),
        (Key.Key_Return, SHIFT, True),
        (Key.Key_Enter, CONTROL | KEYPAD, True),
        (Key.Key_Return, NONE, False),
        (Key.Key_Return, CONTROL | SHIFT, False),
        (Key.Key_Return, ALT, False),
    ],
)
def test_ctrl_enter_and_shift_enter_start_a_picture(key: Qt.Key, modifiers: Qt.KeyboardModifier, starts: bool) -> None:
    assert starts_a_picture(event(key, modifiers)) == starts


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QtWidgets.QMainWindow]:
    """Krita's window: a document in the middle, and a docker with fields on the right."""
    made = QtWidgets.QMainWindow()
    qtbot.addWidget(made)
    views = QtWidgets.QMdiArea()
    made.setCentralWidget(views)
    canvas = KisQPainterCanvas()
    canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    views.addSubWindow(canvas)
    dock = QtWidgets.QDockWidget("Wakebrush")
    dock.setObjectName("dock")
    inside = QWidget()
    column = QtWidgets.QVBoxLayout(inside)
    for field in (QtWidgets.QLineEdit(), QtWidgets.QSpinBox(), QtWidgets.QPushButton()):
        column.addWidget(field)
    dock.setWidget(inside)
    made.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()


@pytest.mark.parametrize("floating", [False, True])
def test_the_keys_go_back_to_the_document_in_front(window: QtWidgets.QMainWindow, qtbot: QtBot, floating: bool) -> None:
    dock, field = window.findChild(QtWidgets.QDockWidget), window.findChild(QtWidgets.QLineEdit)
    dock.setFloating(floating)
    field.setFocus()
    assert canvas_of(field) is window.findChild(KisQPainterCanvas)
    to_canvas(field)
    qtbot.waitUntil(lambda: window.findChild(QtWidgets.QMdiArea).activeSubWindow().isAncestorOf(window.focusWidget()))


def test_without_a_document_nobody_has_the_keys(window: QtWidgets.QMainWindow, qtbot: QtBot) -> None:
    field = window.findChild(QtWidgets.QLineEdit)
    window.findChild(QtWidgets.QMdiArea).closeAllSubWindows()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    to_canvas(field)
    assert QApplication.focusWidget() is not field
    alone = QtWidgets.QLineEdit()
    qtbot.addWidget(alone)
    assert canvas_of(alone) is None


@pytest.mark.parametrize(
    ("kind", "kept"), [(QtWidgets.QLineEdit, True), (QtWidgets.QSpinBox, True), (QtWidgets.QPushButton, False)]
)
def test_only_text_fields_keep_their_keys_from_krita(window: QtWidgets.QMainWindow, qtbot: QtBot, kind: type, kept: bool) -> None:
    window.findChild(QtWidgets.QDockWidget).findChild(kind).setFocus()
    qtbot.waitUntil(lambda: isinstance(QApplication.focusWidget(), kind))
    pressed = event(Key.Key_G, CONTROL)
    assert kept_from_krita(pressed) == pressed.isAccepted() == kept
    assert kept_from_krita(event(Key.Key_Return, CONTROL))
    assert not kept_from_krita(event(Key.Key_G, CONTROL, QEvent.Type.KeyPress))
