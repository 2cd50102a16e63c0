"""`wakebrush image verify`, `roll` and `rollback` as an admin types them: asked first, said at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.aws.cloud import Cloud
from tests.aws.cloud.times import Times
from tests.aws.formation import STUDIO, apply
from tests.aws.rolling import new_image
from tests.aws.test_account_commands import Leaping
from wake_service import cli_aws, cli_image
from wake_service.aws.clients import Aws
from wake_service.cli import main
from wake_service.errors import ProviderError
from wake_service.images.facts import Image
from wake_service.images.rollout import Outcome
from wake_service.settings import Settings

Run = Callable[..., Result]


class Rolls:
    """Stands in for a rollout, which takes its time (test_image_roll.py)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, float]] = []
        self.outcome = Outcome("ami-new", "ami-old", ("i-1", "i-2"), {})

    async def roll(self, image: str, *, wait: float) -> Outcome:
        self.asked.append(("roll", image, wait))
        return self.outcome

    async def back(self, *, wait: float) -> Outcome:
        self.asked.append(("back", "", wait))
        return self.outcome

    async def target(self) -> str:
        return "ami-old"


@pytest.fixture
def account() -> Iterator[Cloud]:
    """An account for commands, which have an event loop of their own."""
    cloud = Cloud(Leaping(), times=Times(pending=0, stopping=0, shutting_down=0))
    yield cloud
    cloud.account.close()


@pytest.fixture
def run(account: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    (tmp_path / "wakebrush.toml").write_text('provider = "ec2"\naws_deployment = "studio"\n', encoding="utf-8")

    def opened(given: Settings) -> Aws:
        return account.aws()

    monkeypatch.setattr(cli_aws, "open_account", opened)

    def invoke(*words: str, **more: Any) -> Result:
        return CliRunner().invoke(main, ["image", *words, "--data", str(tmp_path)], **more)

    return invoke


@pytest.fixture
def rolls(monkeypatch: pytest.MonkeyPatch) -> Rolls:
    rolls = Rolls()

    async def given(aws: Aws, settings: Settings, pool: str) -> Rolls:
        return rolls

    monkeypatch.setattr(cli_image, "_rollout", given)
    return rolls


def test_nothing_is_rolled_unless_it_is_confirmed(run: Run, rolls: Rolls) -> None:
    result = run("roll", "ami-new", input="n\n")
    assert result.exit_code == 1 and "Nothing was changed." in result.output and rolls.asked == []
    assert run("roll", "ami-new", input="y\n").exit_code == 0
    assert rolls.asked == [("roll", "ami-new", 0.0)]


def test_a_roll_says_who_has_the_image_and_how_to_go_back(run: Run, rolls: Rolls) -> None:
    result = run("roll", "ami-new", "--yes", "--wait", "90")
    assert result.stdout.splitlines() == [
        "2 machines have ami-new.",
        "ami-old stays for `wakebrush image rollback`; delete it when you trust this one.",
    ]
    assert rolls.asked == [("roll", "ami-new", 5400.0)]


def test_a_machine_that_is_left_is_named_and_the_command_ends_with_1(run: Run, rolls: Rolls) -> None:
    rolls.outcome = Outcome("ami-new", "ami-old", ("i-1",), {"i-2": "running"})
    result = run("roll", "ami-new", "--yes")
    assert result.exit_code == 1 and "i-2 is running and keeps its image until it sleeps." in result.stdout
    said = json.loads(run("roll", "ami-new", "--yes", "--json").stdout)
    assert said == {"image": "ami-new", "before": "ami-old", "machines": ["i-1"], "left": {"i-2": "running"}}


def test_a_way_back_names_the_image_before_it_goes(run: Run, rolls: Rolls) -> None:
    result = run("rollback", input="n\n")
    assert "go back to the image ami-old" in result.output and rolls.asked == []
    assert run("rollback", "--yes").exit_code == 0 and rolls.asked == [("back", "", 0.0)]


@pytest.mark.parametrize(
    "words", [("verify", "ami-0123456789abcdef0"), ("roll", "ami-0123456789abcdef0", "--yes"), ("rollback",)]
)
def test_without_a_stack_there_is_nothing_to_give_an_image_to(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 1 and 'There is no stack "studio"' in result.output and "wakebrush aws doctor" in result.output


def test_a_verified_image_leads_to_the_next_command(account: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(account)
    image = new_image(account, "next")
    tried: list[tuple[str, str | None, str | None]] = []

    class Tried:
        async def canary(self, image: Image, *, instance_type: str | None, zone: str | None) -> None:
            tried.append((image.id, instance_type, zone))
            if zone == "us-east-1z":
                raise ProviderError("This deployment has no network in us-east-1z.")

    async def trials(*_: object) -> Tried:
        return Tried()

    monkeypatch.setattr(cli_image, "_trials", trials)
    result = run("verify", image, "--type", "g6.xlarge")
    assert result.exit_code == 0 and f"wakebrush image roll {image}" in result.stderr
    assert tried == [(image, "g6.xlarge", None)]
    failed = run("verify", image, "--zone", "us-east-1z")
    assert failed.exit_code == 1 and "no network in us-east-1z" in failed.stderr and "roll" not in failed.stderr


def test_all_four_commands_are_there_with_a_sentence_each() -> None:
    result = CliRunner().invoke(main, ["image", "--help"])
    assert all(word in result.output for word in ("build", "verify", "roll", "rollback"))
    assert STUDIO not in result.output
