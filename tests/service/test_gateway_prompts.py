"""A ComfyUI client's prompt, whether the machine is awake or asleep: durable, told once, nobody else's."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.contract.engine import graphs
from tests.service.conftest import practice_engine
from tests.service.house import House
from tests.support.asgi import Answer, Caller, Stream
from wake_service.machines.model import MachineState
from wake_service.practice_engine.options import Options, Timing
from wake_service.store.tables import workflows


class Client:
    """One ComfyUI client of an artist, with its socket."""

    def __init__(self, house: House, who: Caller, name: str) -> None:
        self.house = house
        self.caller = Caller(house.gateway, who.token)
        self.name = name
        self.socket: Stream

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        return await self.caller.ask(method, f"/comfy{path}", **more)

    async def listen(self) -> Client:
        self.socket = await self.caller.connect(f"/comfy/ws?clientId={self.name}")
        first = await self.socket.next()
        assert (first["type"], first["data"]["sid"]) == ("status", self.name)
        return self

    async def send(self, graph: dict[str, Any], **members: Any) -> Answer:
        return await self.ask("POST", "/prompt", json={"prompt": graph, "client_id": self.name, **members})

    async def prompt(self, graph: dict[str, Any], **members: Any) -> str:
        answer = await self.send(graph, **members)
        assert answer.status == 200, answer.body
        return str(answer.json["prompt_id"])

    async def end_of(self, prompt_id: str) -> list[dict[str, Any]]:
        """All that was heard until the end marker of a prompt."""
        async with asyncio.timeout(20):
            await self.socket.until(lambda m: m["type"] == "executing" and m["data"] == {"node": None, "prompt_id": prompt_id})
        return [dict(message) for message in self.socket.seen]

    def heard(self, kind: str) -> list[dict[str, Any]]:
        return [dict(message["data"]) for message in self.socket.seen if message["type"] == kind]


@pytest.fixture
async def mira(painting_house: House) -> AsyncIterator[Client]:
    client = await Client(painting_house, painting_house.mira, "a").listen()
    yield client
    await client.socket.close()


@pytest.fixture
async def noor(painting_house: House) -> AsyncIterator[Client]:
    client = await Client(painting_house, painting_house.noor, "a").listen()
    yield client
    await client.socket.close()


async def wake(client: Client) -> None:
    await client.house.until(MachineState.BUSY)


async def run(client: Client, graph: dict[str, Any], **members: Any) -> str:
    """A prompt from asleep or awake to its end."""
    prompt_id = await client.prompt(graph, **members)
    async with asyncio.timeout(20):
        ending = asyncio.create_task(client.end_of(prompt_id))
        while not ending.done():
            await client.house.clock.advance(0.5)
            await asyncio.sleep(0.005)
        await ending
    return prompt_id


async def test_a_prompt_to_a_sleeping_machine_is_taken_at_once_and_runs_once_it_is_awake(mira: Client) -> None:
    assert mira.house.state is MachineState.ASLEEP
    mine = str(uuid.uuid4())
    answer = await mira.send(graphs.plain(colour=0x123456), prompt_id=mine)
    assert (answer.status, answer.json["prompt_id"], answer.json["node_errors"]) == (200, mine, {})
    queue = (await mira.ask("GET", "/queue")).json
    assert [item[1] for item in queue["queue_pending"]] == [mine]
    await wake(mira)
    await mira.end_of(mine)
    kinds = [message["type"] for message in mira.socket.seen]
    assert [kind for kind in kinds if kind.startswith("execution")] == [
        "execution_start",
        "execution_cached",
        "execution_success",
    ]
    (executed,) = mira.heard("executed")
    assert executed["output"] == {"images": [{"filename": "plain_00001_.png", "subfolder": "", "type": "output"}]}
    assert kinds.index("executed") < kinds.index("execution_success")


async def test_the_history_tells_the_graph_as_it_was_sent(mira: Client) -> None:
    graph = graphs.plain(colour=3)
    prompt_id = await run(mira, graph, extra_data={"mark": 1})
    entry = (await mira.ask("GET", f"/history/{prompt_id}")).json[prompt_id]
    _number, name, prompt, extra, _targets = entry["prompt"]
    assert (name, prompt, extra["mark"], extra["client_id"]) == (prompt_id, graph, 1, "a")
    assert entry["status"]["completed"] is True
    assert (await mira.ask("GET", "/queue")).json == {"queue_running": [], "queue_pending": []}


async def test_the_same_prompt_sent_twice_is_one(mira: Client) -> None:
    mine = str(uuid.uuid4())
    first = await mira.send(graphs.plain(colour=1), prompt_id=mine)
    again = await mira.send(graphs.plain(colour=1), prompt_id=mine)
    assert first.json == again.json
    other = await mira.send(graphs.plain(colour=2), prompt_id=mine)
    assert (other.status, other.json["error"]["type"]) == (400, "invalid_prompt_id")
    await wake(mira)
    await mira.end_of(mine)
    assert len(mira.heard("execution_start")) == 1


async def test_what_the_engine_refuses_later_is_told_as_an_error_with_its_reasons(mira: Client) -> None:
    graph = graphs.plain()
    graph["3"]["inputs"]["images"] = ["1", 7]
    prompt_id = await run(mira, graph)
    (error,) = mira.heard("execution_error")
    assert error["prompt_id"] == prompt_id
    assert error["node_errors"]["3"]["class_type"] == "SaveImage"
    entry = (await mira.ask("GET", f"/history/{prompt_id}")).json[prompt_id]
    assert (entry["status"]["status_str"], entry["status"]["messages"][-1][0]) == ("error", "execution_error")


async def test_what_an_awake_engine_refuses_is_answered_as_the_engine_says_it_and_leaves_no_trace(mira: Client) -> None:
    await run(mira, graphs.plain())
    graph = graphs.plain()
    del graph["3"]["inputs"]["images"]
    answer = await mira.send(graph)
    assert (answer.status, answer.json["error"]["type"]) == (400, "prompt_outputs_failed_validation")
    assert answer.json["node_errors"]["3"]["errors"][0]["type"] == "required_input_missing"
    await run(mira, graphs.plain(colour=9))
    assert mira.heard("execution_error") == []
    assert len((await mira.ask("GET", "/history")).json) == 2


async def test_each_sees_her_own_prompts_files_and_events(mira: Client, noor: Client) -> None:
    hers = await run(mira, graphs.plain(colour=1))
    theirs = await run(noor, graphs.plain(colour=2))
    for client, own, other in ((mira, hers, theirs), (noor, theirs, hers)):
        assert list((await client.ask("GET", "/history")).json) == [own]
        assert (await client.ask("GET", f"/history/{other}")).json == {}
        assert (await client.ask("GET", f"/api/jobs/{other}")).status == 404
        assert {data["prompt_id"] for data in client.heard("execution_start")} == {own}
        assert [data["output"]["images"][0]["filename"] for data in client.heard("executed")] == ["plain_00001_.png"]


async def test_the_same_id_of_two_artists_is_two_prompts(mira: Client, noor: Client) -> None:
    same = str(uuid.uuid4())
    assert await run(mira, graphs.plain(colour=1), prompt_id=same) == same
    assert await run(noor, graphs.plain(colour=2), prompt_id=same) == same
    for client in (mira, noor):
        assert list((await client.ask("GET", f"/history/{same}")).json) == [same]
        assert [data["prompt_id"] for data in client.heard("execution_success")] == [same]


async def test_names_of_old_clients_are_kept(mira: Client) -> None:
    name = 'job "7" ü'
    await run(mira, graphs.plain(), prompt_id=name)
    assert {data["prompt_id"] for data in mira.heard("execution_success")} == {name}
    page = (await mira.ask("GET", "/api/jobs")).json
    assert [job["id"] for job in page["jobs"]] == [name]


async def test_secrets_are_neither_stored_nor_shown(mira: Client) -> None:
    secret = {"auth_token_comfy_org": "hush", "api_key_comfy_org": "hush", "mark": 1}
    prompt_id = await run(mira, graphs.plain(), extra_data=secret)
    store = mira.house.service.store
    rows = await store.read(lambda conn: conn.execute(select(workflows)).all())
    shown = (await mira.ask("GET", f"/history/{prompt_id}")).body
    assert "hush" not in repr(rows) and b"hush" not in shown and b'"mark":1' in shown


async def test_a_prompt_that_waits_can_be_taken_out_by_its_artist_alone(mira: Client, noor: Client) -> None:
    hers, theirs = await mira.prompt(graphs.plain(colour=1)), await noor.prompt(graphs.plain(colour=2))
    await noor.ask("POST", "/queue", json={"delete": [hers]})
    await noor.ask("POST", "/queue", json={"clear": True})
    assert [item[1] for item in (await mira.ask("GET", "/queue")).json["queue_pending"]] == [hers]
    assert (await noor.ask("GET", "/queue")).json["queue_pending"] == []
    assert (await noor.ask("GET", f"/api/jobs/{theirs}")).status == 404
    await wake(mira)
    await mira.end_of(hers)
    assert noor.heard("execution_start") == []


async def test_interrupting_stops_ones_own_prompt_and_no_other(tmp_path: Path) -> None:
    async with (
        practice_engine(Options(tmp_path / "slow", timing=Timing(step=0.05))) as address,
        House(tmp_path / "data", address).open() as house,
    ):
        mira, noor = await Client(house, house.mira, "m").listen(), await Client(house, house.noor, "n").listen()
        first = await mira.prompt(graphs.plain())
        await wake(mira)
        await mira.end_of(first)
        catalogue = house.service.catalogues.get("default")
        while catalogue is None:
            await asyncio.sleep(0.01)
            catalogue = house.service.catalogues.get("default")
        checkpoint = catalogue.models()["checkpoints"][-1]
        running = await mira.prompt(graphs.endless(checkpoint, 1))
        await mira.socket.until(lambda m: m["type"] == "progress")
        assert (await noor.ask("POST", "/interrupt")).status == 200
        await noor.ask("POST", "/interrupt", json={"prompt_id": running})
        steps = len(mira.heard("progress"))
        await mira.socket.until(lambda m: m["type"] == "progress")
        assert len(mira.heard("progress")) > steps
        await mira.ask("POST", "/interrupt", json={})
        await mira.end_of(running)
        (told,) = mira.heard("execution_interrupted")
        assert (told["prompt_id"], told["node_type"]) == (running, "KSampler")
        await mira.socket.close()
        await noor.socket.close()


async def test_a_page_that_only_connects_and_asks_wakes_nobody(mira: Client) -> None:
    for _ in range(5):
        other = await Client(mira.house, mira.house.mira, f"page{_}").listen()
        for path in ("/prompt", "/queue", "/history", "/api/jobs?status=in_progress,pending&limit=200"):
            assert (await mira.ask("GET", path)).status == 200
        await other.socket.close()
        await mira.house.clock.advance(60)
    assert mira.house.state is MachineState.ASLEEP


async def test_garbage_on_the_socket_is_no_reason_to_lose_a_prompt(mira: Client) -> None:
    for text in ("{", "[]", "null", '"x"', json.dumps({"type": 7}), json.dumps({"type": "feature_flags", "data": 3})):
        mira.socket.say(text)
    await run(mira, graphs.plain())


async def test_a_client_that_says_first_what_it_understands_is_told_what_we_do(mira: Client) -> None:
    for _ in range(2):
        mira.socket.say({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
    await run(mira, graphs.plain())
    (flags,) = mira.heard("feature_flags")
    assert flags["assets"] is False


async def test_a_client_that_was_away_at_the_end_learns_of_it_when_it_comes_back(mira: Client) -> None:
    prompt_id = await mira.prompt(graphs.plain())
    await mira.socket.close()
    await wake(mira)
    await mira.house.until(MachineState.READY)
    await mira.listen()
    await mira.end_of(prompt_id)
    kinds = [message["type"] for message in mira.socket.seen]
    assert kinds.count("executed") == kinds.count("execution_success") == 1


async def test_the_docker_does_not_see_what_other_clients_asked_for(mira: Client) -> None:
    prompt_id = await run(mira, graphs.plain())
    listed = await mira.house.mira.ask("GET", "/v1/jobs")
    assert listed.json["jobs"] == []
    assert (await mira.house.mira.ask("GET", f"/v1/jobs/{prompt_id}")).status == 404
