"""What we send is what the practice engine takes: two rooms that do not import each other have to agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.graph import build
from wake_service.comfy.request import Style
from wake_service.comfy.styles import PRACTICE_STYLES, missing_models
from wake_service.comfy.validation import validate
from wake_service.practice_engine.catalogue import Catalogue as PracticeNodes

from .samples import ALL_REQUESTS


@pytest.fixture(scope="session")
def practice() -> Catalogue:
    """The practice engine's nodes as it tells them in `/object_info`."""
    nodes = PracticeNodes(list)
    found = {name: nodes.get(name) for name in nodes.names()}
    return Catalogue.parse({name: node.info() for name, node in found.items() if node is not None})


@given(ALL_REQUESTS)
def test_the_practice_engine_takes_every_graph(practice: Catalogue, asked: Any) -> None:
    assert validate(build(asked, practice), practice) == []


@pytest.mark.parametrize("style", PRACTICE_STYLES, ids=lambda style: style.name)
def test_the_practice_engine_has_all_files_of_the_practice_styles(practice: Catalogue, style: Style) -> None:
    assert missing_models(style, practice) == []
