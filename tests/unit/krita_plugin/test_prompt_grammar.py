"""What is sent for what she wrote."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakebrush.client.model import Lora
from wakebrush.session.prompt_grammar import merged, named, read, shares, stem, varies

INKS = ("brush.safetensors", "inks/Sumi-e v2.safetensors", "a/line.safetensors", "b/line.safetensors")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("a lighthouse, (misty:1.2), [faint]", "a lighthouse, (misty:1.2), [faint]"),
        ("灯塔，暴风雨 🌊", "灯塔，暴风雨 🌊"),
        ("a fox # at dusk\n# all of this\n  # and this\nin snow", "a fox\nin snow"),
        ("C#, no. 5#3, a \\# sign", "C#, no. 5#3, a # sign"),
        (r"a \{b\|c\} d \<lora:x\>", r"a {b|c} d <lora:x\>"),
        (r"miku \(singer\), back\\slash", "miku \\(singer\\), back\\slash"),
        ("{only one}, {not closed|", "{only one}, {not closed|"),
        ("a\x00b\x07c\r\nd\re\u2028f", "abc\nd\ne\nf"),
        ("half \ud83d of a character", "half  of a character"),
        ("  \n ", ""),
    ],
)
def test_words_are_sent_as_they_are_meant(written: str, sent: str) -> None:
    assert read(written, 0) == (sent, ())


def test_loras_are_taken_out_with_their_strength() -> None:
    words, loras = read("a fox, <lora:ink:0.8>, in snow <LoRA:水墨> at night, <lora:old:-.5>", 0)
    assert words == "a fox, in snow at night"
    assert loras == (Lora("ink", 0.8), Lora("水墨", 1.0), Lora("old", -0.5))


def test_of_a_lora_named_twice_the_last_counts() -> None:
    assert read("<lora:ink:0.8> x <lora:ink:0.3>", 0) == ("x", (Lora("ink", 0.3),))


@pytest.mark.parametrize(
    "written", ["<lora:ink:strong>", "<lora:ink:11>", "<lora:ink:>", "<lora: :1>", "<lora:ink:1:2>", "<lora:i:nan>"]
)
def test_a_lora_that_cannot_be_read_is_quoted_with_an_example(written: str) -> None:
    with pytest.raises(ValueError, match=re.escape("<lora:name:0.8>")) as raised:
        read(f"a fox {written}", 0)
    assert written in str(raised.value)


def test_more_loras_than_the_service_takes_are_counted() -> None:
    with pytest.raises(ValueError, match="20 LoRAs at most; these are 21"):
        merged([Lora(f"l{n}") for n in range(21)])


def test_alternatives_follow_the_seed_and_a_batch_goes_through_all_of_them() -> None:
    text = "a {red|green|blue} {fox|owl}"
    assert read(text, 4) == read(text, 4)
    assert len({read(text, seed) for seed in range(1000, 1006)}) == 6
    assert read(text, None) == ("a red fox", ())


def test_alternatives_nest_may_be_empty_and_hold_loras() -> None:
    text = "{a {small|large} dog|cat}{, <lora:ink:0.5>|}"
    assert {read(text, seed) for seed in range(12)} == {
        (words, loras) for words in ("a small dog", "a large dog", "cat") for loras in ((), (Lora("ink", 0.5),))
    }


def test_a_batch_without_alternatives_is_asked_for_at_once() -> None:
    (share,) = shares("a fox <lora:ink>", "people # none", None, 4)
    assert (share.prompt, share.negative_prompt, share.seed, share.count) == ("a fox", "people", None, 4)
    assert share.loras == (Lora("ink"),)


def test_each_picture_of_a_batch_has_its_own_alternative_and_counts_its_seed_on() -> None:
    found = shares("{dawn|dusk|night}", "", 2**64 - 2, 4)
    assert [share.prompt for share in found] == [read("{dawn|dusk|night}", seed)[0] for seed in (2**64 - 2, 2**64 - 1, 0, 1)]
    assert [(share.seed, share.count) for share in found] == [(2**64 - 2, 1), (2**64 - 1, 1), (0, 1), (1, 1)]


def test_pictures_of_a_batch_with_the_same_words_are_asked_for_together() -> None:
    found = shares("{fox|fox|owl}", "", 3, 4)
    assert [(share.prompt, share.seed, share.count) for share in found] == [("fox", 3, 2), ("owl", 5, 1), ("fox", 6, 1)]


def test_alternatives_need_a_seed() -> None:
    assert varies("x", "{a|b}") and not varies("{a}", r"\{a|b\}", "# {a|b}")
    with pytest.raises(ValueError, match="seed"):
        shares("{a|b}", "", None, 2)


@pytest.mark.parametrize(
    ("said", "file"),
    [
        ("brush", "brush.safetensors"),
        ("BRUSH.safetensors", "brush.safetensors"),
        ("sumi-e V2", "inks/Sumi-e v2.safetensors"),
        ("a\\line", "a/line.safetensors"),
    ],
)
def test_a_lora_is_found_by_its_name_with_or_without_folder_and_ending(said: str, file: str) -> None:
    assert named([Lora(said, 0.4)], INKS) == (Lora(file, 0.4),)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("brsh", "The service has no LoRA “brsh”. Did you mean brush?"),
        ("sumi", "The service has no LoRA “sumi”. Did you mean sumi-e v2?"),
        ("zzz", "The service has no LoRA “zzz”."),
        ("line", "“line” may be several LoRAs: a/line.safetensors, b/line.safetensors. Write its folder too."),
    ],
)
def test_what_the_service_lacks_is_named_with_what_comes_near(said: str, sentence: str) -> None:
    with pytest.raises(ValueError) as raised:
        named([Lora(said)], INKS)
    assert str(raised.value) == sentence


def test_while_nobody_knows_the_services_loras_names_go_as_they_are() -> None:
    assert named([Lora("anything", 0.2)], ()) == (Lora("anything", 0.2),)


def test_a_models_name_is_without_folder_and_ending() -> None:
    assert [stem(each) for each in ("inks/brush.v2.safetensors", "a\\b.pt", "plain")] == ["brush.v2", "b", "plain"]


@given(
    text=st.text(alphabet=st.characters(), max_size=80) | st.text(alphabet="{|}#\\<>:lora 0.8()\n", max_size=60),
    seed=st.integers(0, 2**64),
)
def test_any_text_is_read_or_answered_with_a_sentence(text: str, seed: int) -> None:
    try:
        words, _ = read(text, seed)
    except ValueError as sentence:
        assert str(sentence).endswith(".") or "<lora:name:0.8>" in str(sentence)
    else:
        words.encode("utf-8")
        assert not set(words) & {"\x00", "\r"}
