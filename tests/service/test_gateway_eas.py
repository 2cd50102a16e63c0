"""Queue-service style calls: a workflow goes in under a name, its result comes to whoever has subscribed, whatever happens."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.service.conftest import practice_engine
from tests.service.house import DEADLINE, House
from tests.support.asgi import Answer, Caller, Denied, Stream
from wake_service.accounts.tokens import Scope
from wake_service.practice_engine.options import Options

T = TypeVar("T")

PICTURE = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0x336699}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "harbour"}},
}
#: No update makes a width of -5 valid, but only an engine knows.
REFUSED = PICTURE | {"1": {**PICTURE["1"], "inputs": {"width": -5, "height": 64, "batch_size": 1, "color": 0}}}
PNG = b"\x89PNG\r\n\x1a\n"


class Desk:
    """What the artist's scripts do at the gateway."""

    def __init__(self, house: House, who: Caller | None = None) -> None:
        self.house = house
        self.who = who or Caller(house.gateway, house.mira.token)

    async def send(self, task_id: str | None = None, graph: object = PICTURE) -> Answer:
        query = "" if task_id is None else f"?task_id={task_id}"
        return await self.who.ask("POST", f"/eas/api_prompt{query}", json=graph)

    async def sent(self, task_id: str, graph: object = PICTURE) -> str:
        """The prompt's id of a task that must be accepted."""
        answer = await self.send(task_id, graph)
        assert answer.status == 200, answer.body
        prompt_id: str = answer.json["prompt_id"]
        return prompt_id

    async def results(self, **query: object) -> list[dict[str, Any]]:
        words = "&".join(f"{name}={value}" for name, value in query.items())
        answer = await self.who.ask("GET", f"/eas/results?{words}")
        assert answer.status == 200, answer.body
        found: list[dict[str, Any]] = answer.json["results"]
        return found

    async def delivered(self, **query: object) -> list[dict[str, Any]]:
        """The next results, asked for again as often as nothing has come: the engine takes real time, not the house's."""
        while not (found := await self.while_time_passes(self.results(wait=25, **query))):
            continue
        return found

    async def acknowledge(self, delivery_id: str) -> Answer:
        return await self.who.ask("POST", f"/eas/results/{delivery_id}/ack")

    async def cancel(self, prompt_id: str) -> None:
        answer = await self.who.ask("POST", "/comfy/api/jobs/cancel", json={"job_ids": [prompt_id]})
        assert answer.json == {"cancelled": True}

    async def subscribe(self, query: str = "") -> Stream:
        return await self.who.connect(f"/eas/subscribe{query}")

    async def while_time_passes(self, work: Awaitable[T]) -> T:
        """What `work` gives, while the house's clock goes on and its engine works."""
        waiting = asyncio.ensure_future(work)
        async with asyncio.timeout(DEADLINE):
            while not waiting.done():
                await self.house.clock.advance(0.5)
                await asyncio.sleep(0.002)
        return await waiting


@pytest.fixture
def desk(house: House) -> Desk:
    """The machine sleeps, and never answers."""
    return Desk(house)


@pytest.fixture
def painting(painting_house: House) -> Desk:
    """The machine sleeps, and paints once it is awake."""
    return Desk(painting_house)


@pytest.fixture
async def other(house: House) -> AsyncIterator[Desk]:
    yield Desk(house, Caller(house.gateway, house.noor.token))


async def test_a_task_is_accepted_while_the_machine_sleeps_and_its_result_comes(painting: Desk) -> None:
    prompt_id = await painting.sent("harbour-1")
    (result,) = await painting.delivered()
    assert (result["task_id"], result["prompt_id"], result["status"]) == ("harbour-1", prompt_id, "succeeded")
    assert result["error"] is None and result["deliveries"] == 1
    (image,) = result["outputs"]["2"]["images"]
    assert image["filename"] == "harbour_00001_.png" and image["type"] == "output"
    assert image["url"] == "http://service/eas/view?filename=harbour_00001_.png&subfolder=&type=output"
    picture = await painting.who.ask("GET", image["url"].removeprefix("http://service"))
    assert picture.status == 200 and picture.body.startswith(PNG)


async def test_small_files_come_in_the_result_itself_where_that_is_wished(painting: Desk) -> None:
    await painting.sent("harbour-1")
    (result,) = await painting.delivered(inline=100_000)
    (image,) = result["outputs"]["2"]["images"]
    assert base64.b64decode(image["data"]).startswith(PNG)


