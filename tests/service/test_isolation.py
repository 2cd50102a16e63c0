"""`isolation: per_artist`: a machine serves one artist at a time, and nothing of her is there when the next one comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service.studio_of_machines import Studio
from tests.support.pictures import png
from wake_service.accounts.tokens import Identity
from wake_service.errors import ProviderError
from wake_service.jobs.tenancy import FIRST_PAUSE
from wake_service.machines.model import HANDED_OVER, MachineState


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    """One machine for two artists."""
    async with Studio(tmp_path / "data").open() as studio:
        yield studio  # type: ignore[misc]


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Studio]:
    """Two machines for two artists."""
    async with Studio(tmp_path / "data", ("m1", "m2")).open() as studio:
        yield studio  # type: ignore[misc]


async def test_a_machine_is_wiped_between_two_artists_and_not_between_two_pictures_of_one(studio: Studio) -> None:
    for _ in range(3):
        job = await studio.job(studio.mira)
        await studio.pass_until(lambda job=job: studio.ended(job))  # type: ignore[misc]
    before = studio.wipes()
    job = await studio.job(studio.noor)
    await studio.pass_until(lambda: studio.ended(job))
    assert (before, studio.wipes(), studio.intruders) == (1, 2, []), "once at its first use, when nobody knows what is there"
    assert len(studio.rounds["m1"]) == 2


async def test_she_is_told_what_is_going_on_while_the_machine_is_wiped(studio: Studio) -> None:
    first = await studio.job(studio.mira)
    await studio.pass_until(lambda: studio.ended(first))
    job = await studio.job(studio.noor)
    await studio.pass_until(lambda: studio.state is MachineState.WAKING, step=0.1)
    assert studio.service.fleet.get("m1").message == HANDED_OVER
    await studio.pass_until(lambda: studio.ended(job))
    assert (studio.service.fleet.get("m1").message, studio.service.fleet.get("m1").failures) == (None, 0)


async def test_an_endless_queue_does_not_keep_others_from_the_machine(studio: Studio) -> None:
    hers = [await studio.job(studio.mira) for _ in range(4)]
    await studio.pass_until(lambda: studio.ended(hers[0]))
    noors = await studio.job(studio.noor)

    def endless() -> bool:
        return studio.ended(noors)

    for _ in range(150):
        hers.append(await studio.job(studio.mira))
        await studio.pass_until(lambda: studio.ended(hers[-3]) or endless())
        if endless():
            break
    assert endless() and not studio.ended(hers[-1])
    await studio.pass_until(lambda: studio.ended(*hers))
    assert studio.intruders == []


async def test_two_long_queues_take_turns_instead_of_wiping_after_every_picture(studio: Studio) -> None:
    jobs = [await studio.job(who) for _ in range(12) for who in (studio.mira, studio.noor)]
    await studio.pass_until(lambda: studio.ended(*jobs))
    assert (len(studio.rounds["m1"]), studio.wipes(), studio.intruders) == (2, 2, [])


async def test_each_artist_keeps_a_machine_of_her_own_where_there_is_one(pair: Studio) -> None:
    studio = pair
    first = [await studio.job(studio.mira, count=4) for _ in range(4)] + [
        await studio.job(studio.noor, count=4) for _ in range(4)
    ]
    await studio.pass_until(lambda: studio.ended(*first))
    wipes = rounds = 0
    for turn in range(6):
        jobs = [await studio.job(studio.noor), await studio.job(studio.mira)]
        await studio.pass_until(lambda jobs=jobs: studio.ended(*jobs))  # type: ignore[misc]
        if not turn:  # who was done first may have lent hers; from now on each has her own
            wipes, rounds = studio.wipes("m1") + studio.wipes("m2"), sum(map(len, studio.rounds.values()))
    assert (studio.wipes("m1") + studio.wipes("m2"), sum(map(len, studio.rounds.values()))) == (wipes, rounds)
    assert studio.intruders == []


async def test_where_several_may_be_awake_each_artist_who_has_work_gets_a_machine(pair: Studio) -> None:
    studio = pair
    first = await studio.job(studio.mira)
    await studio.pass_until(lambda: studio.ended(first))
    jobs = [await studio.job(studio.mira, count=10), await studio.job(studio.noor)]
    await studio.pass_until(lambda: studio.ended(*jobs))
    assert [len(studio.rounds[machine_id]) for machine_id in ("m1", "m2")] == [1, 1], "nobody had to leave"
    assert studio.intruders == []


async def test_a_machine_that_slept_with_her_pictures_is_wiped_before_somebody_else_uses_it(studio: Studio) -> None:
    job = await studio.job(studio.mira)
    await studio.pass_until(lambda: studio.ended(job))
    await studio.pass_until(lambda: studio.state is MachineState.ASLEEP, step=20)
    before = studio.wipes()
    job = await studio.job(studio.noor)
    await studio.pass_until(lambda: studio.ended(job))
    assert (studio.wipes() - before, studio.intruders) == (1, [])


async def test_what_the_machine_has_kept_of_her_is_home_before_it_is_wiped(studio: Studio) -> None:
    before = await studio.job(studio.mira)
    await studio.pass_until(lambda: studio.ended(before))
    mira = await studio.job(studio.mira)
    await studio.pass_until(lambda: bool(studio.prompts_at("m1")), step=0.1)
    (prompt_id,) = studio.prompts_at("m1")
    ended_at_wipe: list[bool] = []
    cloud = studio.provider.cloud
    wiped = cloud.on_wipe

    def look(machine_id: str) -> None:
        ended_at_wipe.append(studio.ended(mira))
        wiped(machine_id)

    cloud.on_wipe = look
    noor = await studio.job(studio.noor)
    studio.provider.fail("kept", ProviderError("It does not hear yet."), times=3)
    cloud.keep("m1", prompt_id, png(64, 64))
    cloud.lose_engine("m1", "The engine ended by itself.")
    studio.engines["m1"].drop(prompt_id)
    await studio.pass_until(lambda: studio.ended(noor))
    assert ended_at_wipe == [True] and studio.engines["m1"].begun == 3, "what was kept was not painted again"
    assert studio.intruders == []


@pytest.mark.parametrize("acted", [False, True])
async def test_a_machine_that_was_not_surely_wiped_is_wiped_again_before_it_gets_her_work(studio: Studio, acted: bool) -> None:
    mira = await studio.job(studio.mira)
    await studio.pass_until(lambda: studio.ended(mira))
    studio.provider.fail("hand_over", ProviderError("Nobody knows."), acted=acted)
    began = studio.clock.now()
    noor = await studio.job(studio.noor)
    await studio.pass_until(lambda: studio.ended(noor))
    assert studio.clock.now() - began >= FIRST_PAUSE
    assert [call.name for call in studio.provider.calls].count("hand_over") == 3
    assert studio.intruders == []


async def test_while_a_machine_cannot_be_wiped_it_still_serves_whose_it_is(studio: Studio) -> None:
    mira = await studio.job(studio.mira)
    await studio.pass_until(lambda: studio.ended(mira))
    studio.provider.fail("hand_over", ProviderError("The agent does not know that."), times=1000)
    noor = await studio.job(studio.noor)
    await studio.clock.advance(5)
    again = await studio.job(studio.mira)
    await studio.pass_until(lambda: studio.ended(again))
    assert not studio.ended(noor)
    assert studio.intruders == []


async def test_a_machine_on_which_somebody_works_unasked_is_not_wiped_under_their_hands(studio: Studio) -> None:
    mira = await studio.job(studio.mira)
    await studio.pass_until(lambda: studio.ended(mira))
    studio.engines["m1"].occupy("of nobody")
    noor = await studio.job(studio.noor)
    began = studio.clock.now()
    await studio.pass_until(lambda: studio.clock.now() > began + 10)
    assert (studio.wipes(), studio.ended(noor)) == (1, False)
    studio.engines["m1"].let_go("of nobody")
    await studio.pass_until(lambda: studio.ended(noor))
    assert (studio.wipes(), studio.intruders) == (2, [])


async def test_a_service_that_ends_in_the_middle_leaves_a_machine_that_is_wiped_again(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "data")
    async with studio.open():
        mira = await studio.job(studio.mira)
        await studio.pass_until(lambda: studio.ended(mira))
        studio.provider.fail("hand_over", ProviderError("The line broke."), acted=False, times=1000)
        noor = await studio.job(studio.noor)
        await studio.pass_until(lambda: [call.name for call in studio.provider.calls].count("hand_over") > 1)
    studio.next_life()
    async with studio.open():
        await studio.pass_until(lambda: studio.ended(noor))
    assert [call.name for call in studio.provider.calls].count("hand_over") == 1
    assert studio.intruders == []


async def test_whose_the_machine_is_outlives_the_service(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "data")
    async with studio.open():
        mira = await studio.job(studio.mira)
        await studio.pass_until(lambda: studio.ended(mira))
    studio.next_life()
    async with studio.open():
        mira = await studio.job(studio.mira)
        await studio.pass_until(lambda: studio.ended(mira))
        assert studio.wipes() == 1
        noor = await studio.job(studio.noor)
        await studio.pass_until(lambda: studio.ended(noor))
        assert (studio.wipes(), studio.intruders) == (2, [])


async def test_machines_that_were_shared_are_wiped_before_they_are_anybodys_own(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "data")
    async with studio.open():
        mira = await studio.job(studio.mira)
        await studio.pass_until(lambda: studio.ended(mira))
    shared = studio.service.settings.model_copy(update={"isolation": "shared"})
    for settings in (shared, studio.service.settings):
        studio.service.settings = settings
        studio.next_life()
        async with studio.open():
            job = await studio.job(studio.noor if settings is shared else studio.mira)
            await studio.pass_until(lambda job=job: studio.ended(job))  # type: ignore[misc]
    assert studio.wipes() == 2, "shared machines are never wiped"


async def test_nobody_else_may_reach_what_is_on_her_machine(studio: Studio) -> None:
    who = [await studio.service.identify(caller.token or "") for caller in (studio.mira, studio.noor)]
    mira, noor = (each.artist_id for each in who if isinstance(each, Identity))
    job = await studio.job(studio.mira)
    await studio.pass_until(lambda: studio.ended(job))
    tenancy = studio.service.dispatcher.tenancy
    assert (tenancy.open_to("m1", mira), tenancy.open_to("m1", noor)) == (True, False)
