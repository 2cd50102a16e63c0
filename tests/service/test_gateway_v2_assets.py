"""Comfy API v2: assets."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from blake3 import blake3

from tests.service.house import House, until_gone
from tests.service.v2_client import Api, code, flat, inverted
from tests.support.asgi import Answer
from tests.support.pictures import opened, png
from wake_service.files.model import parse
from wake_service.files.records import find
from wake_service.workflows.naming import for_engine

PICTURE = png(colour=(10, 20, 30))
BOUNDARY = "0123456789abcdef"


def api(house: House) -> Api:
    return Api(house, house.mira.token)


def digest(data: bytes) -> str:
    return f"blake3:{blake3(data).hexdigest()}"


def form(data: bytes | None, **fields: str | list[str]) -> bytes:
    """Parts in the order in which the official SDKs send them."""
    parts = []
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{each}\r\n'.encode())
    if data is not None:
        named = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{fields.get("file_path", "")}"\r\n'
        parts.append(named.encode() + b"Content-Type: image/png\r\n\r\n" + data + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


async def send(who: Api, data: bytes | None = PICTURE, **fields: str | list[str]) -> Answer:
    given: dict[str, str | list[str]] = {"content_type": "image/png", "file_path": "photo.png", **fields}
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", "Idempotency-Key": "k"}
    return await who.ask("POST", "/assets", body=form(data, **given), headers=headers)


async def sent(who: Api, data: bytes = PICTURE, **fields: str | list[str]) -> dict[str, Any]:
    answer = await send(who, data, **fields)
    assert answer.status in (200, 201), answer.body
    asset: dict[str, Any] = answer.json
    return asset


async def test_bytes_are_sent_once_and_found_by_their_hash(house: House) -> None:
    mira = api(house)
    assert (await mira.ask("HEAD", f"/assets/by-hash/{digest(PICTURE)}")).status == 404
    first = await send(mira, expected_hash=digest(PICTURE), tags=["a", "b"])
    assert (first.status, first.json["created_new"], first.json["hash"]) == (201, True, digest(PICTURE))
    assert first.json["tags"] == ["a", "b"] and first.json["size_bytes"] == len(PICTURE)
    again = await send(mira, file_path="other.png")
    assert (again.status, again.json["created_new"]) == (200, False)
    assert again.json["id"] != first.json["id"]
    for spelled in (digest(PICTURE), digest(PICTURE).replace(":", "%3A")):
        assert (await mira.ask("HEAD", f"/assets/by-hash/{spelled}")).status == 200


async def test_the_same_reference_is_made_once(house: House) -> None:
    mira = api(house)
    asset = await sent(mira)
    same = await mira.ask("POST", "/assets/from-hash", json={"hash": digest(PICTURE), "file_path": "photo.png"})
    other = await mira.ask("POST", "/assets/from-hash", json={"hash": digest(PICTURE), "file_path": "b.png", "tags": ["x"]})
    bare = await mira.ask("POST", "/assets/from-hash", json={"hash": digest(PICTURE)})
    assert (same.status, same.json["id"], same.json["created_new"]) == (200, asset["id"], False)
    assert (other.status, other.json["file_path"]) == (201, "b.png")
    assert bare.status == 200 and bare.json["id"] in (asset["id"], other.json["id"])


async def test_what_arrived_changed_is_not_kept(house: House) -> None:
    mira = api(house)
    answer = await send(mira, expected_hash=digest(b"something else"))
    assert code(answer) == (409, "hash_mismatch")
    assert (await mira.ask("HEAD", f"/assets/by-hash/{digest(PICTURE)}")).status == 404
    await house.clock.advance(3600)
    await until_gone(house, hashlib.sha256(PICTURE).hexdigest())


async def test_another_artists_bytes_look_like_unknown_ones(house: House) -> None:
    asset = await sent(api(house))
    noor = Api(house, house.noor.token)
    assert (await noor.ask("HEAD", f"/assets/by-hash/{digest(PICTURE)}")).status == 404
    unknown = await noor.ask("POST", "/assets/from-hash", json={"hash": digest(PICTURE)})
    assert code(unknown) == (404, "blob_not_found")
    for method, path in [("GET", ""), ("GET", "/content"), ("DELETE", "")]:
        assert code(await noor.ask(method, f"/assets/{asset['id']}{path}")) == (404, "not_found")
    reference = {"__type": "core/ASSET", "info": {"id": asset["id"]}}
    assert code(await noor.submit(inverted(reference))) == (422, "missing_asset")
    assert (await send(noor)).json["created_new"] is True


async def test_content_comes_whole_or_in_ranges_from_the_address_in_the_record(house: House) -> None:
    mira = api(house)
    asset = await sent(mira)
    assert asset["url"] == f"http://service/api/v2/assets/{asset['id']}/content"
    whole = await mira.ask("GET", f"/assets/{asset['id']}/content")
    part = await mira.ask("GET", f"/assets/{asset['id']}/content", headers={"Range": "bytes=1-4"})
    beyond = await mira.ask("GET", f"/assets/{asset['id']}/content", headers={"Range": "bytes=99999-"})
    assert (whole.status, whole.body, whole.headers["content-type"]) == (200, PICTURE, "image/png")
    assert (part.status, part.body) == (206, PICTURE[1:5])
    assert part.headers["content-range"] == f"bytes 1-4/{len(PICTURE)}"
    assert code(beyond)[0] == 416


async def test_an_asset_is_used_by_its_reference(painting_house: House) -> None:
    mira = api(painting_house)
    asset = await sent(mira)
    done = await mira.ended((await mira.accepted(inverted({"__type": "core/ASSET", "info": {"id": asset["id"]}})))["id"])
    (output,) = done["outputs"]
    picture = opened((await mira.ask("GET", f"/assets/{output['id']}/content")).body)
    assert picture.convert("RGB").getpixel((0, 0)) == (245, 235, 225)


async def test_an_asset_is_used_by_its_plain_file_name(painting_house: House) -> None:
    mira = api(painting_house)
    await sent(mira)
    done = await mira.ended((await mira.accepted(inverted("photo.png")))["id"])
    assert [output["node_id"] for output in done["outputs"]] == ["3"]


async def test_a_reference_means_its_own_bytes_also_after_another_file_took_the_name(painting_house: House) -> None:
    mira = api(painting_house)
    first = await sent(mira)
    await sent(mira, png(colour=(0, 0, 0)))
    done = await mira.ended((await mira.accepted(inverted({"__type": "core/ASSET", "info": {"id": first["id"]}})))["id"])
    picture = opened((await mira.ask("GET", f"/assets/{done['outputs'][0]['id']}/content")).body)
    assert picture.convert("RGB").getpixel((0, 0)) == (245, 235, 225)


async def test_a_reference_stands_for_its_file_also_in_an_input_of_which_nobody_knows(house: House) -> None:
    mira = api(house)
    asset = await sent(mira)
    graph = flat() | {
        "3": {"class_type": "ReadsAnything", "inputs": {"what": {"__type": "core/ASSET", "info": {"id": asset["id"]}}}}
    }
    job = await mira.accepted(graph)
    request = house.service.book.board.get(job["id"]).request
    name = f"assets/{asset['id']}/photo.png"
    assert request.files == {name: hashlib.sha256(PICTURE).hexdigest()}
    ran = (await mira.ask("GET", f"/jobs/{job['id']}/workflow")).json["workflow"]
    assert ran["3"]["inputs"]["what"] == name
    assert for_engine(ran, "f", {name: "wakebrush/x.png"}, None)["3"]["inputs"]["what"] == "wakebrush/x.png"


async def test_what_a_job_made_is_an_asset_that_another_job_starts_from(painting_house: House) -> None:
    mira = api(painting_house)
    done = await mira.ended((await mira.accepted(flat(0x0A141E)))["id"])
    (output,) = done["outputs"]
    record = (await mira.ask("GET", f"/assets/{output['id']}")).json
    content = (await mira.ask("GET", f"/assets/{output['id']}/content")).body
    assert (record["job_id"], record["hash"], output["hash"]) == (done["id"], digest(content), digest(content))
    assert (await mira.ask("HEAD", f"/assets/by-hash/{digest(content)}")).status == 200
    again = await mira.ended((await mira.accepted(inverted({"__type": "core/ASSET", "info": {"id": output["id"]}})))["id"])
    picture = opened((await mira.ask("GET", f"/assets/{again['outputs'][0]['id']}/content")).body)
    assert picture.convert("RGB").getpixel((0, 0)) == (245, 235, 225)


async def test_several_unknown_references_are_all_named(house: House) -> None:
    ids = ["9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6b", "9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6c"]
    graph = {
        **inverted({"__type": "core/ASSET", "info": {"id": ids[0]}}),
        "9": {"class_type": "X", "inputs": {"image": {"__type": "core/ASSET", "info": {"id": ids[1]}}}},
    }
    answer = await api(house).submit(graph)
    assert code(answer) == (422, "missing_asset")
    assert sorted(answer.json["error"]["details"]["missing_ids"]) == ids


async def test_deleting_takes_the_record_and_its_file_name(house: House) -> None:
    mira = api(house)
    asset = await sent(mira)
    assert (await mira.ask("DELETE", f"/assets/{asset['id']}")).status == 204
    assert (await mira.ask("GET", f"/assets/{asset['id']}")).status == 404
    assert (await mira.ask("HEAD", f"/assets/by-hash/{digest(PICTURE)}")).status == 404
    assert code(await mira.submit(inverted("photo.png"))) == (422, "invalid_workflow")
    assert code(await mira.ask("DELETE", f"/assets/{asset['id']}")) == (404, "not_found")


async def test_what_an_unfinished_job_starts_from_is_not_deleted(house: House) -> None:
    mira = api(house)
    asset = await sent(mira)
    job = await mira.accepted(inverted("photo.png"))
    assert code(await mira.ask("DELETE", f"/assets/{asset['id']}")) == (409, "asset_in_use")
    await mira.ask("POST", f"/jobs/{job['id']}/cancel")
    assert (await mira.ask("DELETE", f"/assets/{asset['id']}")).status == 204


async def test_an_asset_ends_when_its_owner_wanted_and_the_longer_wish_counts(house: House) -> None:
    mira = api(house)
    asset = await sent(mira, expires_in="60")
    assert asset["expires_at"] == "2027-01-15T08:01:00.000Z"
    longer = {"hash": digest(PICTURE), "file_path": "photo.png", "expires_in": 120}
    assert (await mira.ask("POST", "/assets/from-hash", json=longer)).json["expires_at"] == "2027-01-15T08:02:00.000Z"
    shorter = {**longer, "expires_in": 60}
    assert (await mira.ask("POST", "/assets/from-hash", json=shorter)).json["expires_at"] == "2027-01-15T08:02:00.000Z"
    await house.clock.advance(120)
    assert (await mira.ask("GET", f"/assets/{asset['id']}")).status == 404
    assert (await mira.ask("HEAD", f"/assets/by-hash/{digest(PICTURE)}")).status == 404


@pytest.mark.parametrize(
    "path", ["../a.png", "/etc/passwd", "a/../../b.png", "a\\b.png", "C:a.png", "a\x00.png", ".", "a/", "x" * 300]
)
async def test_a_path_that_leads_elsewhere_is_refused(house: House, path: str) -> None:
    mira = api(house)
    await sent(mira)
    answer = await mira.ask("POST", "/assets/from-hash", json={"hash": digest(PICTURE), "file_path": path})
    assert code(answer) == (422, "invalid_request")


@pytest.mark.parametrize(
    "wrong",
    [
        {"hash": "md5:00"},
        {"hash": 3},
        {},
        {"file_path": 3},
        {"tags": "x"},
        {"tags": ["x"] * 33},
        {"expires_in": 59},
        {"expires_in": 604_801},
        {"expires_in": "soon"},
    ],
)
async def test_wishes_beyond_the_contract_are_refused(house: House, wrong: dict[str, Any]) -> None:
    mira = api(house)
    await sent(mira)
    wish = {"hash": digest(PICTURE), "file_path": "a.png"} if wrong else {}
    assert code(await mira.ask("POST", "/assets/from-hash", json=wish | wrong)) == (422, "invalid_request")


async def test_a_form_without_a_file_or_no_form_is_refused(house: House) -> None:
    mira = api(house)
    assert code(await send(mira, None)) == (422, "invalid_request")
    assert code(await mira.ask("POST", "/assets", body=b"x"))[0] == 400


async def test_a_body_over_the_limit_is_refused_and_nothing_kept(tmp_path: Any) -> None:
    async with House(tmp_path / "data", gateway_max_body_bytes=2048).open() as house:
        answer = await send(api(house), b"x" * 4096)
        assert answer.status == 413


async def test_no_room_is_said_and_nothing_half_kept(house: House) -> None:
    house.blobs.capacity = 10
    assert code(await send(api(house))) == (507, "storage_full")
    house.blobs.capacity = None
    assert (await api(house).ask("HEAD", f"/assets/by-hash/{digest(PICTURE)}")).status == 404
    assert (await send(api(house))).status == 201


async def test_content_is_never_shown_as_a_page(house: House) -> None:
    mira = api(house)
    asset = await sent(mira, b"<script>alert(1)</script>", file_path="a.html")
    answer = await mira.ask("GET", f"/assets/{asset['id']}/content")
    assert answer.headers["content-disposition"].startswith("attachment")


async def test_an_asset_is_also_a_file_of_her_input_folder(house: House) -> None:
    mira = api(house)
    asset = await sent(mira, file_path="sub/photo.png")
    assert asset["file_path"] == "sub/photo.png"
    artist = (await house.mira.ask("GET", "/v1/me")).json["artist"]["id"]
    file = await house.service.store.read(lambda conn: find(conn, artist, parse("sub/photo.png")))
    assert file is not None and re.fullmatch("[0-9a-f]{64}", file.sha256)
