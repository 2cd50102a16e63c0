"""The guard that tests put before a machine: what the real one on a machine must do as well."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.unit.agent.behind_guard import DEADLINE, TOKEN, Behind
from tests.unit.comfy.fake_engine import FakeEngine
from wake_service.agent.wire import WIRE, WIRE_HEADER


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1]])
@pytest.mark.parametrize("path", ["/", "/agent", "/agent/results/p1", "/prompt", "/ws", "/system_stats"])
async def test_nothing_is_reached_without_the_token(behind: Behind, engine: FakeEngine, path: str, token: str | None) -> None:
    status, headers, answer = await behind.ask("GET", path, token=token)
    assert (status, answer["code"]) == (401, "not_authenticated")
    assert headers["Content-Type"].startswith("application/problem+json") and headers["WWW-Authenticate"] == "Bearer"
    assert engine.received == []


async def test_the_engine_gets_the_request_but_not_the_token(behind: Behind, engine: FakeEngine) -> None:
    engine.answers["/queue"] = (200, {"deleted": 1})
    status, _, answer = await behind.ask("POST", "/queue?a=b%20c", json={"delete": ["x"]})
    assert (status, answer) == (200, {"deleted": 1})
    (received,) = engine.received
    assert (received.method, received.query, received.body) == ("POST", {"a": "b c"}, {"delete": ["x"]})
    assert "Authorization" not in received.headers


async def test_an_engine_that_is_not_there_yet_is_told_apart(behind: Behind) -> None:
    behind.guard.engine = "http://127.0.0.1:1"
    status, _, answer = await behind.ask("GET", "/system_stats")
    assert (status, answer["code"]) == (502, "engine_unreachable")


@pytest.mark.parametrize("path", ["/prompt", "/api/prompt"])
async def test_a_draining_guard_refuses_prompts_as_comfyui_would_and_lets_all_else_through(
    behind: Behind, engine: FakeEngine, path: str
) -> None:
    engine.answers[path] = (200, {"prompt_id": "p"})
    engine.answers["/queue"] = (200, {})
    behind.machine.life.draining = True
    status, headers, answer = await behind.ask("POST", path, json={})
    assert (status, headers["Retry-After"]) == (503, "5")
    assert answer["error"]["type"] == "draining" and answer["node_errors"] == {}
    assert (await behind.ask("GET", "/queue"))[0] == 200
    behind.machine.life.draining = False
    assert (await behind.ask("POST", path, json={}))[0] == 200


async def test_another_version_of_the_wire_is_answered_with_ours(behind: Behind) -> None:
    for theirs in ({}, {WIRE_HEADER: "99"}, {WIRE_HEADER: "new"}):
        status, headers, answer = await behind.ask("GET", "/agent", headers=theirs)
        assert (status, headers[WIRE_HEADER], answer["code"]) == (426, str(WIRE), "other_version")
        assert answer["title"].endswith(".")


async def test_a_service_that_is_gone_without_a_word_is_noticed(behind: Behind) -> None:
    async with (
        asyncio.timeout(DEADLINE),
        behind.session(**{WIRE_HEADER: str(WIRE)}) as session,
        session.ws_connect("/agent", autoping=False) as socket,
    ):
        seen = [await socket.receive()]
        while seen[-1].type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.PING):
            seen.append(await socket.receive())
        assert aiohttp.WSMsgType.PING in {message.type for message in seen}
        await behind.guard.hung_up.wait()
    assert behind.machine.listeners == 0
