"""The node pack of a widely used Krita plugin: its pictures travel with their graphs, its models are known while all sleeps."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.service.comfy_client import Comfy, sleep, until, wake
from tests.service.house import House
from tests.support.little_engine import LittleEngine, running
from tests.support.pictures import png
from wake_service.machines.model import MachineState

GRAPH = {
    "1": {"class_type": "ETN_LoadImageCache", "inputs": {"id": "canvas-1"}},
    "2": {"class_type": "ETN_SaveImageCache", "inputs": {"images": ["1", 0], "format": "PNG"}},
}
MADE = "0123456789abcdef0123456789abcdef"
MODELS = {f"m{number}.safetensors": {"base_model": "sdxl"} for number in range(11)}
NODES = {
    "ETN_LoadImageCache": {"input": {"required": {"id": ["STRING", {}]}}, "output": ["IMAGE", "MASK"]},
    "ETN_SaveImageCache": {
        "input": {"required": {"images": ["IMAGE"], "format": [["PNG", "JPEG"], {}]}},
        "output": [],
        "output_node": True,
    },
}


class ToolingEngine(LittleEngine):
    """An engine with the pack: it keeps pictures in its memory, and makes one of each prompt."""

    def __init__(self) -> None:
        super().__init__(
            **{
                "/object_info": NODES,
                "/api/etn/languages": [{"code": "de", "name": "Deutsch"}],
                "/models/loras": ["ink.safetensors"],
                "/models": ["loras"],
                "/queue": {"queue_running": [], "queue_pending": []},
            }
        )
        self.cache: dict[str, bytes] = {MADE: png(8, 8)}
        self.graphs: list[dict[str, Any]] = []
        self.socket: web.WebSocketResponse | None = None
        self.handlers |= {"/ws": self._ws, "/prompt": self._prompt, "/etn/model_info/checkpoints": self._info}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/api/etn/image/"):
            return await self._image(request)
        if request.path.startswith("/history/"):
            return web.json_response({})
        return await super().answer(request)

    async def _image(self, request: web.Request) -> web.StreamResponse:
        image_id = request.path.rpartition("/")[2]
        if request.method == "PUT":
            self.cache[image_id] = await request.read()
            return web.json_response({"status": "success"}, status=201)
        return web.Response(body=self.cache[image_id], content_type="image/png")

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        self.socket = web.WebSocketResponse()
        await self.socket.prepare(request)
        async for _ in self.socket:
            continue
        return self.socket

    async def _prompt(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.graphs.append(body["prompt"])
        self._task = asyncio.create_task(self._paint(body["prompt_id"]))
        return web.json_response({"prompt_id": body["prompt_id"], "number": 1, "node_errors": {}})

    async def _paint(self, prompt_id: str) -> None:
        about = {"prompt_id": prompt_id, "timestamp": 1}
        image = {"source": "http", "id": MADE, "content-type": "image/png", "type": "output"}
        executed = {"node": "2", "display_node": "2", "output": {"images": [image]}, "prompt_id": prompt_id}
        assert self.socket is not None
        for kind, data in (
            ("execution_start", about),
            ("executing", {"node": "2", "display_node": "2", "prompt_id": prompt_id}),
            ("executed", executed),
            ("execution_success", about),
            ("executing", {"node": None, "prompt_id": prompt_id}),
        ):
            await self.socket.send_json({"type": kind, "data": data})

    async def _info(self, request: web.Request) -> web.StreamResponse:
        offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", 1000))
        part: dict[str, Any] = dict(list(MODELS.items())[offset : offset + limit])
        if "limit" in request.query:
            part["_meta"] = {"offset": offset, "count": len(part), "total": len(MODELS)}
        return web.json_response(part)


@pytest.fixture
async def engine() -> AsyncIterator[ToolingEngine]:
    async with running(ToolingEngine()) as engine:
        assert isinstance(engine, ToolingEngine)
        yield engine


@pytest.fixture
async def house(tmp_path: Path, engine: ToolingEngine) -> AsyncIterator[House]:
    async with House(tmp_path / "data", engine.address).open() as house:
        yield house


@pytest.fixture
def mira(house: House) -> Comfy:
    return Comfy(house, house.mira)


async def put(who: Comfy, image_id: str, data: bytes) -> int:
    return (await who.ask("PUT", f"/api/etn/image/{image_id}", body=data)).status


async def test_a_picture_is_taken_while_all_sleeps_and_only_once(house: House, mira: Comfy) -> None:
    assert [await put(mira, "canvas-1", png(4, 4)) for _ in range(2)] == [201, 200]
    answer = await mira.get("/api/etn/image/canvas-1")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "image/png", png(4, 4))
    assert house.state is MachineState.ASLEEP


async def test_a_picture_that_was_sent_long_ago_is_taken_again_so_that_it_stays(house: House, mira: Comfy) -> None:
    await put(mira, "canvas-1", png(4, 4))
    await house.clock.advance(2 * 3600)
    assert [await put(mira, "canvas-1", png(4, 4)) for _ in range(2)] == [201, 200]


async def test_a_picture_is_its_artists_alone(house: House, mira: Comfy) -> None:
    await put(mira, "canvas-1", png(4, 4))
    assert (await Comfy(house, house.noor).get("/etn/image/canvas-1")).json == {"error": "Image not found"}


@pytest.mark.parametrize("image_id", ["..", "a%2Fb", "%00", "x" * 129, "a b"])
async def test_an_id_that_could_lead_elsewhere_is_none(mira: Comfy, image_id: str) -> None:
    assert await put(mira, image_id, png(4, 4)) in (400, 404)


async def test_it_comes_to_the_machine_that_wakes_for_it_and_what_that_makes_outlives_it(
    house: House, mira: Comfy, engine: ToolingEngine
) -> None:
    await put(mira, "canvas-1", png(4, 4))
    prompt_id = str(uuid.uuid4())
    socket = await mira.connect("/ws?clientId=krita")
    answer = await mira.post("/prompt", json={"prompt": GRAPH, "client_id": "krita", "prompt_id": prompt_id})
    assert answer.status == 200, answer.body
    await house.until(MachineState.BUSY)
    executed = await socket.until_type("executed")
    (loaded,) = [graph["1"]["inputs"]["id"] for graph in engine.graphs]
    assert engine.cache[loaded] == png(4, 4)
    (image,) = executed["data"]["output"]["images"]
    await socket.close()
    engine.cache.clear()
    await until(lambda: house.state is not MachineState.BUSY)
    await sleep(house)
    assert (await mira.get(f"/api/etn/image/{image['id']}")).body == png(8, 8)
    assert (await Comfy(house, house.noor).get(f"/api/etn/image/{image['id']}")).status == 404


async def test_a_graph_that_names_a_picture_which_was_not_sent_is_refused_at_once(house: House, mira: Comfy) -> None:
    answer = await mira.post("/prompt", json={"prompt": GRAPH})
    assert answer.status == 400 and "canvas-1" in str(answer.json["node_errors"]["1"])
    assert house.state is MachineState.ASLEEP


async def test_what_is_known_of_models_is_told_in_parts_while_the_machine_sleeps(house: House, mira: Comfy) -> None:
    await wake(house)
    await sleep(house)
    first = (await mira.get("/api/etn/model_info/checkpoints?offset=0&limit=8")).json
    second = (await mira.get("/api/etn/model_info/checkpoints?offset=8&limit=8")).json
    assert first.pop("_meta") == {"offset": 0, "count": 8, "total": 11}
    assert second.pop("_meta") == {"offset": 8, "count": 3, "total": 11}
    assert first | second == MODELS
    assert (await mira.get("/api/etn/model_info/checkpoints")).json == MODELS
    assert (await mira.get("/api/etn/languages")).json[0]["code"] == "de"
    assert (await mira.get("/api/etn/model_info/unet_gguf?offset=0&limit=8")).status == 404
    assert house.state is MachineState.ASLEEP


@pytest.mark.parametrize("query", ["offset=-1", "limit=x", "limit=99999999999", "offset=%D9%A1"])
async def test_a_part_that_cannot_be_is_refused(house: House, mira: Comfy, query: str) -> None:
    await wake(house)
    assert (await mira.get(f"/etn/model_info/checkpoints?{query}")).status == 400


async def test_a_model_that_is_there_is_welcome_and_others_are_for_the_admin(
    house: House, mira: Comfy, engine: ToolingEngine
) -> None:
    await wake(house)
    engine.asked.clear()
    assert (await mira.ask("PUT", "/api/etn/upload/loras/ink.safetensors", body=b"x")).json == {"status": "cached"}
    refused = await mira.ask("PUT", "/api/etn/upload/loras/new.safetensors", body=b"x")
    assert refused.status == 403 and "admin" in refused.json["error"]
    assert engine.asked == []


async def test_a_workflow_that_her_page_shows_reaches_her_other_programs_and_nobody_elses(house: House, mira: Comfy) -> None:
    noor = Comfy(house, house.noor)
    hers, others = await mira.connect("/ws?clientId=krita"), await noor.connect("/ws?clientId=krita")
    for who in (mira, noor):
        assert (await who.post("/api/etn/workflow/subscribe", json={"client_id": "krita"})).status == 200
    shown = {"name": "ComfyUI Web", "client_id": "page", "workflow": {"1": {}}}
    assert (await mira.post("/api/etn/workflow/publish", json=shown)).json == {"status": "success"}
    told = (await hers.until_type("etn_workflow_published"))["data"]
    assert told == {"publisher": {"name": "ComfyUI Web", "id": "page"}, "workflow": {"1": {}}}
    await mira.post("/api/etn/workflow/unsubscribe", json={"client_id": "krita"})
    await mira.post("/api/etn/workflow/publish", json=shown)
    assert [each["type"] for each in others.seen if each["type"] != "status"] == []
    assert (await mira.post("/api/etn/workflow/publish", json={"name": "x"})).status == 400
    await hers.close()
    await others.close()
    assert house.state is MachineState.ASLEEP
