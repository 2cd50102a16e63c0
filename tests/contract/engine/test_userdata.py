"""What ComfyUI keeps for whoever uses its web page: settings and files of their own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from .client import Answer, Engine


@pytest.fixture
async def folder(engine: Engine) -> AsyncIterator[str]:
    """A folder of this test alone, with two workflows, one of them deeper."""
    name = f"contract-{uuid.uuid4().hex[:8]}"
    files = (f"{name}/a.json", f"{name}/deep/b c.json")
    for file in files:
        assert (await store(engine, file, b'{"nodes": []}')).status == 200
    yield name
    for file in files:
        await engine.ask("DELETE", path_of(file))


def path_of(file: str) -> str:
    return "/userdata/" + quote(file, safe="")


async def store(engine: Engine, file: str, data: bytes, **query: str) -> Answer:
    return await engine.post(path_of(file), data=data, params=query)


async def test_settings_are_changed_one_by_one_and_several_at_once(engine: Engine) -> None:
    one, two = f"contract.{uuid.uuid4().hex}", f"contract.{uuid.uuid4().hex}"
    assert (await engine.get(f"/settings/{one}")).json() is None
    assert (await engine.post(f"/settings/{one}", json={"deep": [1]})).status == 200
    assert (await engine.post("/settings", json={two: False})).status == 200
    settings = (await engine.get("/settings")).json()
    assert (settings[one], settings[two]) == ({"deep": [1]}, False)
    assert (await engine.get(f"/settings/{one}")).json() == {"deep": [1]}


async def test_a_file_comes_back_as_it_was_stored(engine: Engine, folder: str) -> None:
    data = bytes(range(256))
    assert (await store(engine, f"{folder}/a.json", data)).json() == f"{folder}/a.json"
    assert (await engine.get(path_of(f"{folder}/a.json"))).body == data


async def test_a_stored_file_is_never_shown_as_a_page(modern: Engine) -> None:
    """Somebody else's file, opened by its address, must not run as a script of this place."""
    await store(modern, "contract.html", b"<script>alert(1)</script>")
    answer = await modern.get(path_of("contract.html"))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    await modern.ask("DELETE", path_of("contract.html"))


async def test_an_existing_file_is_kept_when_it_must_not_be_overwritten(engine: Engine, folder: str) -> None:
    assert (await store(engine, f"{folder}/a.json", b"new", overwrite="false")).status == 409
    assert (await engine.get(path_of(f"{folder}/a.json"))).body == b'{"nodes": []}'


async def test_a_folder_is_listed_in_each_of_the_ways(engine: Engine, folder: str) -> None:
    async def listing(**query: str) -> list[object]:
        found: list[object] = (await engine.get("/userdata", params={"dir": folder, **query})).json()
        return found

    assert await listing() == ["a.json"]
    assert sorted(map(str, await listing(recurse="true"))) == ["a.json", "deep/b c.json"]
    assert await listing(split="true") == [["a.json", "a.json"]]
    (info,) = await listing(full_info="true")
    assert isinstance(info, dict) and (info["path"], info["size"]) == ("a.json", 13)
    assert info["modified"] > 1e9 and info["created"] > 1e9


async def test_everything_below_a_folder_is_listed_folders_first(engine: Engine, folder: str) -> None:
    tree = (await engine.get("/v2/userdata", params={"path": folder})).json()
    assert [(entry["type"], entry["name"]) for entry in tree] == [("directory", "deep"), ("file", "a.json"), ("file", "b c.json")]
    assert tree[2]["path"] == f"{folder}/deep/b c.json" and tree[2]["size"] == 13


async def test_a_file_is_moved_to_another_name_but_not_onto_another_file(engine: Engine, folder: str) -> None:
    source, target = path_of(f"{folder}/a.json"), f"{folder}/deep/b c.json"
    onto = await engine.post(f"{source}/move/{quote(target, safe='')}", params={"overwrite": "false"})
    assert onto.status == 409
    moved = await engine.post(f"{source}/move/{quote(f'{folder}/other.json', safe='')}", params={"full_info": "true"})
    assert (moved.status, moved.json()["path"]) == (200, f"{folder}/other.json")
    assert (await engine.get(source)).status == 404
    back = await engine.post(f"{path_of(f'{folder}/other.json')}/move/{quote(f'{folder}/a.json', safe='')}")
    assert (back.status, back.json()) == (200, f"{folder}/a.json")


async def test_a_deleted_file_is_gone(engine: Engine, folder: str) -> None:
    assert (await engine.ask("DELETE", path_of(f"{folder}/a.json"))).status == 204
    assert (await engine.get(path_of(f"{folder}/a.json"))).status == 404
    assert (await engine.ask("DELETE", path_of(f"{folder}/a.json"))).status == 404


@pytest.mark.parametrize(("query", "status"), [({}, 400), ({"dir": "no/such/folder"}, 404), ({"dir": "../.."}, 403)])
async def test_a_listing_of_nothing_says_why(engine: Engine, query: dict[str, str], status: int) -> None:
    assert (await engine.get("/userdata", params=query)).status == status


async def test_no_file_outside_is_read_written_or_moved_to(engine: Engine, folder: str) -> None:
    outside = path_of("../../escaped.json")
    assert (await engine.get(outside)).status == 403
    assert (await engine.post(outside, data=b"x")).status == 403
