"""Keys in the prompt: weights, and what is being typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakebrush.session.prompt_hand import Piece, in_tag_form, piece_at, reweigh


def press(marked: str, *keys: str) -> str:
    """The text after pressing up or down, with the selection as `[ ]` or the cursor as `|`, as it is written."""
    text = marked.replace("|", "")
    start = marked.replace("]", "").find("[") if "[" in marked else marked.index("|")
    end = marked.replace("[", "").find("]") if "[" in marked else start
    text = text.replace("[", "").replace("]", "")
    for key in keys:
        edit = reweigh(text, start, end, key == "up")
        if edit is None:
            return text
        text, (start, end) = edit.applied(text), edit.selected
    return text


@pytest.mark.parametrize(
    ("marked", "keys", "after"),
    [
        ("a foggy har|bour", ["up"], "a foggy (harbour:1.1)"),
        ("a foggy harbour|", ["up", "up"], "a foggy (harbour:1.2)"),
        ("a |foggy harbour", ["down"], "a (foggy:0.9) harbour"),
        ("a [foggy harbour], dusk", ["up", "up", "up"], "a (foggy harbour:1.3), dusk"),
        ("a [foggy harbour, ]dusk", ["up"], "a (foggy harbour:1.1), dusk"),
        ("a (foggy har|bour:1.3), dusk", ["down"], "a (foggy harbour:1.2), dusk"),
        ("a (fo|ggy:1.1), dusk", ["down"], "a foggy, dusk"),
        ("a (fo|ggy:0.9), dusk", ["up"], "a foggy, dusk"),
        ("a (fo|ggy), dusk", ["up"], "a (foggy:1.2), dusk"),
        ("a ((fo|ggy:1.2) harbour:1.4)", ["up"], "a ((foggy:1.3) harbour:1.4)"),
        ("a (foggy:1.9)|", ["up", "up", "up"], "a (foggy:2)"),
        ("a (foggy:0.2)|", ["down", "down", "down"], "a (foggy:0.1)"),
        ("fox <lora:i|nk:0.8>", ["up"], "fox <lora:ink:0.9>"),
        ("fox <lora:i|nk>", ["down"], "fox <lora:ink:0.9>"),
        ("miku_\\(sin|ger\\), x", ["up"], "(miku_\\(singer\\):1.1), x"),
        ("雾中的|灯塔，黄昏", ["up"], "(雾中的灯塔:1.1)，黄昏"),
        ("🌊🌊 wa|ve", ["up"], "🌊🌊 (wave:1.1)"),
        ("fox|(snow:1.2)", ["up"], "(fox:1.1)(snow:1.2)"),
        ("a , | b", ["up"], "a ,  b"),
        ("a[ , ]b", ["up"], "a , b"),
    ],
)
def test_ctrl_up_and_down_change_the_weight_of_what_is_meant(marked: str, keys: list[str], after: str) -> None:
    assert press(marked, *keys) == after


@given(st.text(alphabet="ab (:1.)<lora>,\\灯🌊", max_size=30), st.data())
def test_a_weight_never_loses_a_word(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    edit = reweigh(text, start, end, up=data.draw(st.booleans()))
    if edit is not None:
        after = edit.applied(text)
        kept = [sign for sign in text if sign in "b灯🌊"]
        assert [sign for sign in after if sign in "b灯🌊"] == kept
        assert 0 <= edit.selected[0] <= edit.selected[1] <= len(after)


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        ("a fox, waterc", Piece(7, "waterc")),
        ("a fox in waterc", Piece(0, "a fox in waterc")),
        ("(misty mor", Piece(1, "misty mor")),
        ("{dawn|du", Piece(6, "du")),
        ("雾，灯", Piece(2, "灯")),
        ("miku \\(sin", Piece(0, "miku \\(sin")),
        ("fox <lora:in", Piece(10, "in", lora=True)),
        ("fox <lora:", Piece(10, "", lora=True)),
        ("fox <lora:ink:0.", None),
        ("fox, (misty:1", None),
        ("fox, ", None),
        ("fox # wat", None),
        ("# wat", None),
        ("# wat\nsea", Piece(6, "sea")),
        ("", None),
    ],
)
def test_what_is_being_typed_is_known(before: str, piece: Piece | None) -> None:
    assert piece_at(before + ", and more", len(before)) == piece


def test_tags_are_written_with_spaces_and_their_brackets_weigh_nothing() -> None:
    assert [in_tag_form(name) for name in ("long_hair", "^_^", "sword_(weapon)", "a \\(b\\)")] == [
        "long hair",
        "^_^",
        "sword \\(weapon\\)",
        "a \\(b\\)",
    ]