async def test_large_files_come_as_links_only(painting: Desk) -> None:
    await painting.sent("harbour-1")
    (result,) = await painting.delivered(inline=10)
    assert "data" not in result["outputs"]["2"]["images"][0]


async def test_what_the_engine_refuses_is_delivered_as_comfyuis_error(painting: Desk) -> None:
    await painting.sent("harbour-1", REFUSED)
    (result,) = await painting.delivered()
    assert result["status"] == "failed" and result["outputs"] == {}
    assert result["node_errors"]["1"]["class_type"] == "EmptyImage"
    assert result["error"]["extra_info"]["exception_type"] == result["error"]["type"]
    assert result["error"]["message"]


async def test_what_is_cancelled_is_delivered_too(desk: Desk) -> None:
    await desk.cancel(await desk.sent("harbour-1"))
    (result,) = await desk.results()
    assert (result["status"], result["error"]["type"]) == ("cancelled", "execution_interrupted")
    assert result["error"]["message"]


async def test_a_repeated_task_id_is_the_same_task_whatever_happened_between(desk: Desk) -> None:
    prompt_id = await desk.sent("harbour-1")
    again = await desk.send("harbour-1")
    assert again.json == {"task_id": "harbour-1", "prompt_id": prompt_id, "repeated": True}
    await desk.cancel(prompt_id)
    other_graph = await desk.send("harbour-1", PICTURE | {"3": PICTURE["1"]})
    assert other_graph.json["prompt_id"] == prompt_id
    (result,) = await desk.results()
    await desk.acknowledge(result["delivery_id"])
    assert (await desk.send("harbour-1")).json["prompt_id"] == prompt_id
    assert await desk.results() == []


async def test_a_task_id_that_is_sent_many_times_at_once_becomes_one_job(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.send("harbour-1") for _ in range(10)))
    assert len({answer.json["prompt_id"] for answer in answers}) == 1
    assert len(desk.house.service.book.board) == 1


async def test_two_artists_may_use_the_same_task_id(desk: Desk, other: Desk) -> None:
    mine, theirs = await desk.sent("harbour-1"), await other.sent("harbour-1")
    assert mine != theirs
    await desk.cancel(mine)
    assert await other.results() == []
    assert len(await desk.results()) == 1


async def test_a_task_without_a_name_gets_one(desk: Desk) -> None:
    answer = (await desk.send()).json
    await desk.cancel(answer["prompt_id"])
    (result,) = await desk.results()
    assert result["task_id"] == answer["task_id"] and answer["repeated"] is False


async def test_a_result_is_redelivered_until_it_is_acknowledged_and_never_after(desk: Desk) -> None:
    await desk.cancel(await desk.sent("harbour-1"))
    (first,) = await desk.results()
    assert await desk.results() == []
    await desk.house.clock.advance(60)
    (second,) = await desk.results()
    assert second["deliveries"] == 2 and second["delivery_id"] != first["delivery_id"]
    answer = await desk.acknowledge(first["delivery_id"])
    assert answer.json == {"acknowledged": True, "delivery_id": first["delivery_id"], "task_id": "harbour-1"}
    await desk.house.clock.advance(60)
    assert await desk.results() == []
    assert (await desk.acknowledge(second["delivery_id"])).status == 200


async def test_a_subscriber_says_how_long_a_result_is_its_own(desk: Desk) -> None:
    await desk.cancel(await desk.sent("harbour-1"))
    await desk.results(visibility=600)
    await desk.house.clock.advance(599)
    assert await desk.results() == []
    await desk.house.clock.advance(1)
    assert len(await desk.results()) == 1


async def test_results_come_in_the_order_of_finishing(desk: Desk) -> None:
    ids = {name: await desk.sent(name) for name in ("first", "second", "third")}
    for name in ("third", "first", "second"):
        await desk.cancel(ids[name])
        await desk.house.clock.advance(1)
    assert [result["task_id"] for result in await desk.results(max=2)] == ["third", "first"]


async def test_one_task_can_be_waited_for_by_name(desk: Desk) -> None:
    await desk.cancel(await desk.sent("first"))
    await desk.cancel(await desk.sent("second"))
    assert [result["task_id"] for result in await desk.results(task_id="second")] == ["second"]


