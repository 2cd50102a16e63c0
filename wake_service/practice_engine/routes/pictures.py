"""Pictures in and out: `/upload/image`, `/upload/mask`, `/view`."""

from __future__ import annotations

import asyncio
import io
import json
import mimetypes
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image

from ..engine import Engine
from ..folders import Folders, OutsideFolder

ACTIVE_TYPES = {
    "text/html",
    "text/html-sandboxed",
    "application/xhtml+xml",
    "text/javascript",
    "text/css",
    "image/svg+xml",
    "text/xml",
}


def routes(engine: Engine) -> list[web.RouteDef]:
    """The routes of this file."""

    async def upload_image(request: web.Request) -> web.Response:
        return await _upload(engine.folders, await request.post())

    async def upload_mask(request: web.Request) -> web.Response:
        return await _upload(engine.folders, await request.post(), masked=True)

    async def view(request: web.Request) -> web.StreamResponse:
        return await _view(engine.folders, request)

    return [web.post("/upload/image", upload_image), web.post("/upload/mask", upload_mask), web.get("/view", view)]


async def _upload(folders: Folders, form: Any, masked: bool = False) -> web.Response:
    """Stores the form's picture. The same name with the same content keeps the name; other content gets ` (1)` and so on."""
    image = form.get("image")
    kind = str(form.get("type") or "input")
    subfolder = str(form.get("subfolder", ""))
    if not isinstance(image, web.FileField) or not image.filename or folders.folder(kind) is None:
        return web.Response(status=400)
    try:
        target = folders.inside(kind, subfolder, image.filename)
        data = image.file.read()
        if masked:
            data = await asyncio.to_thread(_with_alpha_of, _original(folders, str(form.get("original_ref"))), data)
        target = await asyncio.to_thread(_store, target, data, str(form.get("overwrite")).lower() in ("true", "1"))
    except (OutsideFolder, ValueError, OSError, Image.DecompressionBombError):
        return web.Response(status=400)
    return web.json_response({"name": target.name, "subfolder": subfolder, "type": kind})


def _store(target: Path, data: bytes, overwrite: bool) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    stem, suffix, count = target.stem, target.suffix, 1
    while target.exists() and not overwrite:
        if target.read_bytes() == data:
            return target
        target = target.with_name(f"{stem} ({count}){suffix}")
        count += 1
    target.write_bytes(data)
    return target


def _original(folders: Folders, reference: str) -> Path:
    """The picture that a mask belongs to; ValueError when it is not there."""
    ref = json.loads(reference)
    if not isinstance(ref, dict) or not isinstance(ref.get("filename"), str):
        raise ValueError("original_ref names no file")
    name, kind = folders.annotated(ref["filename"], str(ref.get("type", "output")))
    if folders.folder(kind) is None:
        raise ValueError("original_ref names no folder")
    return folders.inside(kind, str(ref.get("subfolder", "")), name)


def _with_alpha_of(original: Path, mask: bytes) -> bytes:
    """The original as a PNG, transparent where the mask's own alpha says so."""
    with Image.open(original) as picture, Image.open(io.BytesIO(mask)) as mask_picture:
        merged = picture.convert("RGBA")
        merged.putalpha(mask_picture.convert("RGBA").getchannel("A").resize(merged.size))
    buffer = io.BytesIO()
    merged.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


async def _view(folders: Folders, request: web.Request) -> web.StreamResponse:
    """A stored picture: as it is (with ETag and ranges), packed smaller (`preview`), or one part of it (`channel`)."""
    query = request.query
    if "filename" not in query:
        return web.Response(status=404)
    name, kind = folders.annotated(query["filename"], query.get("type", "output"))
    if not name or name.startswith("/") or ".." in name or folders.folder(kind) is None:
        return web.Response(status=400)
    try:
        path = folders.inside(kind, query.get("subfolder", ""), Path(name).name)
    except OutsideFolder:
        return web.Response(status=403)
    if not path.is_file():
        return web.Response(status=404)
    headers = {"Content-Disposition": f'filename="{path.name}"', "X-Content-Type-Options": "nosniff"}
    try:
        if "preview" in query:
            return await _answer(_packed, path, query["preview"], query.get("channel", ""), headers=headers)
        if query.get("channel") in ("rgb", "a"):
            return await _answer(_channel, path, query["channel"], headers=headers)
    except (OSError, ValueError, Image.DecompressionBombError):
        return web.Response(status=400, text="The file is not a picture that can be read.")
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers["Content-Type"] = "application/octet-stream" if media_type in ACTIVE_TYPES else media_type
    return web.FileResponse(path, headers=headers)


async def _answer(convert: Any, *arguments: Any, headers: dict[str, str]) -> web.Response:
    data, media_type = await asyncio.to_thread(convert, *arguments)
    return web.Response(body=data, content_type=media_type, headers=headers)


def _packed(path: Path, wish: str, channel: str) -> tuple[bytes, str]:
    """`webp;80` or `jpeg;80`; anything else, or a wish for alpha, becomes WebP."""
    form, *rest = wish.split(";")
    form = form if form in ("webp", "jpeg") and "a" not in channel else "webp"
    quality = int(rest[-1]) if rest and rest[-1].isdigit() else 90
    with Image.open(path) as image:
        buffer = io.BytesIO()
        flat = image.convert("RGB") if form == "jpeg" or channel == "rgb" else image
        flat.save(buffer, form, quality=min(quality, 100))
    return buffer.getvalue(), f"image/{form}"


def _channel(path: Path, channel: str) -> tuple[bytes, str]:
    with Image.open(path) as image:
        if channel == "rgb":
            part = image.convert("RGB")
        else:
            part = Image.new("RGBA", image.size)
            part.putalpha(image.getchannel("A") if "A" in image.getbands() else Image.new("L", image.size, 255))
    buffer = io.BytesIO()
    part.save(buffer, "PNG")
    return buffer.getvalue(), "image/png"
