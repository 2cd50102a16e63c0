"""`/v2/assets`: bytes by their blake3, sent once; usable in a graph by id and by plain file name."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.files.asset_records import Asset
from wake_service.files.assets import Wanted
from wake_service.files.folders import Arrival, OverQuota
from wake_service.files.media import media_type
from wake_service.files.model import BadName, FileName, file_name
from wake_service.gateway.doorway import GatewayVisit
from wake_service.gateway.multipart import Form
from wake_service.gateway.refusals import Refusal
from wake_service.gateway.stored import disposition, stored_answer
from wake_service.gateway.v2.answers import enveloped, json_answer, not_found, refused
from wake_service.gateway.v2.desk import links_of, visitor
from wake_service.gateway.v2.requests import json_body, object_of
from wake_service.gateway.v2.views import asset_view

_HASH = re.compile(r"blake3:([0-9a-f]{64})")
#: The contract's limits of `expires_in`, in seconds.
_SHORTEST, _LONGEST = 60, 604_800
#: Tags of one asset, and characters of one tag.
_MOST_TAGS, _LONGEST_TAG = 32, 128


@dataclass(slots=True)
class _Upload:
    """What a form brings beside its file."""

    fields: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    filename: str = ""
    arrival: Arrival | None = None
    hashing: Any = field(default_factory=blake3)

    async def hashed(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same bytes, counted in."""
        async for chunk in chunks:
            self.hashing.update(chunk)
            yield chunk


@enveloped
async def send(request: Request) -> Response:
    """201 for bytes that are new here, 200 for known ones. They are usable as soon as this is answered."""
    desk, visit = visitor(request)
    upload = _Upload()
    async with AsyncExitStack() as until_kept:
        parts = await until_kept.enter_async_context(aclosing(Form(request).parts()))
        async for part in parts:
            if part.name == "file" and part.filename is not None and upload.arrival is None:
                upload.filename = part.filename
                most = visit.service.settings.gateway_max_body_bytes
                taking = visit.service.folders.receive(visit.who.artist_id, upload.hashed(part.chunks), most)
                upload.arrival = await until_kept.enter_async_context(taking)
            elif part.name in ("tags", "tags[]"):
                upload.tags.append(await part.text())
            elif part.filename is None:
                upload.fields.setdefault(part.name, await part.text())
        asset, created = await _kept(visit, upload)
    return json_answer(asset_view(asset, links_of(visit), desk.retention, created), 201 if created else 200)


async def _kept(visit: GatewayVisit, upload: _Upload) -> tuple[Asset, bool]:
    """Raises Refusal; then the bytes go again."""
    if upload.arrival is None:
        raise refused(422, "invalid_request", "The form holds no file named “file”.")
    hashed = upload.hashing.hexdigest()
    expected = upload.fields.get("expected_hash")
    if expected and expected != f"blake3:{hashed}":
        raise refused(
            409,
            "hash_mismatch",
            "The file arrived changed. Nothing of it was kept; send it again.",
            {"expected": expected[:100], "actual": f"blake3:{hashed}"},
        )
    wish: dict[str, Any] = {
        "file_path": upload.fields.get("file_path") or upload.filename,
        "tags": upload.tags,
        "expires_in": _number(upload.fields.get("expires_in")),
    }
    wanted = _wanted(wish, visit.service.clock.now(), upload.arrival.head)
    try:
        stored = await upload.arrival.keep(wanted.name, overwrite=True)
    except OverQuota as error:
        raise refused(413, "quota_exceeded", str(error)) from error
    return await visit.service.assets.sent(stored, visit.who.artist_id, hashed, wanted)


@enveloped
async def known(request: Request) -> Response:
    """200 when the caller has these bytes here already, else 404."""
    _, visit = visitor(request)
    hashed = _HASH.fullmatch(request.path_params["hash"])
    if hashed is None or await visit.service.assets.owned(visit.who.artist_id, hashed[1]) is None:
        raise _no_bytes()
    return Response()


