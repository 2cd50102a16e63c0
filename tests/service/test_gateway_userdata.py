"""Settings and what ComfyUI's page keeps for its user, through the gateway, while every machine sleeps."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.service.house import House
from tests.support.asgi import Answer, Caller
from wake_service.accounts.tokens import Scope
from wake_service.files import settings as stored_settings
from wake_service.files import userdata


@pytest.fixture
def mira(house: House) -> Caller:
    return house.at_gateway(house.mira)


@pytest.fixture
def noor(house: House) -> Caller:
    return house.at_gateway(house.noor)


def at(path: str) -> str:
    """A path as clients write it into an address: with its slashes encoded."""
    return f"/comfy/userdata/{quote(path, safe='')}"


async def write(who: Caller, path: str, content: bytes = b"{}", query: str = "") -> Answer:
    return await who.ask("POST", at(path) + query, body=content)


async def read(who: Caller, path: str) -> Answer:
    return await who.ask("GET", at(path))


async def look(who: Caller, query: str) -> Answer:
    return await who.ask("GET", f"/comfy/userdata?{query}")


# -- settings -------------------------------------------------------------------------------------------------------------


async def test_settings_are_each_artist_s_own_and_changed_one_by_one(mira: Caller, noor: Caller) -> None:
    assert (await mira.ask("GET", "/comfy/settings")).json == {}
    assert (await mira.ask("POST", "/comfy/settings", json={"a": 1, "b": {"c": [True]}})).status == 200
    assert (await mira.ask("POST", "/comfy/api/settings/Comfy.Theme", json="dark")).status == 200
    assert (await mira.ask("POST", "/comfy/settings", json={"a": None})).body == b""
    assert (await mira.ask("GET", "/comfy/settings")).json == {"a": None, "b": {"c": [True]}, "Comfy.Theme": "dark"}
    assert (await mira.ask("GET", "/comfy/settings/Comfy.Theme")).json == "dark"
    assert (await mira.ask("GET", "/comfy/settings/unknown")).json is None
    other = await noor.ask("GET", "/comfy/settings", headers={"Comfy-User": "default"})
    assert other.json == {}


async def test_changes_at_once_are_all_kept(mira: Caller) -> None:
    names = [f"setting{number}" for number in range(30)]
    await asyncio.gather(*(mira.ask("POST", f"/comfy/settings/{name}", json=name) for name in names))
    assert (await mira.ask("GET", "/comfy/settings")).json == {name: name for name in names}


@pytest.mark.parametrize(("path", "body"), [("settings", b"no json"), ("settings", b"[1]"), ("settings/a", b"")])
async def test_settings_that_cannot_be_read_change_nothing(mira: Caller, path: str, body: bytes) -> None:
    assert (await mira.ask("POST", f"/comfy/{path}", body=body)).status in (400, 500)
    assert (await mira.ask("GET", "/comfy/settings")).json == {}


async def test_settings_may_not_grow_without_end(mira: Caller) -> None:
    long = "x" * (stored_settings.MOST_BYTES - 100)
    assert (await mira.ask("POST", "/comfy/settings", json={"a": long})).status == 200
    assert (await mira.ask("POST", "/comfy/settings", json={"b": "y" * 200})).status == 413
    assert (await mira.ask("GET", "/comfy/settings")).json == {"a": long}


async def test_an_artist_is_the_only_user_that_she_sees(mira: Caller) -> None:
    assert (await mira.ask("GET", "/comfy/users")).json == {"storage": "server", "migrated": True}
    assert (await mira.ask("POST", "/comfy/users", json={"username": "noor"})).status == 400


async def test_a_link_for_looking_changes_nothing(house: House, mira: Caller) -> None:
    await write(mira, "a.json")
    onlooker = house.at_gateway(await house.token(Scope.READ))
    for method, path in (
        ("POST", "/comfy/settings"),
        ("POST", at("b.json")),
        ("DELETE", at("a.json")),
        ("POST", at("a.json") + "/move/b.json"),
        ("POST", "/comfy/upload/image"),
    ):
        assert (await onlooker.ask(method, path, body=b"{}")).status == 403
    assert (await read(onlooker, "a.json")).status == 200


# -- userdata -------------------------------------------------------------------------------------------------------------


async def test_what_is_written_is_read_back_by_its_owner_alone(mira: Caller, noor: Caller) -> None:
    assert (await write(mira, "workflows/a b.json", b'{"nodes": []}')).json == "workflows/a b.json"
    assert (await read(mira, "workflows/a b.json")).body == b'{"nodes": []}'
    assert (await mira.ask("GET", "/comfy/api/userdata/workflows/a%20b.json")).body == b'{"nodes": []}'
    assert (await read(noor, "workflows/a b.json")).status == 404


async def test_full_info_tells_size_and_moments_in_milliseconds(house: House, mira: Caller) -> None:
    began = int(house.clock.now() * 1000)
    first = (await write(mira, "a.json", b"{}", "?full_info=true")).json
    assert first == {"path": "a.json", "size": 2, "modified": began, "created": began}
    await house.clock.advance(10)
    second = (await write(mira, "a.json", b"{...}", "?full_info=true")).json
    assert second == {"path": "a.json", "size": 5, "modified": began + 10_000, "created": began}


async def test_a_file_that_is_not_to_be_replaced_is_a_409(mira: Caller) -> None:
    await write(mira, "a.json", b"old")
    assert (await write(mira, "a.json", b"new", "?overwrite=false")).status == 409
    assert (await read(mira, "a.json")).body == b"old"
    assert (await write(mira, "a.json", b"new")).status == 200
    assert (await read(mira, "a.json")).body == b"new"


async def test_of_two_that_create_the_same_file_at_once_one_is_told(mira: Caller) -> None:
    answers = await asyncio.gather(*(write(mira, "a.json", str(n).encode(), "?overwrite=false") for n in range(8)))
    assert sorted(answer.status for answer in answers) == [200, *[409] * 7]
    (kept,) = [n for n, answer in enumerate(answers) if answer.status == 200]
    assert (await read(mira, "a.json")).body == str(kept).encode()


async def test_listing_a_folder_as_comfyui_lists_it(mira: Caller) -> None:
    for path in ("workflows/b.json", "workflows/sub/a.json", "workflows/sub/deep/c.json", "workflows.txt", "other/x.json"):
        await write(mira, path)
    assert (await look(mira, "dir=workflows")).json == ["b.json"]
    assert (await look(mira, "dir=workflows&recurse=true")).json == ["b.json", "sub/a.json", "sub/deep/c.json"]
    assert (await look(mira, "dir=workflows&recurse=true&split=true")).json == [
        ["b.json", "b.json"],
        ["sub/a.json", "sub", "a.json"],
        ["sub/deep/c.json", "sub", "deep", "c.json"],
    ]
    info = (await look(mira, "dir=workflows%2Fsub&full_info=true&recurse=True")).json
    assert [(each["path"], each["size"]) for each in info] == [("a.json", 2), ("deep/c.json", 2)]


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("dir=", 400), ("dir=missing", 404), ("dir=../x", 403), ("dir=%2Fetc", 403)]
)
async def test_folders_that_are_none_are_answered_as_comfyui_answers_them(mira: Caller, query: str, status: int) -> None:
    await write(mira, "a.json")
    assert (await look(mira, query)).status == status


async def test_the_tree_lists_folders_first_with_paths_from_the_root(house: House, mira: Caller) -> None:
    assert (await mira.ask("GET", "/comfy/v2/userdata")).json == []
    for path in ("workflows/B.json", "workflows/sub/a.json", "z.txt"):
        await write(mira, path)
    now = house.clock.now()
    assert (await mira.ask("GET", "/comfy/api/v2/userdata?path=workflows")).json == [
        {"name": "sub", "path": "workflows/sub", "type": "directory"},
        {"name": "a.json", "path": "workflows/sub/a.json", "type": "file", "size": 2, "modified": now},
        {"name": "B.json", "path": "workflows/B.json", "type": "file", "size": 2, "modified": now},
    ]
    assert [each["path"] for each in (await mira.ask("GET", "/comfy/v2/userdata")).json][:2] == ["workflows/sub", "workflows"]
    for path, status in (("missing", 404), ("z.txt", 400), ("..", 400), ("%2e%2e", 400)):
        assert (await mira.ask("GET", f"/comfy/v2/userdata?path={path}")).status == status


async def test_what_is_read_is_a_download_except_the_style_sheet(mira: Caller) -> None:
    for path in ("a.json", "page.html", "user.css", "sub/user.css"):
        await write(mira, path, b"<script>")
    said = {path: (await read(mira, path)).headers for path in ("a.json", "page.html", "user.css", "sub/user.css")}
    assert {path: (h["content-type"], h["content-disposition"].partition(";")[0]) for path, h in said.items()} == {
        "a.json": ("application/json", "attachment"),
        "page.html": ("application/octet-stream", "attachment"),
        "user.css": ("text/css", "inline"),
        "sub/user.css": ("application/octet-stream", "attachment"),
    }
    assert {headers["x-content-type-options"] for headers in said.values()} == {"nosniff"}
    again = await mira.ask("GET", at("a.json"), headers={"If-None-Match": said["a.json"]["etag"]})
    assert (again.status, again.body) == (304, b"")


async def test_a_file_is_moved_with_its_content(mira: Caller) -> None:
    await write(mira, "workflows/a.json", b"content")
    moved = await mira.ask("POST", at("workflows/a.json") + "/move/" + quote("workflows/sub/move/b.json", safe=""))
    assert moved.json == "workflows/sub/move/b.json"
    assert (await read(mira, "workflows/a.json")).status == 404
    assert (await read(mira, "workflows/sub/move/b.json")).body == b"content"
    assert (await write(mira, "workflows/sub/move/b.json", b"written")).json == "workflows/sub/move/b.json"


async def test_moving_onto_another_file_asks_first(mira: Caller) -> None:
    await write(mira, "a.json", b"a")
    await write(mira, "b.json", b"b")
    assert (await mira.ask("POST", at("a.json") + "/move/b.json?overwrite=false")).status == 409
    assert (await mira.ask("POST", at("missing") + "/move/b.json")).status == 404
    assert (await mira.ask("POST", at("a.json") + "/move/b.json?full_info=true")).json["path"] == "b.json"
    assert (await read(mira, "b.json")).body == b"a"
    assert (await mira.ask("POST", at("b.json") + "/move/b.json")).status == 200
    assert (await read(mira, "b.json")).body == b"a"


async def test_a_file_is_deleted_once(mira: Caller) -> None:
    await write(mira, "a/b.json")
    assert (await mira.ask("DELETE", at("a/b.json"))).status == 204
    assert (await mira.ask("DELETE", at("a/b.json"))).status == 404


async def test_no_path_is_both_a_file_s_and_a_folder_s(mira: Caller) -> None:
    await write(mira, "a/b.json")
    assert (await write(mira, "a")).status == 400
    assert (await write(mira, "a/b.json/c.json")).status == 400
    assert (await mira.ask("POST", at("a/b.json") + "/move/a")).status == 200
    assert (await look(mira, "dir=.&recurse=true")).json == ["a"]


async def test_files_may_be_large_to_a_limit_and_so_may_all_together(mira: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await write(mira, "a.json", b"x" * userdata.MOST_BYTES)).status == 200
    assert (await write(mira, "a.json", b"x" * (userdata.MOST_BYTES + 1))).status == 413
    monkeypatch.setattr(userdata, "MOST_BYTES_IN_ALL", userdata.MOST_BYTES + 10)
    assert (await write(mira, "b.json", b"x" * 11)).status == 413
    assert (await write(mira, "b.json", b"x" * 10)).status == 200
    assert (await write(mira, "a.json", b"less")).status == 200
    monkeypatch.setattr(userdata, "MOST_FILES", 2)
    assert (await write(mira, "c.json")).status == 413
    assert (await write(mira, "b.json", b"again")).status == 200


PIECES = st.sampled_from(
    ["..", ".", "/", "\\", "a", "b.json", " ", "move", "C:", "\0", "\n", "é", "~", "%2e", "%2F", "%252e", "%"]
)
NASTY = st.one_of(st.text(st.characters(codec="utf-8"), max_size=30), st.lists(PIECES, max_size=7).map("".join))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=NASTY, target=NASTY)
@example(path="../a.json", target="b.json")
@example(path="%2e%2e/%2e%2e/a.json", target="..")
async def test_whatever_is_sent_as_a_path_stays_inside_or_is_refused(house: House, path: str, target: str) -> None:
    mira = house.at_gateway(house.mira)
    written = await write(mira, path)
    assert written.status in (200, 400, 403, 404, 405)
    if written.status == 200:
        parts = written.json.split("/")
        assert not {"", ".", ".."} & set(parts) and "\\" not in written.json
        assert (await read(mira, written.json)).status == 200
        moved = await mira.ask("POST", at(written.json) + "/move/" + quote(target, safe=""))
        assert moved.status in (200, 400, 403, 404)
        await mira.ask("DELETE", at(moved.json if moved.status == 200 else written.json))
    for answer in (await read(mira, path), await mira.ask("DELETE", at(path)), await look(mira, f"dir={quote(path)}")):
        assert answer.status in (200, 204, 400, 403, 404, 405)
    assert (await mira.ask("GET", f"/comfy/v2/userdata?path={quote(path)}")).status in (200, 400, 404)
