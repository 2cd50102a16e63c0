"""What she writes belongs to the document she writes it for."""

from __future__ import annotations

import pytest

from wakebrush.client.store import MemoryStore
from wakebrush.session.document_settings import DocumentSettings
from wakebrush.session.settings import PaintSettings


@pytest.fixture
def settings(qapp: object) -> PaintSettings:
    return PaintSettings(MemoryStore())


@pytest.fixture
def documents(settings: PaintSettings) -> DocumentSettings:
    return DocumentSettings(settings)


def test_each_tab_brings_its_own_prompt_style_strength_and_seed_back(
    settings: PaintSettings, documents: DocumentSettings
) -> None:
    documents.follow("castle")
    settings.prompt, settings.style, settings.strength, settings.seed, settings.feather = "a castle", "ink", 40, "7", 3
    documents.follow("sea")
    assert (settings.prompt, settings.seed, settings.negative_prompt) == ("", "", "")
    settings.prompt, settings.strength, settings.style = "the sea", 90, "gouache"
    documents.follow("castle")
    assert (settings.prompt, settings.style, settings.strength, settings.seed) == ("a castle", "ink", 40, "7")
    documents.follow("sea")
    assert (settings.prompt, settings.style, settings.strength, settings.feather) == ("the sea", "gouache", 90, 3)


def test_another_document_takes_over_style_and_strength(settings: PaintSettings, documents: DocumentSettings) -> None:
    documents.follow("castle")
    settings.style, settings.strength = "ink", 35
    documents.follow("new")
    assert (settings.style, settings.strength) == ("ink", 35)


def test_what_was_written_without_a_document_goes_to_the_first_one(settings: PaintSettings, documents: DocumentSettings) -> None:
    documents.follow(None)
    settings.prompt = "a fox"
    documents.follow("new")
    assert settings.prompt == "a fox"
    documents.follow(None)
    documents.follow("another")
    assert settings.prompt == ""
    documents.follow("new")
    assert settings.prompt == "a fox"


def test_values_travel_with_the_document(settings: PaintSettings, documents: DocumentSettings) -> None:
    documents.follow("castle")
    settings.prompt, settings.seed = "a castle", "12"
    documents.follow("sea")
    kept = documents.dump("castle")
    assert kept["prompt"] == "a castle" and documents.dump("unknown") == {}
    later = DocumentSettings(PaintSettings(MemoryStore()))
    later.follow("c2")
    later.load("c2", kept)
    assert later.dump("c2") == kept
    later.load("behind", kept)
    later.follow("behind")
    assert later.dump("behind") == kept


def test_what_she_writes_while_a_document_is_read_is_kept(settings: PaintSettings, documents: DocumentSettings) -> None:
    documents.follow("castle")
    settings.prompt = "something new"
    documents.load("castle", {"prompt": "something old"})
    assert settings.prompt == "something new"
    documents.follow("sea")
    documents.load("castle", {"prompt": "something old", "seed": "5"})
    documents.follow("castle")
    assert settings.prompt == "something new" and settings.seed == ""


@pytest.mark.parametrize(
    "broken", [None, [], "x", {"prompt": 5, "strength": "much", "seed": None}, {"strength": 0}, {"strength": True}]
)
def test_what_no_docker_has_written_changes_nothing(settings: PaintSettings, documents: DocumentSettings, broken: object) -> None:
    documents.follow("castle")
    before = documents.dump("castle")
    documents.load("castle", broken)
    assert documents.dump("castle") == before


def test_closed_documents_are_forgotten(settings: PaintSettings, documents: DocumentSettings) -> None:
    documents.follow("castle")
    settings.prompt = "a castle"
    documents.follow("sea")
    documents.forget_all_but({"sea"})
    assert documents.dump("castle") == {}
