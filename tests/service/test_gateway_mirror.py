"""What an engine says of itself is answered at once while it sleeps, and as it is now while it is awake."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.service.comfy_client import Comfy, sleep, until, wake
from tests.service.house import House
from tests.support.asgi import Caller
from tests.support.little_engine import LittleEngine, running
from wake_service.accounts.tokens import Scope
from wake_service.files import records as files
from wake_service.files.model import file_name
from wake_service.machines.model import MachineState
from wake_service.mirror.archive import export_archive
from wake_service.store.store import Transaction

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
UPLOADS = {"input": {"required": {"image": [["theirs.png"], {"image_upload": True}]}}}


@pytest.fixture
async def engine() -> AsyncIterator[LittleEngine]:
    engine = LittleEngine(
        **{
            "/object_info": {"LoadImage": UPLOADS, **{f"Node{n}": {"input": {"required": {}}} for n in range(500)}},
            "/features": {"supports_preview_metadata": True, "assets": True, "max_upload_size": 5},
            "/models": ["loras"],
            "/models/loras": ["ink.safetensors"],
            "/extensions": ["/extensions/pack/a.js"],
            "/extensions/pack/a.js": 'import { app } from "/scripts/app.js"',
            "/": '<script src="./assets/index-B2rHQ9Sn.js"></script>' + "<p>hello</p>" * 200,
            "/assets/index-B2rHQ9Sn.js": "export const page = 1;" * 100,
            "/pack/colours": {"red": "#f00"},
        }
    )
    async with running(engine):
        yield engine


@pytest.fixture
async def house(tmp_path: Path, engine: LittleEngine) -> AsyncIterator[House]:
    async with House(tmp_path / "data", engine.address).open() as house:
        yield house


@pytest.fixture
def mira(house: House) -> Comfy:
    return Comfy(house, house.mira)


async def give(house: House, name: str, artist_id: str) -> None:
    """An upload of somebody's, without the way it came."""
    blob = await house.service.shelf.put(PNG + name.encode())

    def work(tx: Transaction) -> None:
        files.add_upload(
            tx,
            artist_id=artist_id,
            name=file_name("input", "", name),
            sha256=blob.sha256,
            size=blob.size,
            media_type="image/png",
            overwrite=False,
            now=house.clock.now(),
        )

    await house.service.store.write(work)
    house.service.folders.changed(artist_id)


async def artist_of(house: House, who: Caller) -> str:
    identity = await house.service.identify(who.token or "")
    assert identity is not None
    return identity.artist_id


async def test_a_sleeping_machine_is_answered_for_at_once_and_stays_asleep(
    house: House, mira: Comfy, engine: LittleEngine
) -> None:
    await wake(house)
    await sleep(house)
    engine.asked.clear()
    for path in (
        "/system_stats",
        "/api/object_info",
        "/models",
        "/models/loras",
        "/extensions",
        "/features",
        "/",
        "/extensions/pack/a.js",
    ):
        assert (await mira.get(path)).status == 200, path
    assert (await mira.get("/node_replacements")).status == 404
    assert engine.asked == [] and house.state is MachineState.ASLEEP


async def test_a_restarted_service_still_answers_for_it(house: House, mira: Comfy, tmp_path: Path, engine: LittleEngine) -> None:
    await wake(house)
    await sleep(house)
    await house.service.stop()
    async with House(tmp_path / "data", engine.address).open() as again:
        engine.asked.clear()
        assert (await Comfy(again, again.mira).get("/models/loras")).json == ["ink.safetensors"]
        assert engine.asked == []


async def test_with_its_etag_nothing_is_sent_twice(house: House, mira: Comfy) -> None:
    await wake(house)
    await sleep(house)
    for path in ("/object_info", "/models", "/assets/index-B2rHQ9Sn.js"):
        first = await mira.get(path)
        again = await mira.get(path, if_none_match=f'"other", {first.headers["etag"]}')
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])


