"""The pack's own routes, under a name of its own as packs have them."""

from __future__ import annotations

from aiohttp import web

from .nodes import COLOURS


def routes() -> list[web.RouteDef]:
    """The colours that the node knows (GET), and what comes of mixing some of them (POST)."""

    async def colours(request: web.Request) -> web.Response:
        return web.json_response({name: _written(parts) for name, parts in COLOURS.items()})

    async def mix(request: web.Request) -> web.Response:
        names = (await request.json()).get("colours", [])
        if not names or any(name not in COLOURS for name in names):
            return web.json_response({"error": f"Name some of these: {', '.join(COLOURS)}."}, status=400)
        parts = [sum(channel) / len(names) for channel in zip(*(COLOURS[name] for name in names), strict=True)]
        return web.json_response({"colour": _written(parts)})

    return [web.get("/practice_pack/colours", colours), web.post("/practice_pack/mix", mix)]


def _written(parts: tuple[float, ...] | list[float]) -> str:
    """`#rrggbb`."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)
