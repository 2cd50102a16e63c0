"""Keys in real Krita: what is written stays in the text, the canvas gets its keys back, and nothing of Krita's is taken."""

from xml.etree import ElementTree

import pytest

from .kritas import REPOSITORY

CANVAS = ("KisQPainterCanvas", "KisOpenGLCanvas2")
WRITTEN = ElementTree.parse(REPOSITORY / "krita_plugin/wakebrush.action").getroot()
OURS = {action.attrib["name"]: action.findtext("shortcut") or "" for action in WRITTEN.iter("Action")}


@pytest.fixture
def desk(krita):
    """A painted document with the docker beside it."""
    krita.ask("documents.create", width=640, height=480, paper=[255, 255, 255])
    krita.ask("documents.gradient")
    krita.ask("docker.show")
    return krita


def click_into(krita, field):
    krita.hand.click(krita.ask("docker.where", name=field))
    krita.until("keys.has_focus", f"the keys in {field}", lambda focus: focus and focus[0] == field)


def empty(krita, field):
    click_into(krita, field)
    krita.hand.key("ctrl+a", "Delete")
    krita.until("keys.value", f"an empty {field}", lambda text: text == "", name=field)


def test_actions_come_with_keys_that_collide_with_none_of_kritas(krita):
    bound = krita.ask("keys.shortcuts")
    assert len(bound) > 100, "Krita's own are among them"
    for name, keys in OURS.items():
        if keys:
            assert bound.get(keys) == [name], keys


def test_every_text_field_keeps_its_keys_from_the_picture(desk):
    untouched = desk.ask("documents.fingerprint")
    desk.hand.click(desk.ask("docker.where", name="full_view"))
    for field in ("prompt", "negative_prompt", "seed"):
        empty(desk, field)
        desk.hand.type("12 34")
        desk.hand.key("ctrl+BackSpace")
        desk.until("keys.value", "a word less", lambda text: text.strip() == "12", name=field)
        desk.hand.key("ctrl+z")
        desk.until("keys.value", "the word again", lambda text: text == "12 34", name=field)
        desk.hand.key("ctrl+y", "ctrl+g", "ctrl+z", "ctrl+shift+z", "b", "Tab")
        desk.ask("window.wait", seconds=0.3)
        assert desk.ask("keys.value", name=field) != "", field
        assert desk.ask("window.dialog") is None, field
        assert desk.ask("documents.fingerprint") == untouched, field
        empty(desk, field)
    desk.hand.click(desk.ask("docker.where", name="full_view"))


def test_ctrl_enter_and_shift_enter_start_a_picture_in_every_field(desk):
    desk.hand.click(desk.ask("docker.where", name="full_view"))
    pressed = [
        ("prompt", "ctrl+Return"),
        ("prompt", "shift+Return"),
        ("negative_prompt", "ctrl+Return"),
        ("seed", "ctrl+KP_Enter"),
    ]
    for field, keys in pressed:
        click_into(desk, field)
        desk.ask("keys.close_error")
        desk.hand.key(keys)
        desk.until("docker.text", f"an answer to {keys} in {field}", name="error_title")
        assert desk.ask("keys.has_focus")[0] == field
    desk.hand.click(desk.ask("docker.where", name="full_view"))


def test_esc_gives_the_keys_back_to_the_canvas_and_a_key_brings_them_to_the_prompt(desk):
    empty(desk, "prompt")
    desk.hand.type("a fox")
    desk.hand.key("Escape")
    desk.until("keys.has_focus", "the keys at the canvas", lambda focus: focus and focus[1] in CANVAS)
    desk.hand.key("ctrl+shift+k")
    desk.until("keys.has_focus", "the keys in the prompt", lambda focus: focus and focus[0] == "prompt")
    desk.hand.type("!")
    desk.until("keys.value", "what was typed", lambda text: text == "a fox!" or text == "!a fox", name="prompt")
    empty(desk, "prompt")


def test_words_are_offered_below_the_cursor_and_the_keys_stay_in_the_prompt(desk):
    empty(desk, "prompt")
    desk.hand.type("a sea in waterc")
    desk.until("keys.words_offered", "the words", lambda words: words and words[0] == "watercolor")
    assert desk.ask("keys.has_focus")[0] == "prompt"
    desk.hand.key("Tab")
    desk.until("keys.value", "the word", lambda text: text == "a sea in watercolor", name="prompt")
    assert desk.ask("keys.words_offered") is None and desk.ask("keys.has_focus")[0] == "prompt"
    desk.hand.type(", waterc")
    desk.until("keys.words_offered", "the words again")
    desk.hand.key("Escape")
    desk.until("keys.words_offered", "no words", lambda words: words is None)
    assert desk.ask("keys.has_focus")[0] == "prompt"
    empty(desk, "prompt")


def test_ctrl_up_makes_a_word_heavier(desk):
    empty(desk, "prompt")
    desk.hand.type("a foggy harbour")
    desk.hand.key("ctrl+Up", "ctrl+Up")
    desk.until("keys.value", "the weight", lambda text: text == "a foggy (harbour:1.2)", name="prompt")
    desk.hand.key("ctrl+Down", "ctrl+Down")
    desk.until("keys.value", "no weight", lambda text: text == "a foggy harbour", name="prompt")
    empty(desk, "prompt")


def test_prompt_and_seed_follow_the_documents_tab(desk):
    desk.ask("documents.create", width=320, height=240, paper=[255, 255, 255], name="castle")
    empty(desk, "prompt")
    desk.hand.type("a castle")
    desk.until("keys.value", "what was typed", lambda text: text == "a castle", name="prompt")
    desk.ask("documents.create", width=320, height=240, paper=[255, 255, 255], name="sea")
    desk.until("keys.value", "an empty prompt", lambda text: text == "", name="prompt")
    empty(desk, "prompt")
    desk.hand.type("the sea")
    desk.ask("documents.bring_to_front", name="castle")
    desk.until("keys.value", "the castle's prompt", lambda text: text == "a castle", name="prompt")
    desk.ask("documents.bring_to_front", name="sea")
    desk.until("keys.value", "the sea's prompt", lambda text: text == "the sea", name="prompt")