async def test_results_survive_a_restart_of_the_service(tmp_path: Path) -> None:
    async with House(tmp_path / "data").open() as house:
        desk = Desk(house)
        await desk.cancel(await desk.sent("harbour-1"))
        await desk.results()
    async with House(tmp_path / "data").open() as house:
        desk = Desk(house)
        await house.clock.advance(60)
        (result,) = await desk.results()
        assert (result["task_id"], result["deliveries"]) == ("harbour-1", 2)
        assert (await desk.send("harbour-1")).json["prompt_id"] == result["prompt_id"]


async def test_a_task_that_a_restart_interrupts_is_delivered_by_the_next_service(tmp_path: Path) -> None:
    async with practice_engine(Options(tmp_path / "engine")) as address:
        async with House(tmp_path / "data", address).open() as house:
            await Desk(house).sent("harbour-1")
        async with House(tmp_path / "data", address).open() as house:
            desk = Desk(house)
            (result,) = await desk.delivered()
    assert (result["task_id"], result["status"]) == ("harbour-1", "succeeded")


# -- a subscription over a WebSocket ------------------------------------------------------------------------------------


async def test_a_subscriber_gets_results_as_they_come_and_acknowledges_them(desk: Desk) -> None:
    stream = await desk.subscribe()
    await desk.cancel(await desk.sent("harbour-1"))
    result: Any = await stream.next()
    assert result["type"] == "result" and result["data"]["task_id"] == "harbour-1"
    stream.say({"type": "ack", "delivery_id": result["data"]["delivery_id"]})
    told: Any = await stream.next()
    assert told == {"type": "acknowledged", "data": {"delivery_ids": [result["data"]["delivery_id"]], "unknown": []}}
    await stream.close()
    await desk.house.clock.advance(3600)
    assert await desk.results() == []


async def test_a_subscriber_has_no_more_at_once_than_its_window(desk: Desk) -> None:
    stream = await desk.subscribe("?window=1")
    for name in ("first", "second"):
        await desk.cancel(await desk.sent(name))
    first: Any = await stream.next()
    assert [result["task_id"] for result in await desk.results()] == ["second"]
    await desk.cancel(await desk.sent("third"))
    stream.say({"type": "ack", "delivery_ids": [first["data"]["delivery_id"]]})
    assert (await stream.next())["type"] == "acknowledged"
    third: Any = await stream.next()
    assert third["data"]["task_id"] == "third"
    await stream.close()


async def test_what_a_subscriber_leaves_behind_goes_to_the_next_at_once(desk: Desk) -> None:
    first, second = await desk.subscribe("?window=1"), await desk.subscribe("?window=1")
    await desk.cancel(await desk.sent("harbour-1"))
    reading = [asyncio.ensure_future(stream.next()) for stream in (first, second)]
    done, waiting = await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED, timeout=DEADLINE)
    assert len(done) == len(waiting) == 1, "nobody has it, or both"
    has_it = (first, second)[reading.index(done.pop())]
    await has_it.close()
    again: Any = await waiting.pop()
    assert (again["data"]["task_id"], again["data"]["deliveries"]) == ("harbour-1", 2)
    await (second if has_it is first else first).close()


async def test_a_subscriber_that_never_acknowledges_gets_its_window_back_in_time(desk: Desk) -> None:
    stream = await desk.subscribe("?window=1&visibility=30")
    await desk.cancel(await desk.sent("harbour-1"))
    await stream.next()
    again: Any = await desk.while_time_passes(stream.next())
    assert again["data"]["deliveries"] == 2
    await stream.close()


@pytest.mark.parametrize("garbage", ["", "[]", "{", '{"type": "ack"}', '{"type": "ack", "delivery_ids": "x"}', '{"type": "x"}'])
async def test_a_message_that_is_not_understood_is_answered_with_what_would_be(desk: Desk, garbage: str) -> None:
    stream = await desk.subscribe()
    stream.say(garbage)
    told: Any = await stream.next()
    assert told["type"] == "error" and "delivery_id" in told["data"]["message"]
    await stream.close()


async def test_an_acknowledgement_of_what_was_not_delivered_is_named_as_unknown(desk: Desk) -> None:
    stream = await desk.subscribe()
    stream.say({"type": "ack", "delivery_ids": ["nothing.1", "garbage"]})
    told: Any = await stream.next()
    assert told["data"] == {"delivery_ids": [], "unknown": ["nothing.1", "garbage"]}
    await stream.close()


