"""`/view`: an artist's file by its name, whatever became of the machine that made it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.files.model import BadName, FileName, StoredFile, checked_folder, checked_subfolder, file_name, unannotated
from wake_service.files.pictures import NotAPicture, Wish, wish_of
from wake_service.gateway.doorway import visit_of
from wake_service.gateway.ranges import unchanged
from wake_service.gateway.refusals import Refusal
from wake_service.gateway.stored import REVALIDATED, disposition, readable, stored_answer

#: What a browser would run or let draw scripts: never shown as itself, for it would act with the rights of her link.
_ACTIVE = frozenset(
    {
        "application/ecmascript",
        "application/javascript",
        "application/mathml+xml",
        "application/rdf+xml",
        "application/xhtml+xml",
        "application/xml",
        "image/svg+xml",
        "text/css",
        "text/ecmascript",
        "text/html",
        "text/javascript",
        "text/xml",
        "text/xsl",
    }
)
#: Of those, what a page may still embed as a picture, where a browser runs no scripts in it.
_DRAWN = frozenset({"image/svg+xml"})


async def view(request: Request) -> Response:
    """A file as it is (with ETag and ranges), or a picture packed smaller (`preview`), or one part of it (`channel`)."""
    visit, query = visit_of(request), request.query_params
    file = await visit.service.folders.find(visit.who.artist_id, _name(query))
    if file is None:
        raise Refusal(404, "There is no such file.")
    wish = wish_of(query.get("preview"), query.get("channel", ""))
    if wish is not None:
        return await _rendered(request, file, wish)
    headers = _said(file, request.headers.get("sec-fetch-dest"))
    return await stored_answer(request, visit.service.blobs, file.sha256, file.size, headers)


def _name(query: Any) -> FileName:
    """What the query names. ComfyUI takes the last part of a path as the name. Raises Refusal."""
    written = query.get("filename", "")
    if not written or written.startswith("blake3:"):
        raise Refusal(404, "There is no such file.")
    name, folder = unannotated(written, query.get("type", "output"))
    if name.startswith("/") or ".." in name:
        raise Refusal(400, "A file's name cannot lead out of its folder.")
    try:
        checked_folder(folder)
        checked = file_name(folder, "", name.rpartition("/")[2])
    except BadName as error:
        raise Refusal(400, str(error)) from error
    try:
        subfolder = checked_subfolder(query.get("subfolder", ""))
    except BadName as error:
        raise Refusal(403, str(error)) from error
    return FileName(checked.folder, subfolder, checked.name)


def _said(file: StoredFile, destination: str | None) -> dict[str, str]:
    """What it is; what a browser would run is a download, unless a page embeds a drawing as a picture."""
    name, kind = file.name.name, file.media_type
    if kind not in _ACTIVE:
        return {"Content-Type": kind, "Content-Disposition": disposition("inline", name)}
    cautious = {"Vary": "Sec-Fetch-Dest", "Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; sandbox"}
    if destination == "image" and kind in _DRAWN:
        return {**cautious, "Content-Type": kind, "Content-Disposition": disposition("inline", name)}
    return {**cautious, "Content-Type": "application/octet-stream", "Content-Disposition": disposition("attachment", name)}


async def _rendered(request: Request, file: StoredFile, wish: Wish) -> Response:
    etag = f'"{file.sha256}-{wish.kind}-{wish.quality}-{int(wish.flat)}"'
    said = {"Cache-Control": REVALIDATED, "ETag": etag}
    if unchanged(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=said)
    try:
        with readable():
            made = await visit_of(request).service.gallery.shown(file.sha256, wish)
    except NotAPicture as error:
        raise Refusal(400, str(error)) from error
    headers = {**said, "Content-Disposition": disposition("inline", file.name.name)}
    return Response(made, headers=headers, media_type=wish.media_type)


routes: list[BaseRoute] = [Route("/view", view, methods=["GET", "HEAD"])]