async def test_who_can_unpack_gets_it_packed(house: House, mira: Comfy) -> None:
    await wake(house)
    await sleep(house)
    for path in ("/object_info", "/", "/assets/index-B2rHQ9Sn.js"):
        plain, packed = await mira.get(path), await mira.get(path, accept_encoding="br, gzip;q=0.8")
        assert packed.headers["content-encoding"] == "gzip" and len(packed.body) < len(plain.body)
        assert gzip.decompress(packed.body) == plain.body
        assert "content-encoding" not in (await mira.get(path, accept_encoding="gzip;q=0")).headers


async def test_only_what_is_named_by_its_content_is_kept_by_browsers(house: House, mira: Comfy) -> None:
    await wake(house)
    assert "immutable" in (await mira.get("/assets/index-B2rHQ9Sn.js")).headers["cache-control"]
    for path in ("/", "/object_info", "/extensions/pack/a.js"):
        assert "no-cache" in (await mira.get(path)).headers["cache-control"]


async def test_each_artist_is_offered_her_own_uploads_and_no_others(house: House, mira: Comfy) -> None:
    await wake(house)
    await sleep(house)
    await give(house, "mine.png", await artist_of(house, house.mira))
    await give(house, "hers.png", await artist_of(house, house.noor))

    async def offered(who: Comfy, path: str) -> list[str]:
        names: list[str] = (await who.get(path)).json["LoadImage"]["input"]["required"]["image"][0]
        return names

    noor = Comfy(house, house.noor)
    assert await offered(mira, "/object_info") == ["mine.png"]
    assert await offered(noor, "/api/object_info/LoadImage") == ["hers.png"]
    await give(house, "another.png", await artist_of(house, house.mira))
    assert await offered(mira, "/object_info") == ["another.png", "mine.png"]


async def test_one_class_is_told_alone_and_an_unknown_one_is_nothing(house: House, mira: Comfy) -> None:
    await wake(house)
    assert list((await mira.get("/object_info/LoadImage")).json) == ["LoadImage"]
    assert (await mira.get("/object_info/Nothing")).json == {}


async def test_a_model_that_was_added_is_seen_soon_and_at_once_when_asked_for(
    house: House, mira: Comfy, engine: LittleEngine
) -> None:
    await wake(house)
    engine.answers["/models/loras"] = ["ink.safetensors", "new.safetensors"]
    assert (await mira.get("/models/loras", cache_control="no-cache")).json == ["ink.safetensors", "new.safetensors"]
    engine.answers["/models/loras"] = []
    await house.clock.advance(31)
    assert (await mira.get("/models/loras")).json == []
    await sleep(house)
    assert (await mira.get("/models/loras")).json == []


async def test_what_is_ours_to_say_of_its_features_is_said_even_before_any_machine_woke(house: House, mira: Comfy) -> None:
    for _ in range(2):
        said = (await mira.get("/features")).json
        assert (said["assets"], said["max_upload_size"]) == (False, house.service.settings.gateway_max_body_bytes)
        await wake(house)


