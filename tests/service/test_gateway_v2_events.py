"""Comfy API v2: the stream of a job's events."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.engine.graphs import text_to_image
from tests.service.conftest import practice_engine
from tests.service.house import DEADLINE, House
from tests.service.v2_client import TERMINAL, Api, Events, code, flat
from wake_service.accounts import tokens
from wake_service.accounts.tokens import Scope
from wake_service.practice_engine.failures import Failure
from wake_service.practice_engine.models import CHECKPOINTS
from wake_service.practice_engine.options import Options, Timing


def api(house: House) -> Api:
    return Api(house, house.mira.token)


async def until(events: Events, house: House, wanted: Any, step: float = 0.0) -> None:
    async with asyncio.timeout(DEADLINE):
        while not wanted(events):
            await house.clock.advance(step)
            await asyncio.sleep(0.005)


async def test_a_stream_tells_of_waking_outputs_and_the_end_in_that_order(painting_house: House) -> None:
    mira = api(painting_house)
    job = await mira.accepted(flat())
    async with mira.events(job["id"]) as events:
        await mira.until_ended(events)
    assert events.status == 200 and events.headers["content-type"].startswith("text/event-stream")
    assert events.heard[0] == ("status", {"status": "queued", "queue_position": 0})
    assert events.heard[1][1]["message"].startswith("Waking the machine")
    assert events.names[-2:] == ["output", "status"] or events.names[-1] == "status"
    assert events.heard[-1][1]["status"] == "succeeded"
    outputs = (await mira.job(job["id"]))["outputs"]
    assert [output["id"] for output in events.named("output")] == [output["id"] for output in outputs]


async def test_whoever_comes_after_the_end_hears_every_output_before_it(painting_house: House) -> None:
    mira = api(painting_house)
    job = await mira.accepted(flat())
    done = await mira.ended(job["id"])
    async with mira.events(job["id"]) as events:
        await asyncio.wait_for(events.ended.wait(), DEADLINE)
    assert events.names == ["progress", "output", "status"]
    assert events.named("output") == done["outputs"]


async def test_silence_is_broken_at_least_every_fifteen_seconds(house: House) -> None:
    mira = api(house)
    job = await mira.accepted(flat())
    async with mira.events(job["id"]) as events:
        await until(events, house, lambda each: each.heard)
        for _ in range(4):
            before = events.comments + len(events.heard)
            for _ in range(30):
                await house.clock.advance(0.5)
                await asyncio.sleep(0.002)
            assert events.comments + len(events.heard) > before


async def test_cancelling_ends_the_stream(house: House) -> None:
    mira = api(house)
    job = await mira.accepted(flat())
    async with mira.events(job["id"]) as events:
        await until(events, house, lambda each: each.heard)
        await mira.ask("POST", f"/jobs/{job['id']}/cancel")
        await asyncio.wait_for(events.ended.wait(), DEADLINE)
    assert events.heard[-1] == ("status", {"status": "canceled", "queue_position": None})


async def test_steps_and_previews_are_told_while_it_runs_and_a_poll_knows_them(tmp_path: Any) -> None:
    options = Options(tmp_path / "engine", timing=Timing(step=0.05))
    async with practice_engine(options) as address, House(tmp_path / "data", address).open() as house:
        mira = api(house)
        job = await mira.accepted(text_to_image(CHECKPOINTS[0], steps=10))
        polled: list[Any] = []
        async with mira.events(job["id"]) as events:
            async with asyncio.timeout(DEADLINE):
                while not events.ended.is_set():
                    await house.clock.advance(0.25)
                    await asyncio.sleep(0.02)
                    polled.append((await mira.job(job["id"]))["progress"])
    values = [progress["value"] for progress in events.named("progress")]
    assert values == sorted(values) and any(0 < value < 1 for value in values)
    assert any(progress["steps"] == 10 and progress["current_node_class"] == "KSampler" for progress in events.named("progress"))
    assert events.named("preview") and events.named("preview")[0]["node_id"] == "3"
    assert any(progress and 0 < progress["value"] < 1 and progress["steps"] == 10 for progress in polled)


async def test_a_poll_knows_how_far_it_is_though_nobody_follows(tmp_path: Any) -> None:
    options = Options(tmp_path / "engine", timing=Timing(step=0.05))
    async with practice_engine(options) as address, House(tmp_path / "data", address).open() as house:
        mira = api(house)
        job = await mira.accepted(text_to_image(CHECKPOINTS[0], steps=10))
        polled: list[Any] = []
        async with asyncio.timeout(DEADLINE):
            while not polled or polled[-1]["status"] not in TERMINAL:
                await house.clock.advance(0.25)
                await asyncio.sleep(0.01)
                polled.append(await mira.job(job["id"]))
    running = [each["progress"] for each in polled if each["status"] == "running"]
    assert any(progress["step"] and progress["current_node_class"] == "KSampler" for progress in running)


async def test_a_graph_that_breaks_in_a_node_says_where_and_how(tmp_path: Any) -> None:
    options = Options(tmp_path / "engine", failure=Failure.parse("oom@2"))
    async with practice_engine(options) as address, House(tmp_path / "data", address).open() as house:
        mira = api(house)
        done = await mira.ended((await mira.accepted(text_to_image(CHECKPOINTS[0], steps=4)))["id"])
    assert done["status"] == "failed"
    assert (done["error"]["node_id"], done["error"]["class_type"]) == ("3", "KSampler")
    assert done["error"]["message"].endswith(".")


async def test_too_many_streams_are_told_that_there_is_none_so_that_sdks_poll(tmp_path: Any) -> None:
    async with House(tmp_path / "data", gateway_sockets_per_token=2).open() as house:
        mira = api(house)
        job = await mira.accepted(flat())
        async with mira.events(job["id"]) as first, mira.events(job["id"]) as second:
            await until(first, house, lambda each: each.heard)
            await until(second, house, lambda each: each.heard)
            assert code(await mira.ask("GET", f"/jobs/{job['id']}/events")) == (501, "not_implemented")
            assert (await mira.job(job["id"]))["status"] == "queued"
        async with mira.events(job["id"]) as third:
            await until(third, house, lambda each: each.heard)
            assert third.status == 200


async def test_a_stream_that_nobody_reads_is_let_go(house: House) -> None:
    mira = api(house)
    job = await mira.accepted(flat())
    async with mira.events(job["id"]) as events:
        await until(events, house, lambda each: each.heard)
    assert house.gateway.sockets is not None
    assert not house.service.workflows._followers


async def test_a_stream_ends_with_the_token_that_opened_it(house: House) -> None:
    link = await house.token(Scope.GATEWAY, days=1)
    mira = Api(house, None, f"/t/{link.token}")
    job = await mira.accepted(flat())
    async with mira.events(job["id"]) as events:
        await until(events, house, lambda each: each.heard)
        (mine,) = [row for row in await house.service.store.read(tokens.listing) if row.scopes == "gateway"]
        await house.service.store.write(lambda tx: tokens.revoke(tx, mine.id, house.clock.now()))
        for _ in range(60):
            await house.clock.advance(0.5)
            await asyncio.sleep(0.002)
        assert events.ended.is_set()
    assert events.named("status")[-1]["status"] == "queued"


@pytest.mark.parametrize("path", ["nowhere", "9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6b"])
async def test_there_is_no_stream_of_an_unknown_job(house: House, path: str) -> None:
    assert code(await api(house).ask("GET", f"/jobs/{path}/events")) == (404, "not_found")
