"""How an EC2 machine wakes: its key, its door, its lives, and answers that are lost."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.aws.cloud import STUDIO, Cloud
from tests.aws.studio import studio
from wake_service.aws import tags
from wake_service.clock import ManualClock
from wake_service.errors import ProviderError
from wake_service.providers.base import BootStage, Power, Traits


async def test_a_wake_writes_a_fresh_key_that_only_this_machine_may_read(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        first = s.token(machine)
        ssm = cloud.client("ssm")
        name = tags.guard_parameter(STUDIO, machine)
        assert ssm.get_parameter(Name=name)["Parameter"]["Type"] == "SecureString"
        tagged = tags.as_dict(ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"])
        assert tagged == {tags.READER: cloud.arn(machine), tags.DEPLOYMENT: STUDIO}
        await s.sleep(machine)
        await s.wake(machine)
        assert len(first) >= 43 and s.token(machine) != first


async def test_no_key_is_ever_in_a_log_a_text_or_a_tag(
    clock: ManualClock, cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "wake_service")
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        token = s.token(machine)
        shown = (caplog.text, repr(await s.provider.door(machine)), repr(s.seen), repr(cloud.tags(machine)))
        assert all(token not in text for text in shown)


async def test_the_address_is_read_anew_at_every_start(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        first = await s.wake(machine)
        await s.sleep(machine)
        second = await s.wake(machine)
        assert first.address != second.address
        assert (await s.provider.door(machine)).url == second.address == f"https://{cloud.instance(machine).public_ip}:8443"


async def test_two_starts_within_one_second_are_two_lives(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    cloud.times.pending = cloud.times.stopping = 0.0
    async with studio(clock, cloud) as s:
        boots = []
        for _ in range(2):
            await s.provider.start(machine)
            boots.append((await s.provider._roster.find(machine)).instance.boot)
            await s.provider.stop(machine)
        assert clock.now() == 1_800_000_000 and len(set(boots)) == 2


async def test_a_boot_has_one_name_although_aws_shows_tags_late(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        await s.sleep(machine)
        s.seen.clear()
        cloud.times.tags = 4.0
        await s.wake(machine)
        assert len({sighting.boot for sighting in s.of(machine)}) == 1


async def test_a_machine_says_what_it_is_and_what_it_costs(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine(instance_type="g6.xlarge", zone="us-east-1b", spot=True, pool="paint")
    async with studio(clock, cloud) as s:
        assert (await s.look(machine)).traits == Traits("paint", "g6.xlarge", "us-east-1b", True, 400_000)


async def test_machines_of_others_are_none_of_ours(clock: ManualClock, cloud: Cloud) -> None:
    cloud.add_machine(deployment="somebody")
    mine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        assert [sighting.machine_id for sighting in await s.provider.machines()] == [mine]


async def test_a_list_of_machines_is_one_question(clock: ManualClock, cloud: Cloud) -> None:
    for _ in range(3):
        cloud.add_machine()
    async with studio(clock, cloud) as s:
        assert len(await s.provider.machines()) == 3
        assert [call.operation for call in cloud.calls] == ["DescribeInstances"]


async def test_a_terminated_machine_is_listed_as_such_and_later_forgotten(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        cloud.terminate(machine)
        assert (await s.look(machine)).power is Power.TERMINATED
        with pytest.raises(ProviderError, match="was terminated and cannot be started again"):
            await s.provider.start(machine)
        await clock.advance(cloud.times.forgotten + 60)
        assert await s.provider.machines() == []


async def test_nothing_is_asked_of_aws_while_a_machine_paints(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.machine(machine).set_queue(running=1)
        asked = len(cloud.calls)
        await clock.advance(300)
        assert len(cloud.calls) == asked


async def test_a_wake_asks_no_more_often_than_every_two_seconds(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.provider.start(machine)
        await clock.advance(1)
        before = len(cloud.asked("DescribeInstances"))
        await clock.advance(20)
        assert len(cloud.asked("DescribeInstances")) - before <= 11


@pytest.mark.parametrize("code", ["ReadTimeout", "InternalError", "NoConnection"])
async def test_a_lost_answer_to_a_start_is_found_out_from_the_list(clock: ManualClock, cloud: Cloud, code: str) -> None:
    machine = cloud.add_machine()
    cloud.fail("StartInstances", code, times=None, acted=True)
    async with studio(clock, cloud) as s:
        await s.during(s.provider.start(machine))
        await clock.advance(cloud.times.wake + 5)
        assert s.last(machine).stage is BootStage.ENGINE
        assert cloud.running() == [machine]


async def test_a_start_that_never_arrived_is_said_to_have_failed(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    cloud.fail("StartInstances", "ReadTimeout", times=None)
    async with studio(clock, cloud) as s:
        with pytest.raises(ProviderError, match="did not answer"):
            await s.during(s.provider.start(machine))
        assert cloud.running() == []


async def test_many_starts_at_once_are_one_order(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await asyncio.gather(*(s.provider.start(machine) for _ in range(5)))
        await s.provider.start(machine)
        assert len(cloud.asked("StartInstances")) == 1


async def test_a_start_waits_out_a_stop(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        first = await s.wake(machine)
        await s.provider.stop(machine)
        await s.during(s.provider.start(machine))
        await clock.advance(cloud.times.wake + 5)
        second = s.last(machine)
        assert second.stage is BootStage.ENGINE and second.boot != first.boot


async def test_a_start_does_not_wait_for_ever_for_a_machine_that_does_not_stop(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.stick(machine)
        await s.provider.stop(machine)
        began = clock.now()
        with pytest.raises(ProviderError, match="is still stopping; it can be started once it has stopped"):
            await s.during(s.provider.start(machine))
        assert clock.now() - began <= s.options.deadlines.stopping + 5


async def test_a_service_that_restarts_while_a_machine_boots_joins_the_boot(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.provider.start(machine)
        await clock.advance(12)
        boot, token = s.last(machine).boot, s.token(machine)
        await s.restart()
        listed = await s.look(machine)
        assert (listed.power, listed.stage, listed.boot) == (Power.RUNNING, BootStage.BOOTING, boot)
        await s.during(s.provider.start(machine))
        await clock.advance(cloud.times.wake)
        assert s.last(machine).stage is BootStage.ENGINE and s.last(machine).boot == boot
        door = await s.provider.door(machine)
        assert (door.token, door.fingerprint) == (token, cloud.machine(machine).fingerprint)
        assert len(cloud.asked("StartInstances")) == 1 and len(cloud.asked("PutParameter")) == 1


async def test_a_machine_that_somebody_else_starts_is_seen(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        await s.sleep(machine)
        s.seen.clear()
        cloud.start(machine)
        assert (await s.look(machine)).power is Power.STARTING
        await clock.advance(cloud.times.wake + 5)
        assert s.last(machine).stage is BootStage.ENGINE


async def test_a_machine_without_a_key_is_up_but_not_heard_and_can_be_stopped(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        cloud.start(machine)
        await clock.advance(60)
        assert (await s.look(machine)).stage is BootStage.BOOTING
        with pytest.raises(ProviderError, match="Nobody has written a key"):
            await s.provider.door(machine)
        await s.sleep(machine)


async def test_models_advised_before_a_wake_are_fetched_as_soon_as_the_agent_listens(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.provider.start(machine)
        await s.provider.prefetch(machine, ["checkpoints/gouache.safetensors"])
        await clock.advance(cloud.times.pending + cloud.times.guard + 4)
        assert s.last(machine).stage is BootStage.BOOTING
        assert cloud.machine(machine).report().models.hot == ("checkpoints/gouache.safetensors",)


async def test_a_drained_machine_refuses_prompts_until_it_is_opened_again(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        await s.provider.drain(machine, True)
        assert cloud.machine(machine).refuse_prompt() is not None
        await s.provider.drain(machine, False)
        assert cloud.machine(machine).refuse_prompt() is None


async def test_draining_a_machine_that_does_not_listen_ends_with_a_sentence(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        with pytest.raises(ProviderError, match="is not up"):
            await s.provider.drain(machine, True)
        await s.wake(machine)
        cloud.machine(machine).silent = True
        with pytest.raises(ProviderError, match="did not answer"):
            await s.during(s.provider.drain(machine, True), 10)


async def test_an_engine_that_fails_is_said_to_have_failed(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.machine(machine).fail_engine("The engine ended: no room on the GPU.")
        await clock.advance(1)
        assert s.last(machine).message == "The engine ended: no room on the GPU."
