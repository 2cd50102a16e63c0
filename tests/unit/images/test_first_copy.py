"""A trial of an image leaves what its engine answers; a service whose pool never woke finds it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from tests.support.little_engine import LittleEngine, running
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsError, AwsNotFound
from wake_service.aws.first_copy import fetch_first_copy
from wake_service.clock import ManualClock
from wake_service.images.first_copy import export_first_copy
from wake_service.mirror.archive import import_archive
from wake_service.mirror.shelf import Shelf

OUTPUTS = {
    "LaunchTemplate": "lt-1",
    "SecurityGroup": "sg-1",
    "Subnets": "subnet-1",
    "Bucket": "studio-bucket",
    "GuardPort": "8443",
    "ServiceRole": "r",
    "MachineRole": "r",
    "CurfewRole": "r",
    "ScheduleGroup": "g",
    "MachineList": "l",
}


class Account:
    """One stack and one bucket. `image` is what new machines are made from; `full` lets nothing be stored."""

    def __init__(self, image: str = "ami-1", *, stack: bool = True, full: bool = False) -> None:
        self.clock = ManualClock()
        self.region = "us-east-1"
        self.image, self.stack, self.full = image, stack, full
        self.stored: dict[str, bytes] = {}

    async def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        if operation == "describe_stacks":
            return {"Stacks": [self._stack()] if self.stack else []}
        if self.full:
            raise AwsError(operation, "SlowDown", "not now")
        if operation == "put_object":
            self.stored[arguments["Key"]] = arguments["Body"].read()
            return {}
        if arguments["Key"] not in self.stored:
            raise AwsNotFound(operation, "NoSuchKey", "none")
        return {"Body": io.BytesIO(self.stored[arguments["Key"]])}

    def _stack(self) -> dict[str, Any]:
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
        parameters = [{"ParameterKey": "ImageId", "ParameterValue": self.image}]
        return {"StackName": "studio", "StackStatus": "CREATE_COMPLETE", "Outputs": outputs, "Parameters": parameters}

    @property
    def aws(self) -> Aws:
        account: Any = self
        return account  # type: ignore[no-any-return]


async def export(account: Account, engine: LittleEngine) -> list[str]:
    told: list[str] = []
    client = engine.client()
    await export_first_copy(account.aws, "studio-bucket", "ami-1", client, told.append)
    await client.close()
    return told


async def test_what_a_trial_leaves_is_what_a_service_begins_with(tmp_path: Path) -> None:
    account = Account()
    async with running(LittleEngine(**{"/models": ["loras"], "/": "<p>page</p>"})) as engine:
        (told,) = await export(account, engine)
    assert "answers of its engine are kept" in told
    assert await fetch_first_copy(account.aws, "studio", tmp_path / "copy.tar.gz")
    copy = import_archive(tmp_path / "copy.tar.gz", Shelf(tmp_path / "shelf"))
    assert {"/models", "/", "/object_info"} <= copy.entries.keys()


@pytest.mark.parametrize("account", [Account(stack=False), Account(""), Account("ami-2"), Account()])
async def test_where_there_is_none_nothing_is_begun_with(tmp_path: Path, account: Account) -> None:
    if account.image == "ami-2":
        account.stored["images/ami-1/mirror.tar.gz"] = b"of another image"
    assert not await fetch_first_copy(account.aws, "studio", tmp_path / "copy.tar.gz")
    assert not (tmp_path / "copy.tar.gz").exists()


async def test_an_image_whose_answers_cannot_be_kept_is_no_worse_for_it() -> None:
    async with running(LittleEngine()) as engine:
        (told,) = await export(Account(full=True), engine)
        assert "could not be kept" in told
        del engine.answers["/object_info"]
        (told,) = await export(Account(), engine)
        assert "could not be kept" in told
