"""Connecting and settings, driven like an artist drives them: nothing blocks, a token is never shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.client.profiles import Profile
from wakebrush.qt import QApplication, Qt, QtWidgets
from wakebrush.session import Session
from wakebrush.session.words import Notice
from wakebrush.ui.panel import Panel
from wakebrush.updates import Offer

from .fake_service import TOKEN, FakeService
from .test_connecting import paired
from .test_panel import clipped, find

Line, Button = QtWidgets.QLineEdit, QtWidgets.QPushButton
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def session(new_session: Callable[..., Session]) -> Session:
    """Of somebody who has no service yet."""
    return new_session()


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> Iterator[Panel]:
    made = Panel(session)
    qtbot.addWidget(made)
    made.resize(300, 900)
    made.show()
    yield made
    made.hide()


def names(panel: Panel) -> list[str]:
    """The list of services."""
    services = find(panel, "services", QtWidgets.QListWidget)
    return [services.item(n).text() for n in range(services.count())]


def choose(panel: Panel, row: int) -> None:
    find(panel, "services", QtWidgets.QListWidget).setCurrentRow(row)


def test_who_has_no_service_is_asked_to_connect_and_a_pasted_link_is_enough(
    panel: Panel, session: Session, service: FakeService, qtbot: QtBot
) -> None:
    paired(service)
    offer = find(panel, "error_settings", Button)
    qtbot.waitUntil(offer.isVisible, timeout=5000)
    assert offer.text() == "Connect…" and "not connected" in find(panel, "error_title").text()
    qtbot.mouseClick(offer, LEFT)
    dialog = find(panel, "wakebrush_connect", QtWidgets.QDialog)
    assert dialog.isVisible() and not dialog.isModal() and not find(panel, "pair_address").isVisible()
    qtbot.keyClicks(find(panel, "invitation"), f"{service.endpoint}/invite#ABCD-EFGH")
    assert not find(panel, "pair_address").isVisible(), "a link says where it leads"
    qtbot.mouseClick(find(panel, "pair"), LEFT)
    answer = find(panel, "connect_answer", QtWidgets.QLabel)
    qtbot.waitUntil(lambda: answer.text() == "Paired: Mira, team Film. Happy painting.", timeout=5000)
    qtbot.waitUntil(lambda: session.connected and not offer.isVisible(), timeout=5000)
    assert find(panel, "invitation", Line).text() == "" and find(panel, "pair").isEnabled()
    assert clipped(dialog) == []
    qtbot.mouseClick(find(panel, "connect_close"), LEFT)
    assert not dialog.isVisible()


def test_a_code_asks_where_it_belongs(panel: Panel, session: Session, service: FakeService, qtbot: QtBot) -> None:
    paired(service)
    panel.open_connect()
    qtbot.keyClicks(find(panel, "invitation"), "abcd-efgh")
    qtbot.keyClick(find(panel, "invitation"), Qt.Key.Key_Return)
    answer = find(panel, "connect_answer", QtWidgets.QLabel)
    assert "needs the address" in answer.text() and find(panel, "pair").isEnabled()
    qtbot.keyClicks(find(panel, "pair_address"), service.endpoint)
    qtbot.mouseClick(find(panel, "pair"), LEFT)
    qtbot.waitUntil(lambda: session.connected, timeout=5000)


def test_a_pairing_that_the_environment_overrides_says_so(
    new_session: Callable[..., Session], service: FakeService, qtbot: QtBot
) -> None:
    paired(service)
    panel = Panel(new_session(environ={"KRITA_AI_ENDPOINT": "https://other.example"}))
    qtbot.addWidget(panel)
    panel.open_connect()
    find(panel, "invitation", Line).setText(f"{service.endpoint}/invite#ABCD-EFGH")
    qtbot.mouseClick(find(panel, "pair"), LEFT)
    answer = find(panel, "connect_answer", QtWidgets.QLabel)
    qtbot.waitUntil(lambda: "Happy painting. The environment variable KRITA_AI_ENDPOINT" in answer.text(), timeout=5000)


def test_a_refused_code_is_said_and_can_be_typed_again(panel: Panel, service: FakeService, qtbot: QtBot) -> None:
    gone = {"status": 403, "code": "invitation_invalid", "title": "Not good any more.", "hint": "Ask again."}
    service.refuse = lambda method, path: (403, gone) if path == "/v1/pair" else None
    panel.open_connect()
    find(panel, "invitation", Line).setText(f"{service.endpoint}/invite#ABCD-EFGH")
    qtbot.mouseClick(find(panel, "pair"), LEFT)
    answer = find(panel, "connect_answer", QtWidgets.QLabel)
    qtbot.waitUntil(lambda: answer.text() == "Not good any more. Ask again.", timeout=5000)
    assert find(panel, "pair").isEnabled() and "ABCD" in find(panel, "invitation", Line).text()


def test_who_has_a_token_gets_from_pairing_to_the_settings_and_back(panel: Panel, qtbot: QtBot) -> None:
    panel.open_connect()
    qtbot.mouseClick(find(panel, "pair_token"), LEFT)
    assert find(panel, "wakebrush_settings").isVisible() and not find(panel, "wakebrush_connect").isVisible()
    qtbot.mouseClick(find(panel, "settings_pair"), LEFT)
    assert find(panel, "wakebrush_connect").isVisible() and not find(panel, "wakebrush_settings").isVisible()


def test_a_service_is_added_by_its_token(panel: Panel, session: Session, service: FakeService, qtbot: QtBot) -> None:
    qtbot.mouseClick(find(panel, "settings"), LEFT)
    dialog = find(panel, "wakebrush_settings", QtWidgets.QDialog)
    assert dialog.isVisible() and not dialog.isModal() and names(panel) == ["This computer (in use)"]
    endpoint, token = find(panel, "endpoint", Line), find(panel, "token", Line)
    answer = find(panel, "settings_answer", QtWidgets.QLabel)
    assert endpoint.isReadOnly() and token.echoMode() == Line.EchoMode.Password
    qtbot.mouseClick(find(panel, "service_add"), LEFT)
    assert not endpoint.isReadOnly() and not find(panel, "service_remove").isEnabled()
    endpoint.setText("http://studio.example")
    qtbot.mouseClick(find(panel, "settings_ok"), LEFT)
    assert endpoint.isVisible() and "not encrypted" in answer.text()
    endpoint.setText(service.endpoint)
    find(panel, "proxy", Line).setText("socks5://proxy")
    qtbot.mouseClick(find(panel, "test_connection"), LEFT)
    assert "HTTP proxies" in answer.text() and find(panel, "test_connection").isEnabled()
    find(panel, "proxy", Line).setText("none")
    token.setText("wrong")
    qtbot.mouseClick(find(panel, "test_connection"), LEFT)
    qtbot.waitUntil(lambda: "no longer paired" in answer.text(), timeout=5000)
    token.setText(TOKEN)
    qtbot.mouseClick(find(panel, "test_connection"), LEFT)
    qtbot.waitUntil(lambda: answer.text() == "It works: Mira, team Studio.", timeout=5000)
    qtbot.mouseClick(find(panel, "settings_ok"), LEFT)
    assert not dialog.isVisible()
    kept = session.connecting.profiles.active
    assert (kept.endpoint, kept.token, kept.proxy) == (service.endpoint, TOKEN, "none")
    qtbot.waitUntil(lambda: session.connected, timeout=5000)


@pytest.fixture
def two(session: Session, service: FakeService) -> Session:
    session.connecting.add(Profile("", "First", service.endpoint, TOKEN))
    session.connecting.add(Profile("", "Second", "https://second.example", "second-token"))
    return session


def test_services_are_renamed_used_and_removed(panel: Panel, two: Session, service: FakeService, qtbot: QtBot) -> None:
    panel.open_settings()
    assert names(panel) == ["First", "Second (in use)", "This computer"]
    choose(panel, 0)
    qtbot.mouseClick(find(panel, "service_use"), LEFT)
    assert names(panel) == ["First (in use)", "Second", "This computer"] and not find(panel, "service_use").isEnabled()
    qtbot.waitUntil(lambda: two.connected, timeout=5000)
    choose(panel, 1)
    find(panel, "service_name", Line).setText("Renamed")
    qtbot.mouseClick(find(panel, "settings_ok"), LEFT)
    panel.open_settings()
    assert names(panel) == ["First (in use)", "Renamed", "This computer"]
    choose(panel, 1)
    qtbot.mouseClick(find(panel, "service_remove"), LEFT)
    assert names(panel) == ["First (in use)", "This computer"]
    choose(panel, 1)
    assert not find(panel, "service_remove").isEnabled()
    qtbot.mouseClick(find(panel, "settings_cancel"), LEFT)


def test_a_stored_token_is_never_shown_is_kept_and_does_not_follow_to_another_address(
    panel: Panel, two: Session, qtbot: QtBot
) -> None:
    panel.open_settings()
    token = find(panel, "token", Line)
    assert token.text() == "" and token.placeholderText() == "stored"
    qtbot.mouseClick(find(panel, "settings_ok"), LEFT)
    assert two.connecting.profiles.active.token == "second-token"
    panel.open_settings()
    find(panel, "endpoint", Line).setText("https://elsewhere.example")
    qtbot.mouseClick(find(panel, "settings_ok"), LEFT)
    assert (two.connecting.profiles.active.endpoint, two.connecting.profiles.active.token) == ("https://elsewhere.example", "")
    panel.open_settings()
    assert find(panel, "token", Line).placeholderText() == "none yet"


def test_an_authority_is_chosen_without_stopping_krita(panel: Panel, two: Session, qtbot: QtBot, tmp_path: Path) -> None:
    panel.open_settings()
    qtbot.mouseClick(find(panel, "authority_browse"), LEFT)
    chooser = find(panel, "authority_file", QtWidgets.QFileDialog)
    chooser.fileSelected.emit(str(tmp_path / "studio.pem"))
    chooser.reject()
    qtbot.mouseClick(find(panel, "settings_ok"), LEFT)
    assert two.connecting.profiles.active.authority == str(tmp_path / "studio.pem")


def test_the_report_goes_into_the_clipboard_without_any_token(panel: Panel, two: Session, qtbot: QtBot) -> None:
    two.settings.prompt = "a lighthouse nobody may know of"
    panel.open_settings()
    qtbot.mouseClick(find(panel, "copy_report"), LEFT)
    said = QApplication.clipboard().text()
    assert said.startswith("# Wakebrush report") and "https://second.example: settings, in use, has a token" in said
    assert "second-token" not in said and TOKEN not in said and "lighthouse" not in said
    assert "clipboard" in find(panel, "settings_answer", QtWidgets.QLabel).text()


def test_what_the_studio_has_set_can_be_looked_at_and_not_changed(
    new_session: Callable[..., Session], qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "wakebrush.json"
    told = {"endpoint": "https://studio.example", "name": "Film", "proxy": "http://mira:hunter22@proxy:3128", "only": True}
    file.write_text(json.dumps(told))
    session = new_session(environ={"WAKEBRUSH_CONFIG": str(file), "KRITA_AI_ENDPOINT": "https://other.example"})
    panel = Panel(session)
    qtbot.addWidget(panel)
    panel.open_settings()
    assert names(panel) == ["Film (in use)"] and not find(panel, "service_add").isEnabled()
    for name, text in (("endpoint", "https://studio.example"), ("proxy", "http://proxy:3128"), ("token", "")):
        field = find(panel, name, Line)
        assert field.isReadOnly() and field.text() == text and str(file) in field.toolTip()
    assert "KRITA_AI_ENDPOINT" in find(panel, "settings_answer", QtWidgets.QLabel).text()
    qtbot.mouseClick(find(panel, "settings_ok"), LEFT)
    assert session.connecting.profiles.active.proxy == told["proxy"]


@pytest.mark.parametrize(("action", "button"), [("settings", "Open the settings"), ("update", "Install"), ("", "")])
def test_the_button_beside_a_sentence_says_what_it_does(panel: Panel, session: Session, action: str, button: str) -> None:
    session.notice = Notice("Something.", "", action)
    shown = find(panel, "error_settings", Button)
    assert shown.isVisible() is bool(button) and shown.text() == button


def test_install_installs(panel: Panel, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    pressed: list[bool] = []
    monkeypatch.setattr(session.connecting, "install_update", lambda: pressed.append(True))
    session.notice = Notice("Version 0.2 of the plugin is ready.", "", "update")
    qtbot.mouseClick(find(panel, "error_settings"), LEFT)
    assert pressed == [True]


def test_a_newer_plugin_is_offered_in_the_settings_too_and_hides_no_trouble(
    panel: Panel, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressed: list[bool] = []
    monkeypatch.setattr(session.connecting, "install_update", lambda: pressed.append(True))
    panel.open_settings()
    assert not find(panel, "install_update").isVisible()
    session.notice = Notice("Something is wrong.")
    session.connecting._got_offer(Offer("0.2.0", "/plugin/x.zip", "", 1))
    assert session.notice.title == "Something is wrong."
    button = find(panel, "install_update", Button)
    assert button.isVisible() and button.text() == "Install version 0.2.0"
    qtbot.mouseClick(button, LEFT)
    assert pressed == [True]


def test_no_text_of_the_settings_is_clipped(panel: Panel, two: Session, qtbot: QtBot) -> None:
    panel.open_settings()
    dialog = find(panel, "wakebrush_settings", QtWidgets.QDialog)
    dialog.resize(dialog.minimumSizeHint())
    qtbot.waitUntil(lambda: clipped(dialog) == [])
