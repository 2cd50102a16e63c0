"""What node packs bring goes through to a machine that is awake, is remembered for when it sleeps, or waits until it wakes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.service.comfy_client import Comfy, sleep, until, wake
from tests.service.house import House
from tests.support.asgi import Answer, Caller, Denied
from tests.support.little_engine import LittleEngine, running
from wake_service.accounts.tokens import Scope
from wake_service.machines.model import MachineState


@pytest.fixture
async def engine() -> AsyncIterator[LittleEngine]:
    engine = LittleEngine(**{"/pack/colours": {"red": "#f00"}})

    async def echo(request: web.Request) -> web.StreamResponse:
        said = {"method": request.method, "path": request.path_qs, "body": len(await request.read())}
        headers = {"Set-Cookie": "a=b", "Access-Control-Allow-Origin": "*", "X-Pack": "kept", "Keep-Alive": "x"}
        return web.json_response(said, status=207, headers=headers)

    async def socket(request: web.Request) -> web.StreamResponse:
        upgraded = web.WebSocketResponse(protocols=["pack.v1"])
        await upgraded.prepare(request)
        async for message in upgraded:
            if message.type is aiohttp.WSMsgType.TEXT:
                if message.data == '"end"':
                    await upgraded.close(code=4001)
                await upgraded.send_json({"type": "echo", "said": json.loads(message.data)})
        return upgraded

    async def moved(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": request.query["to"]})

    engine.handlers |= {"/pack/echo": echo, "/pack/socket": socket, "/pack/moved": moved}
    async with running(engine):
        yield engine


@pytest.fixture
async def house(tmp_path: Path, engine: LittleEngine) -> AsyncIterator[House]:
    async with House(tmp_path / "data", engine.address, gateway_hold_seconds=120).open() as house:
        yield house


@pytest.fixture
def mira(house: House) -> Comfy:
    return Comfy(house, house.mira)


async def answered(house: House, asked: asyncio.Task[Answer], by: float = 0.25) -> Answer:
    """Lets time pass until a call is answered."""
    async with asyncio.timeout(15):
        while not asked.done():
            await house.clock.advance(by)
            await asyncio.sleep(0.002)
    return await asked


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_calls_of_packs_go_through_as_they_are(house: House, mira: Comfy, method: str) -> None:
    await wake(house)
    answer = await mira.ask(method, "/api/pack/echo?a=1%2F2&b", body=b"x" * 100_000)
    assert (answer.status, answer.json) == (207, {"method": method, "path": "/api/pack/echo?a=1%2F2&b", "body": 100_000})
    assert answer.headers["x-pack"] == "kept"
    assert not {"set-cookie", "access-control-allow-origin", "keep-alive"} & answer.headers.keys()


async def test_a_machine_learns_nothing_of_who_asked_and_from_where(house: House, mira: Comfy, engine: LittleEngine) -> None:
    await wake(house)
    sent = {
        "cookie": "session=1",
        "origin": "http://service",
        "referer": "http://service/t/secret/",
        "sec-fetch-site": "same-origin",
        "x-forwarded-for": "10.0.0.7",
        "comfy-user": "mira",
        "connection": "x-hop",
        "x-hop": "1",
        "x-pack": "kept",
        "content-type": "text/x-pack",
    }
    await mira.ask("POST", "/pack/echo", body=b"1", headers=sent)
    (heard,) = [headers for path, headers in zip(engine.asked, engine.headers, strict=True) if path == "/pack/echo"]
    told = {name.lower(): value for name, value in heard.items()}
    assert told["x-pack"] == "kept" and told["content-type"] == "text/x-pack"
    assert not told.keys() & (sent.keys() - {"x-pack", "content-type", "connection"})
    assert str(house.mira.token) not in str(heard)


@pytest.mark.parametrize(
    ("to", "seen"),
    [
        ("/pack/new?x=1", "http://service/comfy/pack/new?x=1"),
        ("new", "new"),
        ("https://elsewhere.example/x", "https://elsewhere.example/x"),
    ],
)
async def test_a_redirect_leads_below_the_callers_own_address(house: House, mira: Comfy, to: str, seen: str) -> None:
    await wake(house)
    answer = await mira.get(f"/pack/moved?to={to}")
    assert (answer.status, answer.headers["location"]) == (302, seen)


async def test_what_a_pack_told_is_told_again_while_the_machine_sleeps(house: House, mira: Comfy, engine: LittleEngine) -> None:
    await wake(house)
    for _ in range(2):
        assert (await mira.get("/pack/colours")).json == {"red": "#f00"}
    engine.answers["/pack/colours"] = {"red": "#e00"}
    assert (await mira.get("/api/pack/colours")).json == {"red": "#e00"}
    await sleep(house)
    engine.asked.clear()
    assert (await Comfy(house, house.noor).get("/pack/colours")).json == {"red": "#e00"}
    assert engine.asked == [] and house.state is MachineState.ASLEEP


async def test_where_machines_are_not_shared_what_a_pack_told_one_artist_is_not_told_another(
    tmp_path: Path, engine: LittleEngine
) -> None:
    async with House(tmp_path / "apart", engine.address, isolation="per_artist").open() as house:
        await wake(house)
        tenancy, mira = house.service.dispatcher.tenancy, await house.service.identify(str(house.mira.token))
        assert mira is not None and (await Comfy(house, house.mira).get("/pack/colours")).status == 503
        await tenancy.wiped("m1")
        tenancy.move_in("m1", mira.artist_id)
        assert (await Comfy(house, house.mira).get("/pack/colours")).status == 200
        await sleep(house)
        assert (await Comfy(house, house.mira).get("/pack/colours")).status == 200
        looking = await Comfy(house, house.noor).get("/pack/colours", sec_fetch_dest="empty")
        assert (looking.status, house.state) == (503, MachineState.ASLEEP)


async def test_pictures_failures_and_other_questions_are_not_kept(house: House, mira: Comfy, engine: LittleEngine) -> None:
    engine.answers |= {"/pack/a?q=1": {"a": 1}, "/pack/pic.png": b"PNG"}
    await wake(house)
    for path in ("/pack/a?q=1", "/api/pack/pic.png", "/pack/none"):
        await mira.get(path)
    await sleep(house)
    assert (await mira.get("/pack/a?q=1", sec_fetch_dest="empty")).status == 200
    for path in ("/pack/a?q=2", "/api/pack/pic.png", "/pack/none"):
        assert (await mira.get(path, sec_fetch_dest="empty")).status == 503


async def test_a_call_that_needs_the_machine_wakes_it_and_waits(house: House, mira: Comfy) -> None:
    asked = asyncio.create_task(mira.ask("POST", "/pack/echo", body=b"12345"))
    answer = await answered(house, asked)
    assert (answer.status, answer.json["body"]) == (207, 5)


async def test_it_waits_no_longer_than_it_may_and_says_when_to_come_back(house: House, mira: Comfy) -> None:
    house.provider.cloud.stick("m1")
    before = house.clock.now()
    answer = await answered(house, asyncio.create_task(mira.ask("POST", "/pack/echo", body=b"1")), by=5)
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    assert "waking" in answer.json["error"]["message"]
    assert house.clock.now() - before >= 120


async def test_a_page_gets_its_answer_before_it_gives_up(house: House, mira: Comfy) -> None:
    house.provider.cloud.stick("m1")
    before = house.clock.now()
    asked = asyncio.create_task(mira.ask("POST", "/pack/echo", body=b"1", headers={"comfy-user": "x"}))
    assert (await answered(house, asked, by=0.1)).status == 503
    assert house.clock.now() - before < 60


async def test_an_open_page_that_asks_by_itself_wakes_nothing(house: House, mira: Comfy) -> None:
    for _ in range(3):
        answer = await mira.get("/pack/monitor", sec_fetch_dest="empty")
        assert answer.status == 503 and "sleeps" in answer.json["error"]["message"]
        await house.clock.advance(1)
    assert house.state is MachineState.ASLEEP


async def test_so_many_calls_wait_at_once_and_no_more(house: House, mira: Comfy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wake_service.gateway.awake.MOST_WAITING", 3)
    house.provider.cloud.stick("m1")
    waiting = [asyncio.create_task(mira.ask("POST", "/pack/echo", body=b"1")) for _ in range(3)]
    await asyncio.sleep(0.1)
    assert (await mira.ask("POST", "/pack/echo", body=b"1")).status == 503
    assert not any(each.done() for each in waiting)
    for each in waiting:
        await answered(house, each, by=5)


@pytest.mark.parametrize(
    "path",
    [
        "/prompt/x",
        "/api/api/prompt",
        "/upload/other",
        "/internal/x",
        "/x/../prompt",
        "/x/%2e%2e/prompt",
        "//prompt",
        "/./prompt",
        "/x/..",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nothing_that_is_ours_to_answer_reaches_an_engine(
    house: House, mira: Comfy, engine: LittleEngine, path: str, method: str
) -> None:
    await wake(house)
    engine.asked.clear()
    assert (await mira.ask(method, path, body=b"1" if method == "POST" else b"")).status in (404, 405)
    assert set(engine.asked) <= {"/system_stats"}, "which the service asks by itself, to see that the engine is well"


async def test_an_engines_own_list_of_files_is_off(house: House, mira: Comfy, engine: LittleEngine) -> None:
    await wake(house)
    engine.asked.clear()
    answer = await mira.get("/api/assets?limit=1")
    assert (answer.status, answer.json["error"]["code"], engine.asked) == (503, "SERVICE_DISABLED", [])


async def test_who_may_only_look_sees_what_is_known_and_asks_no_pack(house: House, mira: Comfy, engine: LittleEngine) -> None:
    await wake(house)
    looking = Comfy(house, await house.token(Scope.READ))
    engine.asked.clear()
    assert (await looking.get("/pack/colours")).status == 503
    assert (await looking.ask("POST", "/pack/echo", body=b"1")).status == 403
    assert engine.asked == []
    await mira.get("/pack/colours")
    mirror = house.service.mirrors.of("default")
    await until(lambda: mirror.find("/pack/colours", "all") is not None)  # it is kept beside the answer
    assert (await looking.get("/pack/colours")).status == 200


async def test_a_machine_that_breaks_off_is_told_with_what_to_do(house: House, mira: Comfy, engine: LittleEngine) -> None:
    async def gone(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    engine.handlers["/pack/echo"] = gone
    await wake(house)
    answer = await mira.ask("POST", "/pack/echo", body=b"1")
    assert answer.status == 502 and "look before you send it again" in answer.json["error"]["message"]


async def test_sockets_of_packs_go_through_both_ways(house: House, mira: Comfy) -> None:
    await wake(house)
    stream = await mira.connect("/pack/socket")
    stream.say({"a": 1})
    assert (await stream.next())["said"] == {"a": 1}  # type: ignore[typeddict-item]
    stream.say('"end"')
    assert await stream.until_closed() == 4001


async def test_a_socket_that_ends_here_ends_there(house: House, mira: Comfy, engine: LittleEngine) -> None:
    await wake(house)
    stream = await mira.connect("/pack/socket")
    await stream.close()


async def test_a_socket_wakes_nothing_and_may_be_tried_again(house: House, mira: Comfy) -> None:
    with pytest.raises(Denied) as denied:
        await mira.connect("/pack/socket")
    assert (denied.value.answer.status, house.state) == (503, MachineState.ASLEEP)


async def test_a_socket_that_no_pack_has_is_not_found(house: House, mira: Comfy) -> None:
    await wake(house)
    with pytest.raises(Denied) as denied:
        await mira.connect("/pack/none")
    assert denied.value.answer.status == 404


PIECE = bytes(1024 * 1024)
#: What may lie between two ends that are not equally fast: buffers of two sockets, and of what stands between.
SLACK = 24


class Raw:
    """A request of many pieces, counted as they are taken and given."""

    def __init__(self, house: House, method: str, path: str, pieces: int = 0) -> None:
        self.caller, self.method, self.path = Caller(house.gateway, house.mira.token), method, path
        self.left = self.pieces = pieces
        self.received = 0
        self.status = 0
        self.may_receive = asyncio.Event()
        self.done = asyncio.Event()

    async def receive(self) -> dict[str, object]:
        if self.left:
            self.left -= 1
            return {"type": "http.request", "body": PIECE, "more_body": self.left > 0}
        if not self.pieces:
            self.pieces = -1
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.done.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            self.status = int(str(message["status"]))
            return
        await self.may_receive.wait()
        body = message.get("body", b"")
        assert isinstance(body, bytes)
        self.received += len(body)
        if not message.get("more_body"):
            self.done.set()

    async def run(self) -> None:
        scope = self.caller._scope("http", "/comfy" + self.path, {"content-length": str(len(PIECE) * max(0, self.pieces))})
        await self.caller._app({**scope, "method": self.method}, self.receive, self.send)


async def test_a_large_body_is_taken_only_as_fast_as_the_machine_takes_it(house: House, engine: LittleEngine) -> None:
    go_on = asyncio.Event()
    taken = 0

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal taken
        async for piece in request.content.iter_any():
            taken += len(piece)
            await go_on.wait()
        return web.json_response(taken)

    engine.handlers["/pack/upload"] = slow
    await wake(house)
    upload = Raw(house, "POST", "/pack/upload", pieces=64)
    upload.may_receive.set()
    running = asyncio.create_task(upload.run())
    await until(lambda: taken > 0)
    await asyncio.sleep(0.3)
    assert 64 - upload.left < SLACK
    go_on.set()
    await running
    assert (upload.status, taken) == (200, 64 * len(PIECE))


async def test_a_large_answer_is_fetched_only_as_fast_as_its_caller_takes_it(house: House, engine: LittleEngine) -> None:
    given = 0

    async def large(request: web.Request) -> web.StreamResponse:
        nonlocal given
        answer = web.StreamResponse()
        answer.content_length = 64 * len(PIECE)
        await answer.prepare(request)
        for _ in range(64):
            await answer.write(PIECE)
            given += 1
        return answer

    engine.handlers["/pack/download"] = large
    await wake(house)
    download = Raw(house, "GET", "/pack/download")
    running = asyncio.create_task(download.run())
    await until(lambda: given > 0)
    await asyncio.sleep(0.3)
    assert given < SLACK
    download.may_receive.set()
    await running
    assert (download.status, download.received) == (200, 64 * len(PIECE))


async def test_an_answer_that_breaks_off_is_not_taken_for_whole_and_not_kept(
    house: House, mira: Comfy, engine: LittleEngine
) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        answer.content_length = 1000
        await answer.prepare(request)
        await answer.write(b"[1, 2")
        assert request.transport is not None
        request.transport.abort()
        return answer

    engine.handlers["/pack/half"] = half
    await wake(house)
    broken = Raw(house, "GET", "/pack/half")
    broken.may_receive.set()
    with pytest.raises(aiohttp.ClientPayloadError):
        await broken.run()
    assert not broken.done.is_set()
    await sleep(house)
    assert (await mira.get("/pack/half", sec_fetch_dest="empty")).status == 503
