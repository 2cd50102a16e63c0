"""Queue, history, interruption: what becomes of prompts."""

from __future__ import annotations

import uuid

from . import graphs
from .client import Engine, Listener


async def _running(engine: Engine, listener: Listener, seed: int) -> str:
    """A prompt that runs until it is stopped, and has begun."""
    prompt_id = await engine.send(graphs.endless(engine.checkpoint, seed), client_id=listener.client)
    await listener.until(lambda event, data: event == "progress" and data["prompt_id"] == prompt_id)
    return prompt_id


async def test_numbers_count_up_and_front_turns_them_negative(engine: Engine) -> None:
    first = (await engine.post("/prompt", json={"prompt": graphs.plain()})).json()
    await engine.post("/prompt", json={"prompt": {}})
    front = (await engine.post("/prompt", json={"prompt": graphs.plain(), "front": True})).json()
    assert set(first) == {"prompt_id", "number", "node_errors"}
    assert front["number"] == -(first["number"] + 2)
    assert (await engine.post("/prompt", json={"prompt": graphs.plain(), "number": -7.5})).json()["number"] == -7.5


async def test_a_prompt_id_of_ones_own_is_kept(engine: Engine) -> None:
    mine = str(uuid.uuid4())
    assert await engine.send(graphs.plain(), prompt_id=mine) == mine
    async with engine.listening() as listener:
        again = str(uuid.uuid4())
        await engine.send(graphs.plain(colour=1), prompt_id=again, client_id=listener.client)
        await listener.end_of(again)
    assert again in (await engine.get(f"/history/{again}")).json()


async def test_the_history_holds_prompt_outputs_and_status(engine: Engine) -> None:
    graph = graphs.plain(colour=0x123456)
    async with engine.listening() as listener:
        prompt_id = await engine.send(graph, client_id=listener.client, extra_data={"mark": 1})
        await listener.end_of(prompt_id)
    entry = (await engine.get(f"/history/{prompt_id}")).json()[prompt_id]
    _number, name, prompt, extra, outputs = entry["prompt"]
    assert (name, prompt, extra["mark"], extra["client_id"], outputs) == (prompt_id, graph, 1, listener.client, ["3"])
    (image,) = entry["outputs"]["3"]["images"]
    assert image["type"] == "output"
    assert image["filename"].startswith("plain_")
    assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("success", True)
    assert [event for event, _ in entry["status"]["messages"]] == ["execution_start", "execution_cached", "execution_success"]
    assert entry["meta"]["3"] == {"node_id": "3", "display_node": "3", "parent_node": None, "real_node_id": "3"}


async def test_an_unknown_prompt_has_an_empty_history(engine: Engine) -> None:
    assert (await engine.get(f"/history/{uuid.uuid4()}")).json() == {}


async def test_waiting_prompts_are_listed_and_can_be_taken_out(engine: Engine) -> None:
    async with engine.listening() as listener:
        running = await _running(engine, listener, 11)
        second = await engine.send(graphs.plain(colour=2), client_id=listener.client)
        third = await engine.send(graphs.plain(colour=3), client_id=listener.client)
        queue = (await engine.get("/queue")).json()
        assert [item[1] for item in queue["queue_running"]] == [running]
        assert [item[1] for item in queue["queue_pending"]] == [second, third]
        assert len(queue["queue_pending"][0]) == 5
        assert (await engine.get("/prompt")).json() == {"exec_info": {"queue_remaining": 3}}
        assert (await engine.post("/queue", json={"delete": [third, "unknown"]})).status == 200
        assert [item[1] for item in (await engine.get("/queue")).json()["queue_pending"]] == [second]
        await engine.post("/queue", json={"clear": True})
        assert (await engine.get("/queue")).json()["queue_pending"] == []
        await engine.post("/interrupt", json={})
        await listener.end_of(running)
    assert third not in (await engine.get("/history")).json()


async def test_the_lowest_number_runs_first(engine: Engine) -> None:
    async with engine.listening() as listener:
        running = await _running(engine, listener, 12)
        late = await engine.send(graphs.plain(colour=4), client_id=listener.client)
        early = await engine.send(graphs.plain(colour=5), client_id=listener.client, front=True)
        await engine.post("/interrupt", json={"prompt_id": running})
        await listener.end_of(late)
    starts = [data["prompt_id"] for data in listener.named("execution_start")]
    assert starts == [running, early, late]


async def test_an_interruption_ends_the_running_prompt_and_is_kept_as_an_error(engine: Engine) -> None:
    async with engine.listening() as listener:
        prompt_id = await _running(engine, listener, 13)
        assert (await engine.post("/interrupt", json={"prompt_id": prompt_id})).status == 200
        await listener.end_of(prompt_id)
    (told,) = listener.named("execution_interrupted")
    assert (told["prompt_id"], told["node_id"], told["node_type"]) == (prompt_id, "3", "KSampler")
    assert set(told["executed"]) <= {"4", "5", "6", "7"}
    entry = (await engine.get(f"/history/{prompt_id}")).json()[prompt_id]
    assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("error", False)
    assert entry["status"]["messages"][-1][0] == "execution_interrupted"


async def test_interrupting_another_prompt_changes_nothing(engine: Engine) -> None:
    async with engine.listening() as listener:
        prompt_id = await _running(engine, listener, 14)
        assert (await engine.post("/interrupt", json={"prompt_id": str(uuid.uuid4())})).status == 200
        heard = len(listener.frames)
        await listener.until(lambda event, _: event == "progress", after=heard)
        await engine.post("/interrupt")
        await listener.end_of(prompt_id)


async def test_the_history_can_be_forgotten(engine: Engine) -> None:
    first, _ = await engine.run(graphs.plain(colour=6))
    second, _ = await engine.run(graphs.plain(colour=7))
    assert list((await engine.get("/history", params={"max_items": 1})).json()) == [second]
    await engine.post("/history", json={"delete": [first]})
    assert (await engine.get(f"/history/{first}")).json() == {}
    await engine.post("/history", json={"clear": True})
    assert (await engine.get("/history")).json() == {}


async def test_freeing_memory_forgets_what_was_cached(engine: Engine) -> None:
    graph = graphs.plain(colour=0x00AA55)
    await engine.run(graph)
    _, frames = await engine.run(graph)
    assert [data["nodes"] for event, data in frames if event == "execution_cached"] == [["1", "2", "3"]]
    assert (await engine.post("/free", json={"unload_models": True, "free_memory": True})).status == 200
    await engine.run(graphs.plain(colour=1))
    _, frames = await engine.run(graph)
    assert [data["nodes"] for event, data in frames if event == "execution_cached"] == [[]]


async def test_secrets_are_never_shown_again(modern: Engine) -> None:
    async with modern.listening() as listener:
        secret = {"auth_token_comfy_org": "hush", "api_key_comfy_org": "hush", "mark": 1}
        prompt_id = await modern.send(graphs.endless(modern.checkpoint, 15), client_id=listener.client, extra_data=secret)
        await listener.until(lambda event, _: event == "progress")
        queue = await modern.get("/queue")
        await modern.post("/interrupt", json={})
        await listener.end_of(prompt_id)
    history = await modern.get(f"/history/{prompt_id}")
    assert b"hush" not in queue.body + history.body
    for item in (queue.json()["queue_running"][0], history.json()[prompt_id]["prompt"]):
        assert item[3]["mark"] == 1
