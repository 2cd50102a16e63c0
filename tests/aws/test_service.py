"""The whole service as it is built for EC2: an artist asks over its API, an instance that was stopped paints, and stops again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.aws.cloud import STUDIO, Cloud
from tests.service.conftest import practice_engine
from tests.service.house import House, accepted, upload
from tests.support.pictures import mask_png, png
from wake_service.aws import tags
from wake_service.aws.prices import Prices
from wake_service.blobs.memory import MemoryBlobs
from wake_service.comfy.client import EngineClient
from wake_service.machinery import Reach, in_ec2
from wake_service.machines.model import MachineState
from wake_service.practice_engine.options import Options
from wake_service.settings import Settings

DEADLINE = 60.0


class Ec2House(House):
    """A service in this process whose machines are instances of the stand-in; behind each guard answers one practice engine."""

    def __init__(self, data: Path, cloud: Cloud, engine_address: str) -> None:
        settings = Settings(
            data=data,
            provider="ec2",
            aws_deployment=STUDIO,
            aws_security_group=cloud.setting.security_group(),
            idle_seconds=300,
        )
        machinery = in_ec2(settings, cloud.clock, Reach(cloud.aws(), cloud.dial, cloud.find_address))
        self.cloud = cloud
        self.build(settings, cloud.clock, machinery, MemoryBlobs(), connect=lambda _door: EngineClient(engine_address))

    async def until_finished(self, job_id: str) -> dict[str, object]:
        """The job once it has ended, while time passes on the cloud's clock."""
        async with asyncio.timeout(DEADLINE):
            while True:
                job: dict[str, object] = (await self.mira.ask("GET", f"/v1/jobs/{job_id}")).json
                if job["state"] not in ("queued", "running"):
                    return job
                await self.clock.advance(1)
                await asyncio.sleep(0.01)


@asynccontextmanager
async def ec2_house(tmp_path: Path, cloud: Cloud) -> AsyncIterator[Ec2House]:
    async with practice_engine(Options(tmp_path / "engine")) as address:
        house = Ec2House(tmp_path / "data", cloud, address)
        async with house.open():
            yield house


async def test_a_picture_comes_from_an_instance_that_was_stopped_and_is_stopped_again(tmp_path: Path, cloud: Cloud) -> None:
    machine_id = cloud.add_machine()
    async with ec2_house(tmp_path, cloud) as house:
        fields = {"image": await upload(house.mira, png(72, 64)), "mask": await upload(house.mira, mask_png(72, 64))}
        job = await house.until_finished((await accepted(house.mira, mode="inpaint", strength=0.5, **fields))["id"])
        assert (job["state"], job["error"], job["machine"]) == ("succeeded", None, machine_id)
        (machine,) = (await house.mira.ask("GET", "/v1/machines")).json["machines"]
        assert (machine["instance_type"], machine["zone"], machine["spot"]) == ("g5.xlarge", "us-east-1a", False)
        price = Prices.load(None).hour_micros("us-east-1", "g5.xlarge")
        assert machine["price_per_hour"]["amount"] == pytest.approx((price or 0) / 1e6)
        assert sorted(house.cloud.machine(machine_id).inputs) == sorted(f"{sha}.png" for sha in fields.values()), (
            "while it booted"
        )
        lease = tags.read_moment(cloud.tags(machine_id)[tags.LEASE_UNTIL])
        assert lease is not None and lease > house.clock.now(), "the reaper knows how long it may run"
        for _ in range(100):
            await house.clock.advance(10)
        assert cloud.running() == []
        assert house.service.fleet.get(machine_id).state is MachineState.ASLEEP
        costs = (await house.mira.ask("GET", "/v1/costs")).json
        assert costs["everybody"]["total"]["amount"] > 0


async def test_no_token_of_a_machine_is_told_to_anybody(tmp_path: Path, cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    machine_id = cloud.add_machine()
    caplog.set_level("DEBUG")
    async with ec2_house(tmp_path, cloud) as house:
        await house.until_finished((await accepted(house.mira))["id"])
        life = cloud.machine(machine_id).life
        assert life is not None
        told = [(await house.mira.ask("GET", path)).body.decode() for path in ("/v1/machines", "/v1/jobs", "/v1/me", "/v1/costs")]
        assert not [text for text in (*told, caplog.text, repr(cloud.tags(machine_id))) if life.token in text]
        database = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("wakebrush.db*"))
        assert life.token.encode() not in database
