"""What every provider promises (wake_service/providers/base.py), whatever its machines are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.providers.ec2_world import Ec2World
from tests.contract.providers.worlds import DEADLINE, FakeWorld, ProcessWorld, World, seen, settled, tiny_engine
from wake_service.errors import ProviderError
from wake_service.providers.base import BootStage, Power, Provider, Sighting
from wake_service.providers.engine_command import practice_engine

AWAKE = (Power.RUNNING, BootStage.ENGINE)


@pytest.fixture(params=["fake", "ec2", "process", "process with the practice engine"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    world: World
    match request.param:
        case "fake":
            world = FakeWorld()
        case "ec2":
            world = Ec2World()
        case "process":
            world = ProcessWorld(tmp_path, lambda files: tiny_engine(files=files))
        case _:
            world = ProcessWorld(tmp_path, practice_engine)
    yield world
    await world.clean_up()


async def power_of(provider: Provider, machine_id: str) -> Sighting:
    return next(sighting for sighting in await provider.machines() if sighting.machine_id == machine_id)


async def test_every_machine_is_listed_also_one_that_never_ran(world: World) -> None:
    async with seen(world, provider := world.open()):
        listed = await provider.machines()
    found = {s.machine_id: (s.power, s.stage, s.address) for s in listed}
    assert len(listed) == 2
    assert found == {world.m1: (Power.STOPPED, None, None), world.m2: (Power.STOPPED, None, None)}


async def test_a_wake_is_announced_stage_by_stage_and_ends_with_an_address(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        awake = await sightings.until(world.m1, *AWAKE)
        stages = [(s.power, s.stage) for s in sightings.of(world.m1)]
        listed = await power_of(provider, world.m1)
    order = [(Power.STARTING, BootStage.STARTING), (Power.RUNNING, BootStage.BOOTING), AWAKE]
    assert stages[0] == order[0] and stages[-1] == AWAKE
    assert stages == [stage for stage in order if stage in stages], "stages come once each, in order"
    assert awake.address is not None and awake.address.startswith("http") and not awake.address.endswith("/")
    assert (listed.power, listed.stage, listed.address, listed.boot) == (*AWAKE, awake.address, awake.boot)
    assert len({s.boot for s in sightings.of(world.m1)}) == 1
    assert sightings.of(world.m2) == []


async def test_a_stop_is_announced_and_ends_stopped_without_complaint(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)
        await provider.stop(world.m1)
        stopping = await sightings.until(world.m1, Power.STOPPING)
        stopped = await sightings.until(world.m1, Power.STOPPED)
    assert sightings.all.index(stopping) < sightings.all.index(stopped)
    assert (stopped.stage, stopped.address, stopped.message) == (None, None, None)


async def test_starting_what_runs_changes_nothing(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        awake = await sightings.until(world.m1, *AWAKE)
        await provider.start(world.m1)
        assert (await power_of(provider, world.m1)).boot == awake.boot
    assert sightings.of(world.m1)[-1] == awake


async def test_stopping_what_is_stopped_changes_nothing(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.stop(world.m1)
        await provider.stop(world.m1, force=True)
        assert (await power_of(provider, world.m1)).power is Power.STOPPED
    assert sightings.all == []


async def test_many_starts_at_once_make_one_machine(world: World) -> None:
    first, second = world.open(), world.open()
    async with seen(world, first) as sightings, seen(world, second):
        await asyncio.gather(*(provider.start(world.m1) for provider in (first, second) * 4))
        await sightings.until(world.m1, *AWAKE)
        boots = {(await power_of(provider, world.m1)).boot for provider in (first, second)}
    assert len(boots) == 1


async def test_a_stop_during_a_start_ends_stopped(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        await provider.stop(world.m1)
        await sightings.until(world.m1, Power.STOPPED)
        assert (await power_of(provider, world.m1)).power is Power.STOPPED


async def test_a_forced_stop_ends_stopped_and_overtakes_a_gentle_one(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)
        await provider.stop(world.m1)
        await provider.stop(world.m1, force=True)
        assert (await sightings.until(world.m1, Power.STOPPED)).message is None


async def test_every_life_has_a_boot_of_its_own(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        first = await sightings.until(world.m1, *AWAKE)
        await provider.stop(world.m1)
        await sightings.until(world.m1, Power.STOPPED)
        so_far = len(sightings.all)
        await provider.start(world.m1)
        second = await sightings.until(world.m1, *AWAKE, after=so_far)
    assert first.boot and second.boot and first.boot != second.boot


async def test_machines_do_not_disturb_each_other(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await asyncio.gather(provider.start(world.m1), provider.start(world.m2))
        first, second = await sightings.until(world.m1, *AWAKE), await sightings.until(world.m2, *AWAKE)
        await provider.stop(world.m1)
        await sightings.until(world.m1, Power.STOPPED)
        assert (await power_of(provider, world.m2)).stage is BootStage.ENGINE
    assert first.address != second.address


async def test_an_end_that_nobody_ordered_is_announced_with_a_sentence(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)
        await world.kill_engine(world.m1)
        stopped = await sightings.until(world.m1, Power.STOPPED)
        listed = await power_of(provider, world.m1)
    assert stopped.message is not None and stopped.message.startswith(world.ends_with)
    assert (listed.power, listed.message) == (Power.STOPPED, stopped.message)


async def test_a_machine_that_died_can_be_started_again_and_forgets_why(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)
        await world.kill_engine(world.m1)
        await sightings.until(world.m1, Power.STOPPED)
        so_far = len(sightings.all)
        await provider.start(world.m1)
        assert (await sightings.until(world.m1, *AWAKE, after=so_far)).message is None


async def test_the_next_service_adopts_what_a_killed_one_left_running(world: World) -> None:
    await world.leave_running(world.m1)
    async with seen(world, provider := world.open()):
        adopted = await power_of(provider, world.m1)
        assert (adopted.power, adopted.stage) == AWAKE and adopted.address and adopted.boot
        await provider.start(world.m1)
        assert (await power_of(provider, world.m1)).boot == adopted.boot, "a start leaves the adopted machine alone"


async def test_what_happens_to_an_adopted_machine_is_announced(world: World) -> None:
    await world.leave_running(world.m1)
    async with seen(world, provider := world.open()) as sightings:
        adopted = await power_of(provider, world.m1)
        await world.kill_engine(world.m1)
        stopped = await sightings.until(world.m1, Power.STOPPED)
    assert stopped.boot == adopted.boot and stopped.message


async def test_an_adopted_machine_can_be_stopped(world: World) -> None:
    await world.leave_running(world.m1)
    async with seen(world, provider := world.open()) as sightings:
        await provider.stop(world.m1)
        await sightings.until(world.m1, Power.STOPPED)


async def test_machines_keep_running_when_a_provider_is_closed(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        awake = await sightings.until(world.m1, *AWAKE)
    async with seen(world, provider := world.open()):
        listed = await power_of(provider, world.m1)
    assert (listed.power, listed.stage, listed.boot) == (*AWAKE, awake.boot)


async def test_closing_twice_is_fine_and_watching_a_closed_provider_ends(world: World) -> None:
    provider = world.open()
    await provider.close()
    await provider.close()
    async with asyncio.timeout(DEADLINE):
        assert [sighting async for sighting in provider.watch()] == []


async def test_a_new_watcher_takes_over_from_the_one_before(world: World) -> None:
    provider = world.open()
    first = provider.watch()
    async with seen(world, provider) as sightings:
        async with asyncio.timeout(DEADLINE):
            assert [sighting async for sighting in first] == []
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)


async def test_an_unknown_machine_is_refused_with_a_sentence(world: World) -> None:
    async with seen(world, provider := world.open()):
        for order in (provider.start, provider.stop, provider.door):
            with pytest.raises(ProviderError, match=r'There is no machine "m9".*\.$'):
                await order("m9")


async def test_the_door_of_a_machine_that_is_up_leads_to_the_announced_address(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        awake = await sightings.until(world.m1, *AWAKE)
        door = await provider.door(world.m1)
        assert door.url == awake.address
        assert (door.token is None) == (door.fingerprint is None) == door.url.startswith("http:")
        assert door.token is None or door.token not in repr(door)


async def test_a_machine_that_is_not_up_has_no_door(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        with pytest.raises(ProviderError, match=r"is not up\.$"):
            await provider.door(world.m1)
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)
        await provider.stop(world.m1)
        await sightings.until(world.m1, Power.STOPPED)
        with pytest.raises(ProviderError, match=r"is not up\.$"):
            await provider.door(world.m1)


async def test_the_next_service_finds_the_same_door(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)
        door = await provider.door(world.m1)
    async with seen(world, provider := world.open()):
        assert await provider.door(world.m1) == door


async def test_draining_and_opening_again_can_be_repeated_and_change_nothing_else(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        awake = await sightings.until(world.m1, *AWAKE)
        for draining in (True, True, False, False):
            await provider.drain(world.m1, draining)
        assert (await power_of(provider, world.m1)).stage is BootStage.ENGINE
    assert sightings.of(world.m1)[-1] == awake


async def test_models_can_be_asked_for_before_the_machine_wakes_and_after(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.prefetch(world.m1, ["checkpoints/gouache.safetensors"])
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)
        await provider.prefetch(world.m1, ["checkpoints/ink.safetensors"])
        assert (await power_of(provider, world.m1)).stage is BootStage.ENGINE


async def test_a_result_that_a_machine_keeps_is_told_and_handed_out_until_it_is_acknowledged(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)
        if not world.keep(world.m1, "p1", b"picture"):
            assert await provider.kept(world.m1, "p1") is None
            return await provider.acknowledge(world.m1, ["p1"])
        world.keep(world.m1, "p2", b"another")
        await sightings.until_kept(world.m1, ("p1", "p2"))
        kept = await provider.kept(world.m1, "p1")
        assert kept is not None and kept.files == (b"picture",) and kept.finished_at > 0
        assert await provider.kept(world.m1, "p9") is None
        for _ in range(2):
            await provider.acknowledge(world.m1, ["p1", "p9"])
        await sightings.until_kept(world.m1, ("p2",))
        assert await provider.kept(world.m1, "p1") is None
        assert (await provider.kept(world.m1, "p2")) is not None


async def test_a_result_is_kept_over_a_stop_and_told_again_before_the_engine_answers(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)
        if not world.keep(world.m1, "p1", b"picture"):
            return
        await provider.stop(world.m1)
        asleep = await sightings.until(world.m1, Power.STOPPED)
        assert asleep.kept == ()
        with pytest.raises(ProviderError):
            await provider.kept(world.m1, "p1")
        so_far = len(sightings.all)
        await provider.start(world.m1)
        await sightings.until_kept(world.m1, ("p1",))
        assert not [s for s in sightings.all[so_far:] if s.stage is BootStage.ENGINE]
        kept = await provider.kept(world.m1, "p1")
        assert kept is not None and kept.files == (b"picture",)


async def test_a_machine_that_is_handed_over_is_emptied_and_its_engine_is_another(world: World) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start(world.m1)
        await sightings.until(world.m1, *AWAKE)
        await world.paint(world.m1)
        before = len(sightings.all)
        await settled(world, provider.hand_over(world.m1))
        assert world.files(world.m1) == []
        again = await sightings.until(world.m1, *AWAKE, after=before)
        booting = [s for s in sightings.of(world.m1) if s.stage is BootStage.BOOTING]
        assert len(booting) >= 2 and again.address
        assert not [s for s in sightings.all[before:] if s.power is not Power.RUNNING], "the machine itself stays up"
        assert (await provider.door(world.m1)).url == again.address


async def test_a_machine_can_be_handed_over_by_a_service_that_has_found_it_running(world: World) -> None:
    await world.leave_running(world.m1)
    await world.paint(world.m1)
    async with seen(world, provider := world.open()) as sightings:
        assert (await power_of(provider, world.m1)).stage is BootStage.ENGINE
        before = len(sightings.all)
        await settled(world, provider.hand_over(world.m1))
        assert world.files(world.m1) == []
        await sightings.until(world.m1, *AWAKE, after=before)
        await provider.stop(world.m1)
        await sightings.until(world.m1, Power.STOPPED)


async def test_a_machine_that_is_not_up_cannot_be_handed_over(world: World) -> None:
    async with seen(world, provider := world.open()):
        with pytest.raises(ProviderError):
            await provider.hand_over(world.m1)
        with pytest.raises(ProviderError, match=r'There is no machine "m9"'):
            await provider.hand_over("m9")
