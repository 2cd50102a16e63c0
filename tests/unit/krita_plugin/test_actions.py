"""Actions that can be bound to keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from unittest.mock import Mock
from xml.etree import ElementTree

import package
import pytest
from pytestqt.qtbot import QtBot

from wakebrush.qt import QtGui, QtWidgets
from wakebrush.session import Session
from wakebrush.ui.actions import ACTIONS, panel_in
from wakebrush.ui.panel import Panel

WRITTEN = ElementTree.parse(package.HERE / "wakebrush.action").getroot()
#: Krita's menus open with Alt and such a letter, and right Alt counts as Ctrl+Alt on many keyboards.
RISKY = re.compile(r"Alt\+\w$|Ctrl\+Alt\+|Alt\+Ctrl\+|^\w$")


def shortcuts() -> dict[str, str]:
    return {action.attrib["name"]: action.findtext("shortcut") or "" for action in WRITTEN.iter("Action")}


def test_krita_is_told_the_same_actions_as_there_are() -> None:
    told = {action.attrib["name"]: action.findtext("text") for action in WRITTEN.iter("Action")}
    assert told == {action.name: action.text for action in ACTIONS}


def test_the_zip_holds_them_where_kritas_importer_looks() -> None:
    files = dict(package.plugin_files())
    assert files["actions/wakebrush.action"] == (package.HERE / "wakebrush.action").read_bytes()


def test_their_keys_are_keys_each_once_and_none_that_types_or_opens_a_menu() -> None:
    keys = [keys for keys in shortcuts().values() if keys]
    assert len(keys) == len(set(keys)) >= 7
    for each in keys:
        assert QtGui.QKeySequence(each).toString() == each
        assert not RISKY.search(each), each


@pytest.fixture
def session(new_session: Callable[..., Session], qtbot: QtBot) -> Session:
    return new_session()


def do(name: str, session: Session, panel: Panel | None = None) -> None:
    next(action for action in ACTIONS if action.name == name).do(session, panel)


@pytest.mark.parametrize(
    ("name", "verb", "arguments"),
    [
        ("wakebrush_generate", "generate", ()),
        ("wakebrush_cancel", "cancel", ()),
        ("wakebrush_apply", "results.apply", ()),
        ("wakebrush_let_go", "results.let_go", ()),
        ("wakebrush_next", "results.step", (1,)),
        ("wakebrush_previous", "results.step", (-1,)),
        ("wakebrush_again", "results.again", ()),
        ("wakebrush_keep_awake", "desk.keep_awake", ()),
    ],
)
def test_each_does_what_it_says(name: str, verb: str, arguments: tuple[int, ...]) -> None:
    session = Mock(spec=["generate", "cancel", "results", "desk"])
    do(name, session)
    called = session
    for part in verb.split("."):
        called = getattr(called, part)
    called.assert_called_once_with(*arguments)


def test_the_verbs_are_there(session: Session) -> None:
    for action in ACTIONS:
        action.do(session, None)
    assert session.notice is not None


def test_writing_brings_the_docker_to_the_front_and_the_keys_into_the_prompt(session: Session, qtbot: QtBot) -> None:
    window = QtWidgets.QMainWindow()
    qtbot.addWidget(window)
    dock = QtWidgets.QDockWidget("Wakebrush", window)
    area = QtWidgets.QScrollArea()
    area.setWidget(Panel(session))
    dock.setWidget(area)
    dock.hide()
    window.show()
    panel = panel_in(window)
    assert panel is not None and panel_in(None) is None
    do("wakebrush_prompt", session, panel)
    qtbot.waitUntil(dock.isVisible)
    assert window.focusWidget() is panel.findChild(QtWidgets.QPlainTextEdit, "prompt")
