"""The whole service as it is built for EC2: an artist asks over its API, an instance that was stopped paints, and stops again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

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
from wake_service.practice_engine.options import Options, Timing
from wake_service.settings import Settings
from wake_service.store.tables import prompts

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
        self.cloud = cloud
        self.engine_address = engine_address
        self._built(settings, MemoryBlobs())

    def _built(self, settings: Settings, blobs: MemoryBlobs) -> None:
        machinery = in_ec2(settings, self.cloud.clock, Reach(self.cloud.aws(), self.cloud.dial, self.cloud.find_address))
        self.build(settings, self.cloud.clock, machinery, blobs, connect=lambda _door: EngineClient(self.engine_address))

    def next_life(self) -> None:
        """The service ended; the next one will find the same account, database and pictures."""
        self._built(self.service.settings, self.blobs)

    async def until_at_work(self, machine_id: str) -> None:
        """Lets time pass until a machine paints."""
        async with asyncio.timeout(DEADLINE):
            while self.service.fleet.get(machine_id).state is not MachineState.BUSY:
                await self.clock.advance(1)
                await asyncio.sleep(0.01)

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
async def ec2_house(tmp_path: Path, cloud: Cloud, step: float = 0.0) -> AsyncIterator[Ec2House]:
    async with practice_engine(Options(tmp_path / "engine", timing=Timing(step=step))) as address:
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


async def test_a_picture_kept_by_an_instance_that_stopped_itself_while_no_service_lived_is_not_painted_again(
    tmp_path: Path, cloud: Cloud
) -> None:
    machine_id, kept = cloud.add_machine(), png(64, 64)
    async with practice_engine(Options(tmp_path / "engine", timing=Timing(step=0.2))) as address:
        house = Ec2House(tmp_path / "data", cloud, address)
        async with house.open():
            job = await accepted(house.mira)
            await house.until_at_work(machine_id)
            (prompt_id,) = await house.service.store.read(lambda conn: list(conn.execute(select(prompts.c.prompt_id)).scalars()))
        machine = cloud.machine(machine_id)
        machine.keep(prompt_id, [("wakebrush_00001_.png", kept)])
        machine.keep("of-somebody-else", [("other.png", kept)])
        cloud.power_off(machine_id)
        await cloud.clock.advance(120)
        assert cloud.running() == []
        house.next_life()
        async with house.open():
            ended = await house.until_finished(job["id"])
            assert (ended["state"], ended["error"], len(ended["results"])) == ("succeeded", None, 1)  # type: ignore[arg-type]
            assert (await house.mira.ask("GET", f"/v1/jobs/{job['id']}/results/0")).body == kept
            for _ in range(20):
                await house.clock.advance(1)
            assert [result.prompt_id for result in machine.kept.listed()] == ["of-somebody-else"]
            sent = await house.service.store.read(lambda conn: list(conn.execute(select(prompts.c.prompt_id)).scalars()))
            assert sent == [prompt_id], "nothing was given to an engine again"


async def test_an_instance_whose_engine_runs_out_of_memory_starts_it_again_and_paints_frugally(
    tmp_path: Path, cloud: Cloud
) -> None:
    machine_id = cloud.add_machine()
    async with ec2_house(tmp_path, cloud, step=0.1) as house:
        job = await accepted(house.mira)
        await house.until_at_work(machine_id)
        machine = house.cloud.machine(machine_id)
        machine.fail_engine("The machine ran out of memory (RAM), and the engine was ended.")
        async with asyncio.timeout(DEADLINE):
            while (waiting := (await house.mira.ask("GET", f"/v1/jobs/{job['id']}")).json)["note"] is None:
                await house.clock.advance(1)
                await asyncio.sleep(0.01)
        assert (waiting["state"], "once more" in waiting["note"]) == ("queued", True)
        (shown,) = (await house.mira.ask("GET", "/v1/machines")).json["machines"]
        assert (shown["state"], "ran out of memory" in shown["message"]) == ("waking", True)
        machine.revive_engine()
        ended = await house.until_finished(job["id"])
        assert (ended["state"], ended["attempt"], ended["machine"]) == ("succeeded", 2, machine_id)
        assert len(cloud.asked("StartInstances")) == 1
        assert cloud.asked("StopInstances") == []


async def test_a_picture_on_a_spot_instance_that_is_taken_back_arrives_from_another(tmp_path: Path, cloud: Cloud) -> None:
    spot, other = cloud.add_machine(spot=True), ""
    async with ec2_house(tmp_path, cloud, step=0.2) as house:
        job = await accepted(house.mira)
        await house.until_at_work(spot)
        other = cloud.add_machine()
        cloud.interrupt(spot)
        ended = await house.until_finished(job["id"])
        assert (ended["state"], ended["attempt"], ended["machine"], ended["error"]) == ("succeeded", 1, other, None)
        assert len(ended["results"]) == 1  # type: ignore[arg-type]