# -- calls to poll for ---------------------------------------------------------------------------------------------------


async def test_a_prompt_is_polled_until_it_is_done(painting: Desk) -> None:
    answer = await painting.who.ask("POST", "/eas/prompt", json={"prompt": PICTURE})
    assert answer.status == 200 and answer.json["node_errors"] == {}
    prompt_id = answer.json["prompt_id"]
    look = await painting.who.ask("GET", f"/eas/prompt/{prompt_id}")
    assert (look.json["status"], look.json["waiting_for"]) == ("queued", "machine_waking")

    async def until_done() -> dict[str, Any]:
        while (found := (await painting.who.ask("GET", f"/eas/prompt/{prompt_id}")).json)["status"] in ("queued", "running"):
            await painting.house.clock.sleep(1)
        done: dict[str, Any] = found
        return done

    done = await painting.while_time_passes(until_done())
    assert done["status"] == "succeeded" and done["outputs"]["2"]["images"][0]["url"].startswith("http://service/eas/view?")
    history = (await painting.who.ask("GET", f"/eas/history/{prompt_id}")).json
    assert history[prompt_id]["status"]["completed"] is True
    assert await painting.results() == [], "what is polled for goes to no subscriber"


async def test_a_task_can_be_polled_for_by_its_prompt_id_too(desk: Desk) -> None:
    prompt_id = await desk.sent("harbour-1")
    assert (await desk.who.ask("GET", f"/eas/prompt/{prompt_id}")).json["status"] == "queued"


# -- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("POST", "/eas/api_prompt?task_id=", 400, "invalid_task_id"),
        ("POST", f"/eas/api_prompt?task_id={'x' * 201}", 400, "invalid_task_id"),
        ("POST", "/eas/api_prompt?task_id=a%00b", 400, "invalid_task_id"),
        ("POST", "/eas/api_prompt", 400, "invalid_json"),
        ("POST", "/eas/prompt", 400, "invalid_json"),
        ("GET", "/eas/prompt/unknown", 404, "not_found"),
        ("GET", "/eas/results?max=0", 400, "invalid_request"),
        ("GET", "/eas/results?max=1e9", 400, "invalid_request"),
        ("GET", "/eas/results?wait=nan", 400, "invalid_request"),
        ("GET", "/eas/results?wait=inf", 400, "invalid_request"),
        ("GET", "/eas/results?inline=-1", 400, "invalid_request"),
        ("GET", "/eas/results?task_id=unknown", 404, "not_found"),
        ("POST", "/eas/results/garbage/ack", 404, "not_found"),
        ("POST", "/eas/results/nothing.1/ack", 404, "not_found"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_sentence(desk: Desk, method: str, path: str, status: int, kind: str) -> None:
    answer = await desk.who.ask(method, path, body=b"{" if method == "POST" else b"")
    assert (answer.status, answer.json["error"]["type"]) == (status, kind)
    assert answer.json["error"]["message"].endswith((".", "one."))


@pytest.mark.parametrize("graph", [[], {}, {"1": {}}, {"prompt": PICTURE}, {"1": {"class_type": "A", "inputs": {"a": ["9", 0]}}}])
async def test_what_no_update_could_make_valid_is_refused_and_its_name_stays_free(desk: Desk, graph: object) -> None:
    answer = await desk.send("harbour-1", graph)
    assert answer.status == 400 and answer.json["error"]["type"]
    assert (await desk.send("harbour-1")).json["repeated"] is False


async def test_nobody_reads_or_acknowledges_another_artists_results(desk: Desk, other: Desk) -> None:
    prompt_id = await desk.sent("harbour-1")
    await desk.cancel(prompt_id)
    (result,) = await desk.results()
    assert (await other.acknowledge(result["delivery_id"])).status == 404
    assert (await other.who.ask("GET", f"/eas/prompt/{prompt_id}")).status == 404
    assert (await other.who.ask("GET", "/eas/results?task_id=harbour-1")).status == 404


async def test_who_may_only_look_takes_no_results_from_others(desk: Desk) -> None:
    looker = Caller(desk.house.gateway, (await desk.house.token(Scope.READ)).token)
    assert (await looker.ask("GET", "/eas/results")).status == 403
    assert (await looker.ask("POST", "/eas/api_prompt", json=PICTURE)).status == 403
    with pytest.raises(Denied) as denied:
        await looker.connect("/eas/subscribe")
    assert denied.value.answer.status == 403
