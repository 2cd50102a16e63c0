"""`/userdata`: what ComfyUI's page keeps for its user (workflows, templates), per artist, awake or asleep."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.answers import json_answer
from wake_service.files import userdata
from wake_service.files.model import BadName, checked_subfolder
from wake_service.files.userdata import NoRoom, Note, NoteExists, checked_path
from wake_service.gateway.doorway import visit_of
from wake_service.gateway.ranges import unchanged
from wake_service.gateway.refusals import Refusal
from wake_service.gateway.stored import REVALIDATED, disposition
from wake_service.store.store import Transaction

T = TypeVar("T")

#: The one file that the page takes as it is: a style sheet of its user's own.
_STYLE = "user.css"


async def listing(request: Request) -> Response:
    """Files of a folder (`dir`), with those below it (`recurse`), as paths below it, split, or with `full_info`."""
    query = request.query_params
    if not query.get("dir"):
        raise Refusal(400, "Directory not provided")
    try:
        folder = checked_subfolder(query["dir"])
    except BadName as error:
        raise Refusal(403, "Invalid directory") from error
    notes = await _notes(request, folder)
    if not notes:
        raise Refusal(404, "Directory not found")
    start = len(folder) + 1 if folder else 0
    below = [(note.path[start:], note) for note in notes]
    shown = [(path, note) for path, note in below if _true(query.get("recurse")) or "/" not in path]
    if _true(query.get("full_info")):
        return json_answer([_info(note, path) for path, note in shown])
    split = _true(query.get("split"))
    return json_answer([[path, *path.split("/")] if split else path for path, _ in shown])


async def tree(request: Request) -> Response:
    """All files and folders below a folder (`path`), folders first, with their paths from the root."""
    try:
        folder = checked_subfolder(request.query_params.get("path", ""))
    except BadName as error:
        raise Refusal(400, "Invalid path requested") from error
    notes = await _notes(request, folder)
    if folder and not notes:
        visit = visit_of(request)
        found = await visit.service.store.read(partial(userdata.find, artist_id=visit.who.artist_id, path=folder))
        if found is not None:
            raise Refusal(400, "Requested path is not a directory")
        raise Refusal(404, "Requested path not found")
    folders = {above for note in notes for above in _above(note.path) if len(above) > len(folder)}
    entries: list[dict[str, Any]] = [{"name": _last(path), "path": path, "type": "directory"} for path in folders]
    entries += [{"name": _last(n.path), "path": n.path, "type": "file", "size": n.size, "modified": n.modified_at} for n in notes]
    return json_answer(sorted(entries, key=lambda entry: (entry["type"] != "directory", entry["name"].lower(), entry["path"])))


async def read(request: Request) -> Response:
    """A file, as a download: it is whatever its user, or a page, has put there."""
    visit = visit_of(request)
    (path,) = _paths(request, moves=False)
    data = await visit.service.store.read(partial(userdata.content, artist_id=visit.who.artist_id, path=path))
    if data is None:
        raise Refusal(404, "There is no such file.")
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"Cache-Control": REVALIDATED, "ETag": etag}
    if unchanged(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    if path == _STYLE:
        return Response(data, headers={**headers, "Content-Type": "text/css", "Content-Disposition": "inline"})
    kind = "application/json" if mimetypes.guess_type(path)[0] == "application/json" else "application/octet-stream"
    return Response(
        data, headers={**headers, "Content-Type": kind, "Content-Disposition": disposition("attachment", _last(path))}
    )


async def write(request: Request) -> Response:
    """Writes a file, or gives one another path."""
    paths = _paths(request, moves=True)
    if len(paths) == 2:
        return await _move(request, *paths)
    data = await _body(request)
    overwrite = request.query_params.get("overwrite", "true") != "false"
    now = visit_of(request).service.clock.now()
    note = await _change(request, partial(userdata.write, path=paths[0], data=data, now=now, overwrite=overwrite))
    return _told(request, note)


async def remove(request: Request) -> Response:
    """Deletes a file."""
    (path,) = _paths(request, moves=False)
    if not await _change(request, partial(userdata.remove, path=path)):
        raise Refusal(404, "There is no such file.")
    return Response(status_code=204)


async def _move(request: Request, source: str, target: str) -> Response:
    overwrite = request.query_params.get("overwrite", "true") != "false"
    note = await _change(request, partial(userdata.move, source=source, target=target, overwrite=overwrite))
    if note is None:
        raise Refusal(404, "There is no such file.")
    return _told(request, note)


async def _notes(request: Request, folder: str) -> list[Note]:
    visit = visit_of(request)
    return await visit.service.store.read(partial(userdata.listing, artist_id=visit.who.artist_id, folder=folder))


async def _change(request: Request, work: Callable[..., T]) -> T:
    """One transaction, in which all is looked up that the change depends on. Raises Refusal."""
    visit = visit_of(request)

    def change(tx: Transaction) -> T:
        return work(tx, visit.who.artist_id)

    try:
        return await visit.service.store.write(change)
    except NoteExists as error:
        raise Refusal(409, str(error)) from error
    except NoRoom as error:
        raise Refusal(413, str(error)) from error
    except BadName as error:
        raise Refusal(400, str(error)) from error


async def _body(request: Request) -> bytes:
    gathered = bytearray()
    chunks: AsyncIterator[bytes] = request.stream()
    async for chunk in chunks:
        gathered += chunk
        if len(gathered) > userdata.MOST_BYTES:
            raise Refusal(413, f"A workflow or note has at most {userdata.MOST_BYTES:,} bytes; nothing was changed.")
    return bytes(gathered)


def _paths(request: Request, *, moves: bool) -> list[str]:
    """What the address names: one path, or two with `move` between. Clients write `/` within a path as `%2F`. Raises Refusal."""
    raw: bytes = request.scope["raw_path"].partition(b"/userdata/")[2]
    parts = [unquote_to_bytes(part).decode(errors="surrogateescape") for part in raw.split(b"/")]
    at = parts.index("move", 1) if moves and "move" in parts[1:-1] else len(parts)
    written = ["/".join(parts[:at]), "/".join(parts[at + 1 :])][: 1 if at == len(parts) else 2]
    try:
        return [checked_path(path) for path in written]
    except BadName as error:
        raise Refusal(400 if not all(written) else 403, str(error)) from error


def _told(request: Request, note: Note) -> Response:
    full = _true(request.query_params.get("full_info"))
    return json_answer(_info(note, note.path) if full else note.path)


def _info(note: Note, path: str) -> dict[str, Any]:
    """Moments in milliseconds."""
    modified, created = int(note.modified_at * 1000), int(note.created_at * 1000)
    return {"path": path, "size": note.size, "modified": modified, "created": created}


def _above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _true(value: str | None) -> bool:
    return (value or "").lower() == "true"


routes: list[BaseRoute] = [
    Route("/userdata", listing, methods=["GET"]),
    Route("/v2/userdata", tree, methods=["GET"]),
    Route("/userdata/{path:path}", read, methods=["GET"]),
    Route("/userdata/{path:path}", write, methods=["POST"]),
    Route("/userdata/{path:path}", remove, methods=["DELETE"]),
]
