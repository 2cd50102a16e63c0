"""How long an artist's files are kept, and what goes when she deletes her pictures."""

from __future__ import annotations

import hashlib
import uuid
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tests.service.house import House
from tests.support.asgi import Caller
from tests.support.forms import upload_image
from tests.support.pictures import png
from wake_service.blobs.life import DAY, GRACE_SECONDS
from wake_service.files import records
from wake_service.files.asset_records import Asset, add
from wake_service.files.model import parse
from wake_service.store.tables import assets, files, jobs, userdata, workflows

RED = png(8, 8, (255, 0, 0))
CHECKSUM = hashlib.sha256(RED).hexdigest()


@pytest.fixture
def mira(house: House) -> Caller:
    return house.at_gateway(house.mira)


@pytest.fixture
def noor(house: House) -> Caller:
    return house.at_gateway(house.noor)


async def later(house: House, seconds: float) -> None:
    """Leaps over a long time in which nobody does anything, and sweeps."""
    house.clock._now += seconds + GRACE_SECONDS
    await house.service.sweeper.sweep()


async def is_there(who: Caller, name: str, kind: str = "input") -> bool:
    return (await who.ask("GET", f"/comfy/view?filename={name}&type={kind}")).status == 200


async def artist_id(house: House, who: Caller) -> str:
    identity = await house.service.identify(who.token or "")
    assert identity is not None
    return identity.artist_id


async def prompt(who: Caller, name: str = "a.png") -> str:
    """Asks for a graph that starts from a file; the id."""
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "secret/garden"}},
    }
    prompt_id = str(uuid.uuid4())
    answer = await who.ask("POST", "/comfy/prompt", json={"prompt": graph, "prompt_id": prompt_id, "extra_data": {"a": "secret"}})
    assert answer.status == 200, answer.body
    return prompt_id


async def end(who: Caller, prompt_id: str) -> None:
    assert (await who.ask("POST", "/comfy/queue", json={"delete": [prompt_id]})).status == 200


async def make(house: House, who: Caller, job_id: str, name: str = "x_00001_.png", folder: str = "output") -> str:
    """What a machine makes for a job: a file in its artist's folders."""
    blob = await house.service.shelf.put(RED)
    add_output = partial(records.add_output, artist_id=await artist_id(house, who), folder=folder, subfolder="", name=name)
    now = house.clock.now()
    kept = partial(add_output, sha256=blob.sha256, size=blob.size, media_type="image/png", job_id=job_id, node_id="2", now=now)
    return (await house.service.store.write(kept)).name


async def test_an_upload_that_nobody_used_is_kept_its_days(house: House, mira: Caller) -> None:
    await upload_image(mira, "a.png", RED)
    await later(house, 90 * DAY - 2 * GRACE_SECONDS)
    assert await is_there(mira, "a.png")
    await later(house, GRACE_SECONDS)
    assert not await is_there(mira, "a.png")
    assert not await house.blobs.exists(CHECKSUM)


async def test_an_upload_is_kept_anew_from_its_last_use(house: House, mira: Caller) -> None:
    await upload_image(mira, "a.png", RED)
    prompt_id = await prompt(mira)
    await later(house, 200 * DAY)
    assert await is_there(mira, "a.png"), "it went although a job waits for it"
    await end(mira, prompt_id)
    await later(house, 89 * DAY)
    assert await is_there(mira, "a.png"), "it went although a job used it 89 days ago"
    await later(house, 1 * DAY)
    assert not await is_there(mira, "a.png")


async def test_another_artist_s_job_keeps_nothing_of_hers(house: House, mira: Caller, noor: Caller) -> None:
    await upload_image(mira, "a.png", RED)
    await upload_image(noor, "a.png", RED)
    await prompt(noor)
    await later(house, 90 * DAY)
    assert not await is_there(mira, "a.png") and await is_there(noor, "a.png")


async def test_what_a_job_made_goes_with_its_results_and_what_was_for_a_look_after_a_day(house: House, mira: Caller) -> None:
    await upload_image(mira, "a.png", png())
    prompt_id = await prompt(mira)
    made, shown = await make(house, mira, prompt_id), await make(house, mira, prompt_id, folder="temp")
    await later(house, 3 * DAY)
    assert await is_there(mira, made, "output") and await is_there(mira, shown, "temp"), "it went before its job's end"
    await end(mira, prompt_id)
    await later(house, 1 * DAY)
    assert await is_there(mira, made, "output") and not await is_there(mira, shown, "temp")
    await later(house, 89 * DAY)
    assert not await is_there(mira, made, "output")
    assert not await house.blobs.exists(CHECKSUM)


