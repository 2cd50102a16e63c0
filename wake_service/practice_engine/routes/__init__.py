"""ComfyUI's HTTP surface, one file per kind of thing; every route answers bare and under `/api`."""

from __future__ import annotations

from aiohttp import web

from ..engine import MAX_UPLOAD, Engine
from . import facts, jobs, page, pictures, prompts, user
from .origin import refuse_other_sites


def application(engine: Engine) -> web.Application:
    """The web application of one engine."""
    app = web.Application(client_max_size=MAX_UPLOAD, middlewares=[refuse_other_sites])
    for module in (facts, prompts, pictures, page, user):
        routes = module.routes(engine)
        app.add_routes(routes)
        app.add_routes([web.route(route.method, "/api" + route.path, route.handler) for route in routes])
    app.add_routes(jobs.routes(engine))
    app.add_routes(page.bare_routes(engine))
    return app
