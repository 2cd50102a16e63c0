"""What the web page keeps on its server: `/users`, `/settings`, `/userdata`."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from ..engine import Engine
from ..user import UserFolder
from .bodies import json_object


def routes(engine: Engine) -> list[web.RouteDef]:
    """The routes of this file."""
    user = UserFolder(engine.folders.root / "user" / "default")
    return [*_settings_routes(user), *_listing_routes(user), *_file_routes(user)]


def _settings_routes(user: UserFolder) -> list[web.RouteDef]:
    async def users(request: web.Request) -> web.Response:
        return web.json_response({"storage": "server", "migrated": user.root.exists()})

    async def all_settings(request: web.Request) -> web.Response:
        return web.json_response(user.settings())

    async def one_setting(request: web.Request) -> web.Response:
        return web.json_response(user.settings().get(request.match_info["id"]))

    async def change_settings(request: web.Request) -> web.Response:
        user.change_settings(await json_object(request))
        return web.Response()

    async def change_one_setting(request: web.Request) -> web.Response:
        user.change_settings({request.match_info["id"]: await request.json()})
        return web.Response()

    return [
        web.get("/users", users),
        web.get("/settings", all_settings),
        web.get("/settings/{id}", one_setting),
        web.post("/settings", change_settings),
        web.post("/settings/{id}", change_one_setting),
    ]


def _listing_routes(user: UserFolder) -> list[web.RouteDef]:
    async def listing(request: web.Request) -> web.Response:
        wanted = request.query.get("dir", "")
        if not wanted:
            return web.Response(status=400, text="Directory not provided")
        folder = user.path(wanted)
        if folder is None:
            return web.Response(status=403, text="Invalid directory")
        if not folder.is_dir():
            return web.Response(status=404, text="Directory not found")
        options = {name: _yes(request, name) for name in ("recurse", "full_info", "split")}
        return web.json_response(user.listing(folder, **options))

    async def tree(request: web.Request) -> web.Response:
        folder = user.path(request.query.get("path", ""))
        if folder is None:
            return web.Response(status=400, text="Invalid path requested")
        if not folder.exists():
            return web.Response(status=404, text="Requested path not found")
        if not folder.is_dir():
            return web.Response(status=400, text="Requested path is not a directory")
        return web.json_response(user.tree(folder))

    return [web.get("/userdata", listing), web.get("/v2/userdata", tree)]


def _file_routes(user: UserFolder) -> list[web.RouteDef]:
    async def read(request: web.Request) -> web.StreamResponse:
        path = _existing(user, request, "file")
        headers = {"X-Content-Type-Options": "nosniff"}
        if path.name != "user.css":
            headers |= {"Content-Disposition": "attachment"}
        return web.FileResponse(path, headers=headers)

    async def write(request: web.Request) -> web.Response:
        path = _named(user, request, "file")
        if _no(request, "overwrite") and path.exists():
            return web.Response(status=409, text="File already exists")
        user.write(path, await request.read())
        return _stored(user, request, path)

    async def delete(request: web.Request) -> web.Response:
        _existing(user, request, "file").unlink()
        return web.Response(status=204)

    async def move(request: web.Request) -> web.Response:
        source, target = _existing(user, request, "file"), _named(user, request, "dest")
        if _no(request, "overwrite") and target.exists():
            return web.Response(status=409, text="File already exists")
        user.move(source, target)
        return _stored(user, request, target)

    return [
        web.get("/userdata/{file}", read),
        web.post("/userdata/{file}", write),
        web.delete("/userdata/{file}", delete),
        web.post("/userdata/{file}/move/{dest}", move),
    ]


def _named(user: UserFolder, request: web.Request, member: str) -> Path:
    path = user.path(request.match_info[member])
    if path is None:
        raise web.HTTPForbidden(text="")
    return path


def _existing(user: UserFolder, request: web.Request, member: str) -> Path:
    path = _named(user, request, member)
    if not path.is_file():
        raise web.HTTPNotFound(text="")
    return path


def _stored(user: UserFolder, request: web.Request, path: Path) -> web.Response:
    info = user.info(path, user.root)
    return web.json_response(info if _yes(request, "full_info") else info["path"])


def _yes(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() == "true"


def _no(request: web.Request, name: str) -> bool:
    return request.query.get(name, "true") == "false"
