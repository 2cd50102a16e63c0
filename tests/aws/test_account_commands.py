"""The commands as an admin types them, against the stand-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.aws.cloud import Cloud
from tests.aws.cloud.times import Times
from tests.aws.formation import STUDIO, apply
from wake_service import cli_aws
from wake_service.aws.clients import Aws
from wake_service.cli import main
from wake_service.settings import Settings


class Leaping:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.moment = 1_800_000_000.0

    def now(self) -> float:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.moment += seconds
        await asyncio.sleep(0)  # a machine that waits for ever must let others have their turn


Run = Callable[..., Result]


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
        assert given.aws_deployment == STUDIO
        return account.aws()

    monkeypatch.setattr(cli_aws, "open_account", opened)

    def invoke(*words: str, **more: Any) -> Result:
        return CliRunner().invoke(main, [*words, "--data", str(tmp_path)], **more)

    return invoke


def test_the_doctor_ends_with_1_and_says_what_is_missing(run: Run) -> None:
    result = run("aws", "doctor")
    assert result.exit_code == 1
    assert 'There is no stack "studio"' in result.output


def test_the_doctor_speaks_to_programs(run: Run) -> None:
    said = json.loads(run("aws", "doctor", "--json").output)
    assert (said[1]["subject"], said[1]["ok"]) == ("stack", False)


def test_cost_lists_and_adds_up(account: Cloud, run: Run) -> None:
    apply(account)
    result = run("aws", "cost")
    assert result.exit_code == 0, result.output
    assert "a month asleep, at prices of" in result.output and "fs-" in result.output
    assert json.loads(run("aws", "cost", "--json").output)["currency"] == "USD"


def test_strays_are_listed_and_not_deleted(account: Cloud, run: Run) -> None:
    tagged = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "wakebrush", "Value": STUDIO}]}]
    account.client("ec2").allocate_address(Domain="vpc", TagSpecifications=tagged)
    assert "It is reserved, and points at nothing." in run("aws", "strays").output
    assert len(account.client("ec2").describe_addresses()["Addresses"]) == 1


def test_uninstall_lists_first_and_deletes_nothing_without_the_name(account: Cloud, run: Run) -> None:
    outputs = apply(account)
    result = run("aws", "uninstall", input="yes\n")
    assert result.exit_code == 1 and "Nothing was deleted." in result.output
    assert outputs["Bucket"] in result.output
    assert not [call for call in account.calls if call.operation.startswith(("Delete", "Terminate", "Cancel", "Release"))]


def test_uninstall_ends_by_counting_nothing(account: Cloud, run: Run) -> None:
    apply(account)
    result = run("aws", "uninstall", input="studio\n")
    assert result.exit_code == 0, result.output
    assert result.output.rstrip().endswith("0 tagged resources are left.")


def test_uninstall_says_what_is_kept(account: Cloud, run: Run) -> None:
    bucket = apply(account)["Bucket"]
    result = run("aws", "uninstall", "--keep-pictures", "--yes", STUDIO)
    assert f"Kept: the bucket {bucket}." in result.output and "costs what it holds" in result.output


def test_a_machine_is_created_from_the_stack_and_listed(account: Cloud, run: Run) -> None:
    apply(account, ImageId=account.setting.image())
    made = run("machines", "create", "--intent", "the first")
    assert made.exit_code == 0, made.output
    machine = made.stdout.strip()
    assert account.tags(machine)["wakebrush"] == STUDIO and account.tags(machine)["wakebrush-pool"] == "default"
    assert machine in run("machines", "list").output
    assert run("machines", "create", "--intent", "the first").stdout.strip() == machine


def test_without_a_stack_no_machine_is_created(run: Run) -> None:
    result = run("machines", "create")
    assert result.exit_code == 1 and "wakebrush aws doctor" in result.output


def test_no_machine_is_said(run: Run) -> None:
    assert "wakebrush machines create" in run("machines", "list").stderr
