"""From what she wrote to what is asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.client.model import Style
from wakebrush.client.store import MemoryStore
from wakebrush.session import Session
from wakebrush.session.prompt_hand import Piece
from wakebrush.session.recipe import Recipe
from wakebrush.session.request import Order
from wakebrush.session.style_book import StyleBook
from wakebrush.session.styles import OwnStyle
from wakebrush.session.writing import Writing

from .fake_canvas import FakeCanvas
from .fake_service import STYLES, FakeService

LORA = {"name": "practice-gouache.safetensors", "strength": 0.5}


@pytest.fixture
def session(new_session: Callable[..., Session], service: FakeService, qtbot: QtBot) -> Session:
    made = new_session(service)
    qtbot.waitUntil(lambda: made.connected and made.writing.book.models.known, timeout=5000)
    return made


@pytest.fixture
def writing(session: Session) -> Writing:
    return session.writing


def style(writing: Writing, name: str = "practice-gouache") -> Style:
    found = writing.book.find(name)
    assert found is not None
    return found


def test_the_grammar_is_applied_before_anything_is_sent(session: Session, writing: Writing) -> None:
    session.settings.prompt = "a {fox|owl}, <lora:practice-gouache:0.5> # at dusk"
    session.settings.negative_prompt = "people # none"
    asked = writing.asked(style(writing), 4, 2)
    assert (asked.style, asked.overrides) == ("practice-gouache", {})
    assert asked.orders == (Order("a fox", "people", 4, 1, (LORA,)), Order("a owl", "people", 5, 1, (LORA,)))


def test_alternatives_without_a_seed_get_one(session: Session, writing: Writing) -> None:
    session.settings.prompt = "{fox|owl}"
    orders = writing.asked(style(writing), None, 2).orders
    assert orders[0].seed is not None and orders[1].seed == orders[0].seed + 1
    session.settings.prompt = "fox"
    assert writing.asked(style(writing), None, 2).orders == (Order("fox", "", None, 2),)


def test_a_press_sends_her_style_and_her_loras(session: Session, service: FakeService, qtbot: QtBot) -> None:
    session.writing.book.keep(OwnStyle("own:Mine", "Mine", "practice-gouache", {"steps": 30}))
    session.writing.choose("own:Mine")
    session.settings.prompt = "a fox <lora:practice-gouache:0.5>"
    session.generate()
    assert session.notice is None
    qtbot.waitUntil(lambda: len(service.jobs) == 1, timeout=5000)
    (body,) = [body for path, body in service.bodies if path == "generate"]
    assert body["style"] == "practice-gouache" and body["overrides"] == {"steps": 30}
    assert body["prompt"] == "a fox" and body["loras"] == [LORA]


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("# only a comment", "Say in the prompt what you want to see."),
        ("fox <lora:gouach>", "The service has no LoRA “gouach”. Did you mean practice-gouache?"),
        ("fox <lora:x:much>", "The strength in “<lora:x:much>” is not a number"),
    ],
)
def test_what_cannot_be_asked_for_is_said_and_nothing_is_sent(
    session: Session, service: FakeService, prompt: str, sentence: str
) -> None:
    session.settings.prompt = prompt
    session.generate()
    assert session.notice is not None and sentence in session.notice.title
    assert service.jobs == {} and session.work.pictures == {}


def test_prompt_and_style_follow_the_documents_tab(session: Session, canvas: FakeCanvas) -> None:
    session.settings.prompt = "a castle"
    canvas.documents["d2"], canvas.active = "/pictures/sea.kra", "d2"
    session.refresh_canvas()
    assert session.settings.prompt == ""
    canvas.active = "d1"
    session.refresh_canvas()
    assert session.settings.prompt == "a castle"


def test_words_are_offered_from_the_list_and_the_services_loras(session: Session, writing: Writing, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: len(writing.tags) > 0, timeout=5000)
    assert "watercolor" in [each.text for each in writing.suggestions(Piece(0, "waterc"))]
    assert [each.text for each in writing.suggestions(Piece(0, "gou", lora=True))] == ["practice-gouache:1>"]
    writing.offer_words(False)
    assert writing.suggestions(Piece(0, "waterc")) == []


def test_a_language_that_the_style_does_not_read_is_said_while_she_writes(session: Session) -> None:
    session.settings.prompt = "灯塔"
    assert session.language_notice == "This style reads English; other words may be passed over."
    session.settings.prompt = "a lighthouse"
    assert session.language_notice == ""


def test_a_style_brings_its_strength_when_it_is_chosen(session: Session, writing: Writing) -> None:
    session.settings.strength = 15
    writing.choose("practice-gouache")
    assert session.settings.strength == 15, "it was chosen already"
    writing.choose("flux-ink")
    assert (session.settings.style, session.settings.strength) == ("flux-ink", 60)
    writing.choose("no-such-style")
    assert session.settings.style == "flux-ink"
    session.settings.style = "gone"
    assert writing.style is not None and writing.style.name == STYLES[0]["name"]


def test_settings_that_cannot_be_read_are_told(new_session: Callable[..., Session], service: FakeService, qtbot: QtBot) -> None:
    assert StyleBook(MemoryStore({"styles": "x"})).flaw
    session = new_session(service)
    session.writing.book.flaw = "The settings file holds no styles of Wakebrush."
    session.writing.start()
    assert session.notice is not None and session.notice.title == "The settings file holds no styles of Wakebrush."


def test_again_brings_her_own_style_back(session: Session) -> None:
    session.writing.book.keep(OwnStyle("own:Mine", "Mine", "practice-gouache", {"steps": 30}))
    session.results.again_asked.emit(Recipe(style="practice-gouache", overrides={"steps": 30}))
    assert session.settings.style == "own:Mine"
    session.results.again_asked.emit(Recipe(style="practice-gouache", overrides={"steps": -1}))
    assert session.settings.style == "own:Mine" and session.notice is not None and "cannot be used" in session.notice.title


def test_a_service_that_cannot_say_its_models_leaves_names_as_they_are(
    new_session: Callable[..., Session], service: FakeService, qtbot: QtBot
) -> None:
    service.refuse = lambda method, path: (500, {}) if path == "/v1/models" else None
    session = new_session(service)
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    session.settings.prompt = "fox <lora:anything>"
    (order,) = session.writing.asked(style(session.writing), None, 1).orders
    assert order.loras == ({"name": "anything", "strength": 1.0},) and session.notice is None


def test_models_that_cannot_be_read_are_told(new_session: Callable[..., Session], service: FakeService, qtbot: QtBot) -> None:
    service.refuse = lambda method, path: (200, {"models": [{}]}) if path == "/v1/models" else None
    session = new_session(service)
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert session.notice is not None and "cannot read" in session.notice.title


def test_what_the_fields_hold_goes_into_the_documents_file_and_comes_back(
    session: Session, canvas: FakeCanvas, service: FakeService, qtbot: QtBot, picture: bytes
) -> None:
    session.settings.prompt, session.settings.strength = "a {castle|tower} # by the sea", 45
    session.generate()
    qtbot.waitUntil(lambda: len(service.jobs) == 1, timeout=5000)
    service.finish(next(iter(service.jobs)), picture)
    qtbot.waitUntil(lambda: canvas.annotation("d1") != b"", timeout=10000)
    canvas.documents["d2"] = "/pictures/copy.kra"
    canvas.set_annotation("d2", canvas.annotation("d1"))
    canvas.active = "d2"
    session.refresh_canvas()
    qtbot.waitUntil(lambda: session.settings.prompt == "a {castle|tower} # by the sea", timeout=5000)
    assert session.settings.strength == 45
