"""A team that bars classes of models: refused before any wake, and said in the list of styles."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.service.house import STYLE, House, accepted, generate
from tests.support.asgi import Caller
from tests.unit.models.samples import about
from wake_service.accounts import bars
from wake_service.cli import main
from wake_service.machines.model import MachineState
from wake_service.models.store import Entry, Inventory

LORA = "loras/practice-gouache.safetensors"


async def bar(house: House, *classes: str, team: str = "studio") -> None:
    await house.service.store.write(lambda tx: bars.change(tx, team, bar=classes))
    await house.clock.advance(3)


def know(house: House, *known: tuple[str, str]) -> None:
    """The store says so much about models: (name, class)."""
    entries = [Entry(name, 10, about(name, commercial=commercial, license="LicenseRef-NC")) for name, commercial in known]
    house.service.model_classes.keep(Inventory(entries))


async def style_of(who: Caller) -> dict[str, object]:
    styles = (await who.ask("GET", "/v1/styles")).json["styles"]
    found: dict[str, object] = next(style for style in styles if style["name"] == STYLE)
    return found


@pytest.mark.parametrize("commercial", ["no", "ask"])
async def test_a_style_with_a_barred_model_is_refused_before_any_wake(house: House, commercial: str) -> None:
    know(house, (LORA, commercial))
    await bar(house, commercial)
    answer = await generate(house.mira)
    assert (answer.status, answer.code, answer.json["field"]) == (403, "model_barred", "style")
    assert LORA in answer.json["title"] and "LicenseRef-NC" in answer.json["title"] and answer.json["hint"]
    await house.clock.advance(5)
    assert house.state is MachineState.ASLEEP


@pytest.mark.parametrize(("known", "barred"), [("yes", ("no", "ask")), ("ask", ("no",)), ("no", ("ask",)), ("no", ())])
async def test_what_is_not_barred_is_painted(house: House, known: str, barred: Collection[str]) -> None:
    know(house, (LORA, known))
    await bar(house, *barred)
    await accepted(house.mira)


async def test_a_model_of_which_nobody_knows_the_class_is_painted_with(house: House) -> None:
    know(house, ("loras/other.safetensors", "no"))
    await bar(house, "no", "ask")
    await accepted(house.mira)


async def test_another_teams_bar_is_not_ours(house: House) -> None:
    know(house, (LORA, "no"))
    await bar(house, "no", team="Atelier")
    await accepted(house.mira)
    assert (await generate(house.noor)).code == "model_barred"


async def test_what_was_accepted_before_the_bar_is_answered_as_before(house: House) -> None:
    know(house, (LORA, "no"))
    job = (await generate(house.mira, key="one")).json["job"]["id"]
    await bar(house, "no")
    again = await generate(house.mira, key="one")
    assert (again.status, again.json["job"]["id"]) == (202, job)


async def test_the_list_of_styles_says_which_are_barred_and_why(house: House) -> None:
    know(house, (LORA, "no"))
    before = await style_of(house.mira)
    assert (before["barred"], before["available"]) == (None, None)
    await bar(house, "no")
    barred = await style_of(house.mira)
    assert LORA in str(barred["barred"]) and barred["available"] is False
    assert (await style_of(house.noor))["barred"] is None


@pytest.fixture
def wakebrush(tmp_path: Path) -> Callable[..., Result]:
    return lambda *words: CliRunner().invoke(main, ["team", *words, "--data", str(tmp_path / "data")], catch_exceptions=False)


def test_an_admin_bars_lists_and_allows(wakebrush: Callable[..., Result]) -> None:
    assert "studio" in wakebrush("list").stdout and "nothing" in wakebrush("list").stdout
    assert "ask and no" in wakebrush("bar", "no", "ask").stdout
    assert "ask and no" in wakebrush("list").stdout
    assert "class no." in wakebrush("allow", "ask").stdout
    assert "nothing" in wakebrush("allow", "no").stdout


def test_what_cannot_be_barred_is_said(wakebrush: Callable[..., Result]) -> None:
    for words, said in ((("bar", "yes"), "yes"), (("bar", "no", "--team", "nobody"), "nobody"), (("bar",), "Missing")):
        refused = wakebrush(*words)
        assert refused.exit_code != 0 and said in refused.output and "Traceback" not in refused.output