async def test_an_engine_that_hangs_is_answered_for(
    house: House, mira: Comfy, engine: LittleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wake_service.mirror.mirror.RENEW_SECONDS", 0.1)
    await wake(house)
    released = asyncio.Event()

    async def hangs(request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    engine.handlers["/system_stats"] = hangs
    assert (await mira.get("/system_stats")).json["system"]["comfyui_version"] == "0.45.2"
    released.set()


async def test_many_who_ask_for_the_same_ask_the_engine_once(house: House, mira: Comfy, engine: LittleEngine) -> None:
    await wake(house)
    engine.asked.clear()
    answers = await asyncio.gather(*(mira.get("/system_stats") for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert len(engine.asked) < 5


async def test_the_pages_files_are_those_of_the_machine_that_is_awake(house: House, mira: Comfy, engine: LittleEngine) -> None:
    await wake(house)
    await sleep(house)
    engine.answers["/"] = "<p>newer</p>"
    await wake(house)
    assert (await mira.get("/")).body == b"<p>newer</p>"


async def test_packs_import_by_paths_that_hold_below_a_link(house: House, mira: Comfy) -> None:
    await wake(house)
    assert b'"../../scripts/app.js"' in (await mira.get("/extensions/pack/a.js")).body


async def test_a_file_that_is_not_there_is_not_asked_for_while_all_sleeps(house: House, mira: Comfy) -> None:
    await wake(house)
    await sleep(house)
    for path in ("/assets/none-12345678.js", "/favicon.ico", "/extensions/pack/none.css"):
        assert (await mira.get(path)).status == 404
    assert house.state is MachineState.ASLEEP


async def test_a_pool_that_never_woke_begins_with_what_its_image_was_built_with(
    tmp_path: Path, house: House, engine: LittleEngine
) -> None:
    await wake(house)
    mirror = house.service.mirrors.of("default")
    archive = tmp_path / "new" / "images" / "ami-1" / "mirror.tar.gz"
    archive.parent.mkdir(parents=True)
    export_archive(mirror.copy, mirror.shelf, archive)
    async with House(tmp_path / "new", engine.address).open() as new:
        engine.asked.clear()
        await until(lambda: not new.service.mirrors.of("default").is_empty)
        assert (await Comfy(new, new.mira).get("/models/loras")).json == ["ink.safetensors"]
        assert new.state is MachineState.ASLEEP and engine.asked == []


async def test_the_page_of_a_pool_that_never_woke_wakes_it_and_comes_then(house: House, mira: Comfy) -> None:
    asked = asyncio.create_task(mira.get("/", sec_fetch_dest="document"))
    await house.until(MachineState.READY)
    async with asyncio.timeout(10):
        while not asked.done():
            await house.clock.advance(0.25)
            await asyncio.sleep(0.005)
    assert b"hello" in (await asked).body


async def test_who_may_only_look_wakes_nothing(house: House) -> None:
    looking = Comfy(house, await house.token(Scope.READ))
    refused = await looking.get("/object_info")
    assert (refused.status, house.state) == (503, MachineState.ASLEEP)
    assert "retry-after" in refused.headers and "sleeps" in refused.json["error"]["message"]


async def test_logs_and_folders_of_a_machine_are_not_told(house: House, mira: Comfy, engine: LittleEngine) -> None:
    engine.answers |= {"/internal/logs": "secrets", "/internal/folder_paths": {"loras": ["/opt"]}, "/internal/secrets": {"a": 1}}
    await wake(house)
    engine.asked.clear()
    assert (await mira.get("/internal/logs")).json == ""
    assert (await mira.get("/internal/logs/raw")).json["entries"] == []
    assert (await mira.get("/internal/folder_paths")).json == {}
    assert (await mira.get("/internal/secrets")).status == 404
    assert (await mira.get("/api/internal/logs")).status in (200, 404)
    assert engine.asked == []


async def test_lists_of_files_in_the_page_are_the_artists_own(house: House, mira: Comfy) -> None:
    await give(house, "mine.png", await artist_of(house, house.mira))
    await house.clock.advance(1)
    await give(house, "newer.png", await artist_of(house, house.mira))
    assert (await mira.get("/internal/files/input")).json == ["newer.png", "mine.png"]
    assert (await Comfy(house, house.noor).get("/internal/files/input")).json == []
    assert (await mira.get("/internal/files/models")).status == 400


async def test_memory_is_let_go_of_when_nobody_works_and_a_sleeping_machine_is_left_alone(
    house: House, mira: Comfy, engine: LittleEngine
) -> None:
    assert (await mira.post("/free", json={"unload_models": True})).status == 200
    assert house.state is MachineState.ASLEEP
    engine.answers["/free"] = {}
    await wake(house)
    assert (await mira.post("/api/free", json={"unload_models": True})).status == 200
    assert "/api/free" in engine.asked
