"""The machine, the queue and the price as she sees them in the docker."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.qt import Qt, QtWidgets
from wakebrush.session import Session
from wakebrush.session.machine_words import MachineView
from wakebrush.session.queue import Row
from wakebrush.ui.machine_settings import MachineSettings
from wakebrush.ui.panel import Panel
from wakebrush.ui.queue_list import QueueList
from wakebrush.ui.results_settings import ResultsSettings

from .fake_service import FakeService, machine
from .test_desk import ASLEEP, calls, until
from .test_panel import find

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def session(new_session: Callable[..., Session], service: FakeService, qtbot: QtBot) -> Session:
    service.machines = [machine(**ASLEEP)]
    made = new_session(service)
    qtbot.waitUntil(lambda: made.connected and bool(made.desk.machines), timeout=5000)
    return made


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> Iterator[Panel]:
    made = Panel(session)
    qtbot.addWidget(made)
    made.resize(300, 900)
    made.show()
    yield made
    made.hide()


def button(panel: Panel, name: str) -> QtWidgets.QAbstractButton:
    found = find(panel, name, QtWidgets.QAbstractButton)
    assert isinstance(found, QtWidgets.QAbstractButton)
    return found


def test_the_machine_is_behind_the_state_line_until_she_asks(
    panel: Panel, session: Session, service: FakeService, qtbot: QtBot
) -> None:
    assert not button(panel, "wake").isVisible() and not find(panel, "machines").isVisible()
    qtbot.mouseClick(find(panel, "state_line"), LEFT)
    assert button(panel, "wake").isVisible() and find(panel, "machines").isVisible()
    qtbot.mouseClick(button(panel, "wake"), LEFT)
    until(qtbot, lambda: calls(service, "/v1/wake"))
    qtbot.mouseClick(button(panel, "details"), LEFT)
    assert not find(panel, "machine_row").isVisible()


def test_a_machine_that_is_about_to_sleep_asks_by_itself(
    panel: Panel, session: Session, service: FakeService, qtbot: QtBot
) -> None:
    service.tell_machine(state="ready")
    until(qtbot, lambda: session.state_line.sentence == "Ready.")
    session.desk.view = MachineView(hold="Keep awake 1 h · up to $1.01", urgent=True)
    assert button(panel, "hold").isVisible() and not find(panel, "machines").isVisible()
    qtbot.mouseClick(button(panel, "hold"), LEFT)
    until(qtbot, lambda: session.desk.view.let_go)
    qtbot.mouseClick(button(panel, "details"), LEFT)
    qtbot.mouseClick(button(panel, "let_go"), LEFT)
    until(qtbot, lambda: session.desk.view.hold)


def test_ideas_are_chosen_put_aside_and_released(panel: Panel, session: Session, service: FakeService, qtbot: QtBot) -> None:
    qtbot.mouseClick(button(panel, "details"), LEFT)
    box = button(panel, "gather")
    box.click()
    assert session.settings.gather and button(panel, "generate").text() == "Put the idea aside"
    assert not button(panel, "release").isVisible()
    session.settings.prompt = "an idea"
    session.generate()
    until(qtbot, lambda: button(panel, "release").isVisible())
    assert not find(panel, "progress").isVisible()
    qtbot.mouseClick(button(panel, "release"), LEFT)
    until(qtbot, lambda: calls(service, "/v1/gathered/release") and not button(panel, "release").isVisible())


def test_the_price_stands_below_the_button_with_its_parts_as_a_tip(panel: Panel, session: Session, qtbot: QtBot) -> None:
    price = find(panel, "price", QtWidgets.QLabel)
    until(qtbot, lambda: price.isVisible() and price.text() == "starts the machine: about $0.50")
    assert "waking" in price.toolTip()
    session.desk.price = ""
    assert not price.isVisible()


def test_the_queue_is_listed_in_the_full_view_and_its_buttons_work(
    panel: Panel, session: Session, service: FakeService, qtbot: QtBot
) -> None:
    queue = find(panel, "queue", QueueList)
    session.settings.prompt = "one"
    session.generate()
    session.settings.prompt = "two"
    session.generate()
    until(qtbot, lambda: len(service.jobs) == 2 and all(row.state == "queued" for row in session.desk.rows))
    assert not queue.isVisible()
    session.settings.full_view = True
    assert queue.isVisible() and find(panel, "queue_title", QtWidgets.QLabel).text() == "Queue: 2"
    assert [each.isVisible() for each in queue.findChildren(QtWidgets.QToolButton, "front")] == [False, True]
    second = session.desk.rows[1]
    queue.findChildren(QtWidgets.QToolButton, "front")[1].click()
    until(qtbot, lambda: session.desk.rows[0].keys == second.keys)
    queue.findChildren(QtWidgets.QToolButton, "cancel_row")[0].click()
    until(qtbot, lambda: len(session.desk.rows) == 1)
    assert service.jobs[second.keys[0]]["state"] == "cancelled"
    assert not button(panel, "cancel_all").isVisible()
    session.desk.admin = True
    assert button(panel, "cancel_all").isVisible()
    button(panel, "cancel_mine").click()
    until(qtbot, lambda: session.desk.rows == ())
    assert not queue.isVisible()


def test_an_admin_cancels_everybodys(panel: Panel, session: Session, service: FakeService, qtbot: QtBot) -> None:
    button(panel, "cancel_all").click()
    until(qtbot, lambda: ("/v1/jobs", "all") in service.bodies)


def test_a_long_prompt_does_not_widen_the_queue(panel: Panel, session: Session) -> None:
    session.settings.full_view = True
    session.desk.rows = (Row(("j",), "a lighthouse " * 5, "2 before it, about 40 s, 12 pictures", tip="all of it"),)
    panel.grab()
    assert find(panel, "queue").minimumSizeHint().width() <= 240
    assert find(panel, "queue_row_title").toolTip() == "all of it"


def test_typing_is_an_intent_a_prompt_that_came_with_a_document_is_none(
    panel: Panel, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs: list[str] = []
    monkeypatch.setattr(session.desk, "sign", lambda: signs.append("sign"))
    prompt = find(panel, "prompt", QtWidgets.QPlainTextEdit)
    session.settings.prompt = "of another document"
    assert signs == []
    monkeypatch.setattr(prompt, "hasFocus", lambda: True)
    qtbot.keyClicks(prompt, "a")
    assert signs == ["sign"]


def test_the_switches_are_the_settings(session: Session, qtbot: QtBot) -> None:
    switches = MachineSettings(session.settings)
    qtbot.addWidget(switches)
    intent, quiet = (switches.findChild(QtWidgets.QCheckBox, name) for name in ("wake_on_intent", "quiet_budget"))
    assert not intent.isChecked() and not quiet.isChecked()
    intent.click()
    assert session.settings.wake_on_intent
    session.settings.quiet_budget = True
    assert quiet.isChecked()


def test_what_becomes_of_results_is_a_setting(session: Session, qtbot: QtBot) -> None:
    shown = ResultsSettings(session.settings)
    qtbot.addWidget(shown)
    at_once, previews = (shown.findChild(QtWidgets.QCheckBox, name) for name in ("apply_at_once", "previews_on_canvas"))
    room = shown.findChild(QtWidgets.QSpinBox, "history_megabytes")
    assert (at_once.isChecked(), previews.isChecked(), room.value()) == (False, True, 8)
    at_once.click()
    previews.click()
    room.setValue(0)
    settings = session.settings
    assert (settings.apply_at_once, settings.previews_on_canvas, settings.history_megabytes) == (True, False, 0)
    settings.history_megabytes = 20
    assert room.value() == 20
