"""Styles of her own, on the basis of the service's."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from wakebrush.client.catalogue import Licence, Models
from wakebrush.client.model import Lora, Style
from wakebrush.client.store import MemoryStore
from wakebrush.session.style_book import StyleBook, is_own
from wakebrush.session.styles import OwnStyle, combined, exported, imported, language_notice, licence_words, missing, parse, shown

from .fake_service import MODELS, STYLES

GOUACHE, INK = (Style.parse(each) for each in STYLES)
THERE = Models.parse(MODELS)
MINE = OwnStyle(
    "own:Mine", "Mine", "practice-gouache", {"steps": 30, "cfg": 5.5}, (Lora("practice-gouache.safetensors", 0.4),), 768, 512
)


@pytest.fixture
def book(qapp: object) -> StyleBook:
    made = StyleBook(MemoryStore())
    made.offer((GOUACHE, INK))
    made.know(THERE)
    return made


def test_a_style_of_hers_is_asked_for_as_its_basis_with_what_differs(book: StyleBook) -> None:
    book.keep(MINE)
    assert book.asked("own:Mine") == (
        "practice-gouache",
        {"steps": 30, "cfg": 5.5, "loras": [{"name": "practice-gouache.safetensors", "strength": 0.4}]},
    )
    assert book.asked("flux-ink") == ("flux-ink", {})
    assert is_own("own:Mine") and not is_own("flux-ink")


def test_it_is_listed_behind_the_services_with_its_own_size(book: StyleBook) -> None:
    book.keep(MINE)
    assert [style.title for style in book.styles] == ["Gouache", "Ink", "Mine"]
    mine = book.find("own:Mine")
    assert mine is not None and (mine.width, mine.height, mine.base) == (768, 512, "sd15") and mine.available
    assert mine.default_strength == GOUACHE.default_strength
    book.offer((INK,))
    assert book.find("own:Mine") is None and book.own == (MINE,)


def test_what_the_service_lacks_of_it_is_named() -> None:
    own = replace(
        MINE, changes={"checkpoint": "x.safetensors", "vae": "y.pt", "sampler": "odd", "scheduler": "karras"}, loras=(Lora("z"),)
    )
    assert missing(own, THERE) == ("x.safetensors", "y.pt", "z", "odd")
    assert missing(own, Models()) == ()
    seen = shown(own, [GOUACHE], THERE)
    assert seen is not None and seen.available is False and "x.safetensors" in seen.missing
    unknown = shown(own, [replace(GOUACHE, available=None)], Models())
    assert unknown is not None and unknown.available is None


def test_what_is_missing_or_barred_in_the_basis_stays_so_unless_its_model_is_replaced() -> None:
    own = replace(MINE, basis="flux-ink", changes={}, loras=None)
    seen = shown(own, [INK], THERE)
    assert seen is not None and seen.available is False and seen.missing == ("ink.safetensors",)
    replaced = shown(replace(own, changes={"checkpoint": "practice-sd15.safetensors"}), [INK], THERE)
    assert replaced is not None and replaced.available is True and replaced.missing == ()
    barred = shown(MINE, [replace(GOUACHE, barred="Not for you.", available=False)], THERE)
    assert barred is not None and barred.available is False and barred.barred == "Not for you."


YES, ASK, NO = Licence("MIT", "yes"), Licence("openrail", "ask"), Licence("FLUX.1 dev", "no")


@pytest.mark.parametrize(
    ("licences", "together"),
    [
        ([YES, YES], YES),
        ([YES, ASK], ASK),
        ([NO, ASK, None], NO),
        ([ASK, None], ASK),
        ([YES, None], Licence()),
        ([YES, Licence("?", None)], Licence()),
        ([None, Licence("own", None)], Licence("own", None)),
        ([None], None),
        ([], None),
    ],
)
def test_of_several_licences_the_strictest_counts(licences: list[Licence | None], together: Licence | None) -> None:
    assert combined(licences) == together


@pytest.mark.parametrize(
    ("own", "licence"),
    [
        (replace(MINE, loras=None), Licence("openrail", "ask")),
        (replace(MINE, loras=(), changes={"checkpoint": "free.safetensors"}), YES),
        (replace(MINE, changes={"checkpoint": "free.safetensors"}), Licence()),
        (replace(MINE, basis="flux-ink", loras=(Lora("free.safetensors"),)), NO),
    ],
)
def test_a_styles_licence_is_that_of_all_it_uses(own: OwnStyle, licence: Licence) -> None:
    free = {"name": "free.safetensors", "licence": {"name": "MIT", "commercial": "yes"}}
    models = Models.parse({"models": [*MODELS["models"], {**free, "folder": "checkpoints"}, {**free, "folder": "loras"}]})  # type: ignore[misc]
    seen = shown(own, [GOUACHE, replace(INK, licence=NO)], models)
    assert seen is not None and seen.licence == licence


def test_the_licence_is_said_in_words() -> None:
    assert [licence_words(each) for each in (YES, ASK, NO, Licence(), None)] == [
        "commercial use: yes · MIT",
        "commercial use: ask · openrail",
        "commercial use: no · FLUX.1 dev",
        "commercial use: not known",
        "",
    ]


def test_a_language_that_the_style_does_not_read_is_said(book: StyleBook) -> None:
    assert language_notice("en", "灯塔") and not language_notice("en", "café – naïve 🌊") and not language_notice("", "灯塔")
    book.keep(replace(MINE, language=""))
    assert book.language_notice("practice-gouache", "灯塔") and not book.language_notice("own:Mine", "灯塔")


def test_styles_of_hers_outlive_krita_and_travel_as_a_file(book: StyleBook) -> None:
    store = MemoryStore()
    first = StyleBook(store)
    first.keep(MINE)
    first.keep(replace(MINE, name="own:二", title="二", loras=None))
    again = StyleBook(store)
    assert again.own == first.own and again.flaw == ""
    assert book.take(exported(first.own), "mine.json") == list(first.own) and book.own == first.own


def test_a_stored_style_can_be_changed_renamed_and_removed(book: StyleBook) -> None:
    book.keep(MINE)
    book.keep(replace(MINE, name="own:Other", title="Other"))
    book.keep(replace(MINE, name="own:Soft", title="Soft", width=512), instead_of="own:Mine")
    assert [own.title for own in book.own] == ["Soft", "Other"]
    assert book.free_title("Soft") == "Soft 2" and book.free_title("Gouache") == "Gouache 2" and book.free_title("New") == "New"
    book.forget("own:Soft")
    assert [own.title for own in book.own] == ["Other"] and book.own_of("own:Soft") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"format": "other", "styles": []}', '{"format": "wakebrush-styles"}', "[" * 100_000]
)
def test_a_file_without_styles_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"x\.json holds no styles of Wakebrush"):
        imported(text, "x.json")


@pytest.mark.parametrize(
    "wrong",
    [
        {"changes": {"steps": 0}},
        {"changes": {"steps": 2.5}},
        {"changes": {"cfg": float("nan")}},
        {"changes": {"cfg": True}},
        {"changes": {"sampler": 5}},
        {"changes": {"endpoint": "x"}},
        {"loras": {}},
        {"loras": [{"name": ""}]},
        {"loras": [{"name": "a", "strength": 99}]},
        {"loras": ["a"]},
        {"width": 513},
        {"height": "wide"},
        {"default_strength": 0},
    ],
)
def test_what_a_style_cannot_be_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="The style “Mine” cannot be used"):
        parse({"title": "Mine", "basis": "ink", **wrong})


def test_a_style_without_title_or_basis_is_refused_and_little_is_enough() -> None:
    for value in (None, {}, {"title": " ", "basis": "ink"}, {"title": "x"}):
        with pytest.raises(ValueError, match="needs a title"):
            parse(value)
    assert parse({"title": "x", "basis": "ink", "changes": {"steps": 8.0}}) == OwnStyle(
        "own:x", "x", "ink", {"steps": 8}, language=""
    )
    assert parse(json.loads(json.dumps({"title": "x", "basis": "ink", "default_strength": 0.5}))).default_strength == 0.5


def test_settings_that_are_broken_are_told_and_lose_no_service_style(qapp: object) -> None:
    broken = StyleBook(MemoryStore({"styles": "{"}))
    broken.offer((GOUACHE,))
    assert "holds no styles" in broken.flaw and broken.styles == (GOUACHE,)


def test_again_finds_the_style_of_a_result_or_makes_it_hers(book: StyleBook) -> None:
    book.keep(MINE)
    assert book.take_up(*book.asked("own:Mine")) == "own:Mine"
    assert book.take_up("flux-ink", {}) == "flux-ink"
    foreign = {"steps": 9, "loras": [{"name": "x", "strength": 0.5}]}
    name = book.take_up("practice-gouache", foreign)
    assert name == "own:Gouache, from a result" and book.asked(name) == ("practice-gouache", foreign)
    assert book.take_up("practice-gouache", foreign) == name and len(book.own) == 2
    with pytest.raises(ValueError, match="cannot be used"):
        book.take_up("practice-gouache", {"steps": "many"})