async def test_a_replaced_upload_s_bytes_stay_while_a_job_waits_for_them(house: House, mira: Caller) -> None:
    await upload_image(mira, "a.png", RED)
    prompt_id = await prompt(mira)
    await upload_image(mira, "a.png", png(), overwrite="true")
    await later(house, 2 * DAY)
    assert await house.blobs.exists(CHECKSUM)
    await end(mira, prompt_id)
    await later(house, 90 * DAY)
    assert not await house.blobs.exists(CHECKSUM)


@pytest.mark.parametrize(("given", "kept"), [(None, 90 * DAY), (DAY, DAY), (365 * DAY, 90 * DAY)])
async def test_an_asset_goes_when_its_owner_said_and_at_the_latest_with_her_pictures(
    house: House, mira: Caller, given: float | None, kept: float
) -> None:
    await upload_image(mira, "a.png", RED)
    now, owner = house.clock.now(), await artist_id(house, mira)
    expires_at = None if given is None else now + given
    asset = Asset("asset", owner, CHECKSUM, "0" * 64, "a.png", "image/png", len(RED), now, expires_at=expires_at)
    await house.service.store.write(lambda tx: add(tx, [asset]))
    await house.service.folders.remove(owner, parse("a.png"))
    await later(house, kept - 2 * GRACE_SECONDS)
    assert await house.blobs.exists(CHECKSUM)
    await later(house, GRACE_SECONDS)
    assert not await house.blobs.exists(CHECKSUM)


def of(artist: str, conn: Connection) -> list[Any]:
    """All rows that are an artist's files, assets, notes."""
    return [row for table in (files, assets, userdata) for row in conn.execute(select(table).where(table.c.artist_id == artist))]


async def test_deleting_all_pictures_takes_files_and_words_and_leaves_those_of_others(
    house: House, mira: Caller, noor: Caller
) -> None:
    for who in (mira, noor):
        await upload_image(who, "a.png", RED)
        prompt_id = await prompt(who)
        await make(house, who, prompt_id)
        await who.ask("POST", "/comfy/userdata/workflows%2Fgarden.json", body=b'"secret"')
        await end(who, prompt_id)
    assert (await house.mira.ask("DELETE", "/v1/pictures")).status == 200
    mine, others = await artist_id(house, mira), await artist_id(house, noor)
    assert await house.service.store.read(partial(of, mine)) == []
    assert len(await house.service.store.read(partial(of, others))) == 3
    texts = await house.service.store.read(partial(words, mine))
    assert texts and not [text for text in texts if "secret" in text or "a.png" in text]
    assert (await mira.ask("GET", "/comfy/history")).json == {}
    assert not await is_there(mira, "a.png") and await is_there(noor, "a.png")
    await later(house, 0)
    assert await house.blobs.exists(CHECKSUM)
    assert (await house.noor.ask("DELETE", "/v1/pictures")).status == 200
    await later(house, 0)
    assert not await house.blobs.exists(CHECKSUM)


def words(artist: str, conn: Connection) -> list[str]:
    """Everything that is stored of an artist's jobs and graphs."""
    rows = [*conn.execute(select(workflows).where(workflows.c.artist_id == artist))]
    requests = conn.execute(select(jobs.c.request).where(jobs.c.artist_id == artist)).scalars()
    return [*map(str, rows), *requests]


async def test_every_change_of_her_inputs_is_known_to_whoever_caches_them(house: House, mira: Caller, noor: Caller) -> None:
    folders, hers = house.service.folders, await artist_id(house, mira)
    seen = [folders.version(hers)]

    async def offered() -> list[str]:
        seen.append(folders.version(hers))
        names: list[str] = (await mira.ask("GET", "/comfy/internal/files/input")).json
        return names

    await upload_image(mira, "b.png", RED)
    await upload_image(mira, "a.png", RED, subfolder="sub")
    assert await offered() == ["b.png"]
    await upload_image(mira, "a.png", RED)
    assert set(await offered()) == {"a.png", "b.png"}
    await folders.remove(hers, parse("b.png"))
    assert await offered() == ["a.png"]
    await later(house, 90 * DAY)
    assert await offered() == []
    await upload_image(mira, "c.png", RED)
    assert await offered() == ["c.png"]
    assert (await house.mira.ask("DELETE", "/v1/pictures")).status == 200
    assert await offered() == []
    assert len(set(seen)) == len(seen)
    before = folders.version(hers)
    await upload_image(noor, "d.png", RED)
    assert folders.version(hers) == before and await offered() == []
