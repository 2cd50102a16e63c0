"""What can be answered later is read of an engine, with as little asking as it takes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.little_engine import LittleEngine, running
from wake_service.clock import ManualClock
from wake_service.comfy.client import EngineClient
from wake_service.errors import EngineError
from wake_service.mirror.crawl import Crawl, Limits
from wake_service.mirror.mirror import Mirror
from wake_service.mirror.model import Copy
from wake_service.mirror.shelf import Shelf

PAGE = '<script src="./assets/index-B2rHQ9Sn.js"></script><link href="./assets/app-BmK3YsXN.css">'


@pytest.fixture
async def engine() -> AsyncIterator[LittleEngine]:
    engine = LittleEngine(
        **{
            "/models": ["checkpoints", "loras"],
            "/models/loras": ["ink.safetensors"],
            "/models/checkpoints": [],
            "/experiment/models": [{"name": "vae", "folders": []}],
            "/experiment/models/vae": [],
            "/extensions": ["/extensions/my%20pack/a.js"],
            "/extensions/my pack/a.js": 'import { app } from "/scripts/app.js"; import "./b.js";',
            "/extensions/my pack/b.js": "export const b = 1",
            "/scripts/app.js": "export const app = {}",
            "/": PAGE,
            "/assets/index-B2rHQ9Sn.js": "import(`./late-12345678.js`)",
            "/assets/late-12345678.js": "export default 1",
            "/assets/app-BmK3YsXN.css": "a{background:url(images/b.png)}",
            "/assets/images/b.png": b"\x89PNG",
            "/docs/KSampler/en.md": "# KSampler",
            "/templates/index.json": [{"templates": [{"name": "basic", "mediaSubtype": "webp"}]}],
            "/templates/basic.json": {"nodes": []},
            "/templates/basic-1.webp": b"RIFF",
        }
    )
    async with running(engine):
        yield engine


@pytest.fixture
async def client(engine: LittleEngine) -> AsyncIterator[EngineClient]:
    client = engine.client()
    yield client
    await client.close()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "mirror")


async def crawl(client: EngineClient, shelf: Shelf, known: Copy | None = None, **more: object) -> Copy:
    copy = await Crawl(client, shelf, ManualClock(), known, **more).run()  # type: ignore[arg-type]
    await asyncio.to_thread(shelf.commit, copy)
    return copy


async def test_facts_models_packs_and_page_are_read(client: EngineClient, shelf: Shelf) -> None:
    copy = await crawl(client, shelf)
    wanted = {"/system_stats", "/object_info", "/models", "/models/loras", "/models/checkpoints", "/experiment/models/vae"}
    files = {"/", "/assets/index-B2rHQ9Sn.js", "/assets/late-12345678.js", "/assets/app-BmK3YsXN.css", "/assets/images/b.png"}
    packs = {"/extensions/my pack/a.js", "/extensions/my pack/b.js", "/scripts/app.js"}
    later = {"/docs/KSampler/en.md", "/templates/basic.json", "/templates/basic-1.webp"}
    assert wanted | files | packs | later <= copy.entries.keys()
    assert shelf.read(copy.entries["/"].sha256) == PAGE.encode()


async def test_that_an_engine_lacks_something_is_kept_too(client: EngineClient, shelf: Shelf) -> None:
    copy = await crawl(client, shelf)
    assert copy.entries["/node_replacements"].status == 404
    assert "/etn/model_info/checkpoints" not in copy.entries


async def test_scripts_of_packs_are_kept_with_imports_that_hold_below_a_prefix(client: EngineClient, shelf: Shelf) -> None:
    copy = await crawl(client, shelf)
    assert b'from "../../scripts/app.js"' in shelf.read(copy.entries["/extensions/my pack/a.js"].sha256)


async def test_what_packs_ask_for_when_the_page_opens_is_known_and_only_where_machines_are_shared(
    engine: LittleEngine, client: EngineClient, shelf: Shelf
) -> None:
    engine.answers |= {"/pack/colours": {"red": "#f00"}, "/pack/pic.png": b"PNG"}
    engine.answers["/extensions/my pack/b.js"] = (
        'api.fetchApi("/pack/colours"); api.fetchApi("/pack/pic.png"); fetchApi("/pack/x")'
    )
    copy = await crawl(client, shelf)
    assert "/pack/colours" in copy.entries and not {"/pack/pic.png", "/pack/x"} & copy.entries.keys()
    engine.asked.clear()
    assert "/pack/colours" not in (await crawl(client, shelf, ask_packs=False)).entries
    assert "/pack/colours" not in engine.asked


async def test_a_second_reading_asks_for_no_file_of_the_same_page(
    engine: LittleEngine, client: EngineClient, shelf: Shelf
) -> None:
    first = await crawl(client, shelf)
    engine.asked.clear()
    second = await crawl(client, shelf, first)
    assert second.key == first.key and second.entries.keys() == first.entries.keys()
    assert not [path for path in engine.asked if path.startswith(("/assets/", "/templates/", "/docs/"))]


async def test_a_pack_that_changed_is_read_again_and_the_rest_only_asked_whether_it_did(
    engine: LittleEngine, client: EngineClient, shelf: Shelf
) -> None:
    first = await crawl(client, shelf)
    engine.answers["/extensions/my pack/b.js"] = "export const b = 2"
    second = await crawl(client, shelf, first)
    assert shelf.read(second.entries["/extensions/my pack/b.js"].sha256) == b"export const b = 2"
    assert second.entries["/extensions/my pack/a.js"] is first.entries["/extensions/my pack/a.js"]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/object_info", {"KSampler": {}, "New": {}}),
        ("/system_stats", {"system": {"comfyui_version": "0.46"}}),
        ("/extensions", []),
        ("/", "<html>another page"),
    ],
)
async def test_another_image_pack_model_or_page_is_another_key(
    engine: LittleEngine, client: EngineClient, shelf: Shelf, path: str, answer: object
) -> None:
    first = await crawl(client, shelf)
    engine.answers[path] = answer
    assert (await crawl(client, shelf, first)).key != first.key


async def test_uploads_and_free_memory_make_no_other_key(engine: LittleEngine, client: EngineClient, shelf: Shelf) -> None:
    first = await crawl(client, shelf)
    spec = [["hers.png"], {"image_upload": True}]
    engine.answers["/object_info"]["LoadImage"] = {"input": {"required": {"image": [[], {"image_upload": True}]}}}
    second = await crawl(client, shelf, first)
    engine.answers["/object_info"]["LoadImage"]["input"]["required"]["image"] = spec
    engine.answers["/system_stats"] = {"system": {"comfyui_version": "0.45.2", "ram_free": 5}}
    assert (await crawl(client, shelf, second)).key == second.key


async def test_a_file_that_is_gone_is_gone_from_the_copy(engine: LittleEngine, client: EngineClient, shelf: Shelf) -> None:
    first = await crawl(client, shelf)
    del engine.answers["/assets/late-12345678.js"]
    engine.answers["/"] = PAGE + "<!-- newer -->"
    assert "/assets/late-12345678.js" not in (await crawl(client, shelf, first)).entries


async def test_an_engine_that_goes_in_the_middle_gives_no_copy(engine: LittleEngine, client: EngineClient, shelf: Shelf) -> None:
    async def gone(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    engine.handlers["/assets/app-BmK3YsXN.css"] = gone
    with pytest.raises(EngineError):
        await crawl(client, shelf)


async def test_a_fact_it_stumbles_over_just_now_stays_as_it_was(engine: LittleEngine, client: EngineClient, shelf: Shelf) -> None:
    first = await crawl(client, shelf)

    async def fails(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    engine.handlers["/models/loras"] = fails
    assert (await crawl(client, shelf, first)).entries["/models/loras"] == first.entries["/models/loras"]


async def test_what_is_no_engine_gives_no_copy(engine: LittleEngine, client: EngineClient, shelf: Shelf) -> None:
    del engine.answers["/object_info"]
    with pytest.raises(EngineError, match="object_info"):
        await crawl(client, shelf)


async def test_a_page_without_end_is_read_up_to_the_limit(engine: LittleEngine, client: EngineClient, shelf: Shelf) -> None:
    async def more(request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["path"].removesuffix(".js").rpartition("-")[2])
        engine.handlers[f"/assets/x-{number + 1}.js"] = more
        return web.Response(text=f'import "./x-{number + 1}.js"', content_type="text/javascript")

    engine.handlers["/assets/x-0.js"] = more
    engine.answers["/assets/index-B2rHQ9Sn.js"] = 'import "./x-0.js"'
    copy = await crawl(client, shelf, limits=Limits(files=60))
    assert len(copy.entries) <= 61


async def test_an_answer_that_is_too_large_is_left_out(engine: LittleEngine, client: EngineClient, shelf: Shelf) -> None:
    engine.answers["/assets/images/b.png"] = bytes(200_000)
    copy = await crawl(client, shelf, limits=Limits(file_bytes=100_000))
    assert "/assets/images/b.png" not in copy.entries and "/assets/app-BmK3YsXN.css" in copy.entries


async def test_nothing_is_asked_while_the_engine_has_better_things_to_do(
    engine: LittleEngine, client: EngineClient, shelf: Shelf
) -> None:
    idle = asyncio.Event()

    async def rest() -> None:
        await idle.wait()

    reading = asyncio.create_task(crawl(client, shelf, rest=rest))
    await asyncio.sleep(0.05)
    assert engine.asked == []
    idle.set()
    assert (await reading).entries


async def test_the_tooling_pack_is_asked_for_its_models_in_parts(
    engine: LittleEngine, client: EngineClient, shelf: Shelf
) -> None:
    models = {f"m{number}.safetensors": {"base_model": "sdxl"} for number in range(19)}

    async def info(request: web.Request) -> web.StreamResponse:
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        part = dict(list(models.items())[offset : offset + limit])
        return web.json_response({**part, "_meta": {"offset": offset, "count": len(part), "total": len(models)}})

    engine.answers["/api/etn/languages"] = [{"code": "de", "name": "Deutsch"}]
    engine.handlers["/api/etn/model_info/checkpoints"] = info
    copy = await crawl(client, shelf)
    assert list(json.loads(shelf.read(copy.entries["/etn/model_info/checkpoints"].sha256))) == list(models)
    assert copy.entries["/etn/languages"].status == 200


async def test_machines_that_are_the_same_are_known_by_one_copy_and_others_are_not(
    engine: LittleEngine, client: EngineClient, tmp_path: Path
) -> None:
    mirror, second, third = Mirror("default", tmp_path / "pool", ManualClock()), engine.client(), engine.client()
    for each in (client, second):
        await mirror.refresh(each)
    assert mirror.is_of(client) and mirror.is_of(second) and not mirror.is_of(third)
    engine.answers["/system_stats"] = {"system": {"comfyui_version": "0.46"}}
    await mirror.refresh(third)
    assert mirror.is_of(third) and not mirror.is_of(client)
    for other in (second, third):
        await other.close()
    await mirror.stop()


async def test_what_was_read_of_an_engine_that_went_is_better_than_nothing(
    engine: LittleEngine, client: EngineClient, tmp_path: Path
) -> None:
    mirror = Mirror("default", tmp_path / "pool", ManualClock())

    async def gone(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    engine.handlers["/"] = gone
    await mirror.refresh(client)
    assert mirror.find("/object_info") and mirror.is_empty and not mirror.is_of(client)
    del engine.handlers["/"]
    await mirror.refresh(client)
    whole = mirror.copy
    engine.handlers["/assets/app-BmK3YsXN.css"] = gone
    engine.answers |= {"/": PAGE + "<!-- newer -->", "/models/loras": []}
    await mirror.refresh(client)
    assert mirror.copy is whole
    await mirror.stop()


async def test_what_was_asked_last_is_on_disk_when_the_service_ends(
    engine: LittleEngine, client: EngineClient, tmp_path: Path
) -> None:
    mirror = Mirror("default", tmp_path / "pool", ManualClock())
    await mirror.refresh(client)
    engine.answers["/models/loras"] = ["new.safetensors"]
    entry = await mirror.renew(client, "/models/loras")
    await mirror.stop()
    again = Mirror("default", tmp_path / "pool", ManualClock())
    await again.load()
    found = again.find("/models/loras")
    assert found is not None and entry is not None and found.sha256 == entry.sha256
    assert again.copy.key == mirror.copy.key


async def test_an_engine_that_does_not_say_is_no_engine_that_has_nothing(
    engine: LittleEngine, client: EngineClient, tmp_path: Path
) -> None:
    mirror = Mirror("default", tmp_path / "pool", ManualClock())

    async def fails(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    engine.handlers["/assets/app-BmK3YsXN.css"] = fails
    with pytest.raises(EngineError, match="500"):
        await mirror.renew(client, "/assets/app-BmK3YsXN.css")
    assert await mirror.renew(client, "/assets/none.css") is None
    del engine.handlers["/assets/app-BmK3YsXN.css"]
    known = await mirror.renew(client, "/assets/app-BmK3YsXN.css")
    engine.handlers["/assets/app-BmK3YsXN.css"] = fails
    assert known is not None and await mirror.renew(client, "/assets/app-BmK3YsXN.css") is known
    await mirror.stop()