@enveloped
async def from_hash(request: Request) -> Response:
    """An asset over bytes that the caller has here already: 201, or 200 for one that is the same as an earlier one."""
    desk, visit = visitor(request)
    body = object_of(await json_body(request))
    hashed = _HASH.fullmatch(body["hash"]) if isinstance(body.get("hash"), str) else None
    if hashed is None:
        raise refused(422, "invalid_request", "“hash” must be “blake3:” and 64 hexadecimal digits in lower case.")
    wanted = None if body.get("file_path") is None else _wanted(body, visit.service.clock.now(), b"")
    minted = await visit.service.assets.mint(visit.who.artist_id, hashed[1], wanted)
    if minted is None:
        raise _no_bytes()
    asset, created = minted
    return json_answer(asset_view(asset, links_of(visit), desk.retention, created_new=False), 201 if created else 200)


@enveloped
async def look(request: Request) -> Response:
    """One asset's record."""
    desk, visit = visitor(request)
    return json_answer(asset_view(await _mine(request, visit), links_of(visit), desk.retention))


@enveloped
async def content(request: Request) -> Response:
    """Its bytes, or a range of them."""
    _, visit = visitor(request)
    asset = await _mine(request, visit)
    # A browser must not run what a graph made, with the rights of the address it came by.
    name = asset.file_path.rpartition("/")[2]
    said = {
        "Content-Type": asset.media_type,
        "Content-Disposition": disposition("attachment", name),
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return await stored_answer(request, visit.service.blobs, asset.sha256, asset.size, said)


@enveloped
async def delete(request: Request) -> Response:
    """Deletes the record; bytes that something else needs stay."""
    _, visit = visitor(request)
    if not await visit.service.assets.remove(await _mine(request, visit)):
        raise refused(409, "asset_in_use", "An unfinished job starts from this file. Cancel it, or wait for its end.")
    return Response(status_code=204)


async def _mine(request: Request, visit: GatewayVisit) -> Asset:
    asset = await visit.service.assets.find(visit.who.artist_id, request.path_params["asset_id"])
    if asset is None:
        raise not_found("There is no such asset.")
    return asset


def _wanted(wish: dict[str, Any], now: float, head: bytes) -> Wanted:
    """Raises Refusal."""
    name = _name(wish.get("file_path"))
    tags = wish.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) and len(tag) <= _LONGEST_TAG for tag in tags):
        raise refused(422, "invalid_request", f"“tags” must be a list of texts of at most {_LONGEST_TAG} characters.")
    if len(tags) > _MOST_TAGS:
        raise refused(422, "invalid_request", f"An asset has at most {_MOST_TAGS} tags.")
    seconds = wish.get("expires_in")
    if seconds is not None and (not isinstance(seconds, int) or not _SHORTEST <= seconds <= _LONGEST):
        raise refused(422, "invalid_request", f"“expires_in” is a number of seconds from {_SHORTEST} to {_LONGEST}.")
    return Wanted(name, media_type(name.name, head), tuple(tags), None if seconds is None else now + seconds)


def _name(path: Any) -> FileName:
    if not isinstance(path, str) or not path:
        raise refused(422, "invalid_request", "“file_path” must be the name of a file.")
    subfolder, _, name = path.rpartition("/")
    try:
        if path.startswith("/"):
            raise BadName("A file's path starts at its folder, without a slash.")
        return file_name("input", subfolder, name)
    except BadName as error:
        raise refused(422, "invalid_request", f"“file_path”: {error}") from error


def _number(text: str | None) -> int | str | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else text or None


def _no_bytes() -> Refusal:
    return refused(404, "blob_not_found", "These bytes are not here; send the file itself.")


routes: list[BaseRoute] = [
    Route("/v2/assets", send, methods=["POST"]),
    Route("/v2/assets/from-hash", from_hash, methods=["POST"]),
    Route("/v2/assets/by-hash/{hash}", known, methods=["GET", "HEAD"]),
    Route("/v2/assets/{asset_id}", look, methods=["GET"]),
    Route("/v2/assets/{asset_id}", delete, methods=["DELETE"]),
    Route("/v2/assets/{asset_id}/content", content, methods=["GET"]),
]
