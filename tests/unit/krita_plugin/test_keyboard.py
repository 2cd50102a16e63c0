"""The docker without a mouse: Tab goes from top to bottom, and everything says what it is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.client.store import MemoryStore
from wakebrush.qt import QApplication, QEvent, QPoint, Qt, QtGui, QtWidgets, QWidget
from wakebrush.session import Session
from wakebrush.session.settings import PaintSettings
from wakebrush.session.words import Notice
from wakebrush.ui.panel import Panel

from .fake_canvas import FakeCanvas
from .fake_service import FakeService


@pytest.fixture
def session(new_session: Callable[..., Session], service: FakeService, canvas: FakeCanvas, qtbot: QtBot) -> Session:
    canvas.empty = False
    made = new_session(service)
    qtbot.waitUntil(lambda: made.connected, timeout=5000)
    made.settings.full_view = True
    return made


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> Iterator[Panel]:
    made = Panel(session)
    qtbot.addWidget(made)
    made.resize(300, 1200)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.hide()


def tab_order(panel: Panel) -> list[QWidget]:
    """What Tab visits, in order."""
    found, widget = [], panel.nextInFocusChain()
    while widget is not panel:
        by_tab = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if by_tab and panel.isAncestorOf(widget) and widget.isVisible() and widget.isEnabled() and widget.focusProxy() is None:
            found.append(widget)
        widget = widget.nextInFocusChain()
    return found


def test_tab_goes_from_top_to_bottom_beginning_with_the_prompt(panel: Panel) -> None:
    order = tab_order(panel)
    names = [widget.objectName() for widget in order]
    wanted = [name for name in ("prompt", "style", "strength", "negative_prompt", "seed", "generate") if name in names]
    assert [name for name in names if name in wanted] == wanted and len(wanted) == 6
    tops = [widget.mapTo(panel, QPoint(0, widget.height() // 2)).y() for widget in order]
    assert all(later >= earlier - 12 for earlier, later in pairwise(tops)), list(zip(names, tops, strict=True))


def test_everything_that_can_be_used_says_what_it_is_for(panel: Panel, session: Session) -> None:
    session.notice = Notice("This computer is no longer paired.", "Pair it again.", "connect")
    kinds = (QtWidgets.QAbstractButton, QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox, QtWidgets.QLineEdit)
    silent = []
    for widget in panel.findChildren(QWidget):
        inside = isinstance(widget.parentWidget(), (QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox, QtWidgets.QTabBar))
        said = (
            widget.toolTip()
            or widget.accessibleName()
            or (isinstance(widget, QtWidgets.QAbstractButton) and len(widget.text()) > 1)
        )
        if isinstance(widget, kinds) and widget.objectName() and not inside and not said:
            silent.append(widget.objectName())
    assert silent == []


@pytest.mark.parametrize("name", ["prompt", "negative_prompt", "seed", "count"])
@pytest.mark.parametrize("modifier", [Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier])
def test_a_picture_is_started_from_every_field(
    panel: Panel, session: Session, service: FakeService, qtbot: QtBot, name: str, modifier: Qt.KeyboardModifier
) -> None:
    session.settings.prompt = "a fox"
    qtbot.keyClick(panel.findChild(QWidget, name), Qt.Key.Key_Return, modifier)
    qtbot.waitUntil(lambda: len(service.jobs) == 1, timeout=5000)
    assert session.settings.prompt == "a fox"


@pytest.mark.parametrize("name", ["prompt", "negative_prompt", "seed", "count", "style", "strength"])
def test_esc_lets_the_keys_go_from_every_field(panel: Panel, qtbot: QtBot, name: str) -> None:
    field = panel.findChild(QWidget, name)
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert QApplication.focusWidget() is not field


@pytest.mark.parametrize("name", ["seed", "count"])
@pytest.mark.parametrize("key", [Qt.Key.Key_Y, Qt.Key.Key_G, Qt.Key.Key_Backspace, Qt.Key.Key_Z, Qt.Key.Key_Return])
def test_every_field_keeps_its_keys_from_krita(panel: Panel, qtbot: QtBot, name: str, key: Qt.Key) -> None:
    """Krita asks with this event whether somebody wants the key, before it takes it as a shortcut."""
    field = panel.findChild(QWidget, name)
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    event = QtGui.QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.ControlModifier)
    event.ignore()
    QApplication.sendEvent(field, event)
    assert event.isAccepted()


def test_presets_set_the_strength(panel: Panel, session: Session) -> None:
    presets = panel.findChild(QtWidgets.QToolButton, "strength_presets")
    assert [action.text() for action in presets.menu().actions()] == [
        "Touch up: 20 %",
        "Refine details: 40 %",
        "Rework: 70 %",
        "Paint anew: 100 %",
    ]
    presets.menu().actions()[1].trigger()
    assert session.settings.strength == 40 and presets.text() == "40 %"


def test_what_is_set_outlives_krita(qapp: object) -> None:
    store = MemoryStore()
    first = PaintSettings(store)
    first.prompt, first.strength, first.completion = "灯塔 🌊", 35, False
    first.save()
    again = PaintSettings(store)
    assert (again.prompt, again.strength, again.completion) == ("灯塔 🌊", 35, False)
    assert again.default("strength") == 70


def test_the_prompt_is_as_high_as_its_text_and_covers_nothing(panel: Panel, session: Session, qtbot: QtBot) -> None:
    session.settings.full_view = False
    prompt, style = panel.findChild(QtWidgets.QPlainTextEdit, "prompt"), panel.findChild(QWidget, "style")
    for width in (300, 286, 278, 270):
        panel.resize(width, 900)
        for text in ("a (foggy:1.2) {harbour|bay} <lora:ink:0.8>\n# at dusk\nwater", "fog", "a long line " * 9):
            prompt.setPlainText(text)
            prompt.moveCursor(QtGui.QTextCursor.MoveOperation.End)
            qtbot.waitUntil(lambda: prompt.minimumHeight() == prompt.maximumHeight() == prompt.height())
            qtbot.waitUntil(lambda: 5 <= style.mapTo(panel, QPoint(0, 0)).y() - prompt.geometry().bottom() <= 9)
            assert prompt.verticalScrollBar().value() == 0 and prompt.firstVisibleBlock().blockNumber() == 0
