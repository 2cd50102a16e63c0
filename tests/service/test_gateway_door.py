"""The gateway's door: who is let in, by which address, from where, and what those behind it see."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.service.house import House
from tests.support.asgi import Answer, Caller, Denied
from wake_service.accounts import people, tokens
from wake_service.accounts.tokens import BELIEVED_SECONDS, Scope
from wake_service.errors import StorageError, StorageFull
from wake_service.gateway.application import create_gateway
from wake_service.gateway.doorway import POLICY_VIOLATION, painting, under_api, visit_of
from wake_service.gateway.open_sockets import RECHECK_SECONDS

LIMIT = 2000


async def probe(request: Request) -> Response:
    """What a room behind the door sees of a request."""
    visit = visit_of(request)
    seen = {
        "path": request.scope["path"],
        "raw_path": request.scope["raw_path"].decode(),
        "under_api": under_api(request),
        "artist": visit.who.artist_name,
        "may_paint": visit.may_paint,
        "base": visit.base,
        "headers": dict(request.headers),
        "size": len(await request.body()),
    }
    return JSONResponse(seen, headers={"Set-Cookie": "a=b", "Clear-Site-Data": '"*"', "Access-Control-Allow-Origin": "*"})


async def fail(request: Request) -> Response:
    kinds: dict[str, Exception] = {"full": StorageFull("no room"), "store": StorageError("away"), "bug": RuntimeError("ours")}
    raise kinds[request.path_params["kind"]]


async def careless(request: Request) -> Response:
    """Makes its own of a body that is refused to it."""
    try:
        await request.body()
    except Exception:  # noqa: BLE001 -- what a library in between may do
        return PlainTextResponse("all is well")
    return PlainTextResponse("read")


async def held(request: Request) -> Response:
    visit_of(request).service.held.set()
    await asyncio.Event().wait()
    raise AssertionError("nobody lets it go")


async def wakes(request: Request) -> Response:
    painting(visit_of(request))
    return PlainTextResponse("woken")


async def echo(socket: WebSocket) -> None:
    await socket.accept(headers=[(b"set-cookie", b"a=b")])
    await socket.send_json({"type": "hello", "path": socket.scope["path"]})
    while True:
        await socket.receive_text()


ROUTES: list[BaseRoute] = [
    Route("/fail/{kind}", fail),
    Route("/careless", careless, methods=["POST"]),
    Route("/held", held),
    Route("/wakes", wakes),
    WebSocketRoute("/ws", echo),
    Route("/{path:path}", probe, methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"]),
]


class Porch:
    """A house's gateway with rooms that tell what they see."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.door = create_gateway(house.service, [ROUTES])

    async def token(self, *scopes: Scope, days: float | None = None, revoked: bool = False) -> str:
        return (await self.house.token(*scopes, days=days, revoked=revoked)).token or ""

    def caller(self, token: str | None = None) -> Caller:
        return Caller(self.door, token)

    async def artist(self) -> Caller:
        return self.caller(await self.token())

    async def link(self, scope: Scope = Scope.GATEWAY, days: float | None = 0.5) -> str:
        return f"/t/{await self.token(scope, days=days)}"

    async def seen(self, path: str, token: str | None = None, method: str = "GET", **more: Any) -> dict[str, Any]:
        answer = await self.caller(token).ask(method, path, **more)
        assert answer.status == 200, answer.body
        seen: dict[str, Any] = answer.json
        return seen


@pytest.fixture
async def porch(tmp_path: Path) -> AsyncIterator[Porch]:
    async with House(tmp_path / "data", gateway_max_body_bytes=LIMIT, gateway_sockets_per_token=2).open() as house:
        yield Porch(house)


def said(answer: Answer) -> str:
    message: str = answer.json["error"]["message"]
    return message


@pytest.mark.parametrize("prefix", ["/comfy", "/comfy/api"])
async def test_a_header_token_opens_comfy_with_and_without_api(porch: Porch, prefix: str) -> None:
    seen = await porch.seen(f"{prefix}/queue", await porch.token())
    assert (seen["path"], seen["artist"], seen["may_paint"]) == ("/queue", people.DEFAULT_ARTIST, True)
    assert seen["under_api"] is prefix.endswith("/api")
    assert seen["base"] == "http://service/comfy"


@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_a_token_in_the_path_opens_the_same_and_is_told_only_to_whom_it_belongs(porch: Porch, prefix: str) -> None:
    link = await porch.link()
    seen = await porch.seen(f"{link}{prefix}/userdata/a%2Fb.json")
    assert (seen["path"], seen["raw_path"]) == ("/userdata/a/b.json", "/userdata/a%2Fb.json")
    assert seen["base"] == f"http://service{link}"
    assert link.removeprefix("/t/") not in str({**seen, "base": ""})


@pytest.mark.parametrize("path", ["/api/v2/jobs", "/eas/prompt"])
async def test_the_newer_faces_are_at_the_root_for_header_tokens_and_below_links(porch: Porch, path: str) -> None:
    by_header, by_link = await porch.seen(path, await porch.token()), await porch.seen(await porch.link() + path)
    assert by_header["path"] == by_link["path"] == path.removeprefix("/api")
    assert by_header["base"] == "http://service"


async def test_comfyui_s_page_is_a_folder_whatever_its_prefix_is_called_outside(porch: Porch) -> None:
    link = await porch.link()
    answer = await porch.caller().ask("GET", link)
    assert (answer.status, answer.headers["location"]) == (308, f"{link.removeprefix('/t/')}/")


@pytest.mark.parametrize("path", ["/", "/queue", "/prompt", "/t/", "/v1/me"])
async def test_nothing_else_is_there(porch: Porch, path: str) -> None:
    assert (await (await porch.artist()).ask("GET", path)).status == 404


@pytest.mark.parametrize("path", ["/comfy/queue", "/api/v2/jobs", "/eas/prompt", "/comfy/"])
@pytest.mark.parametrize("header", [None, "Bearer wb_unknown", "Bearer", "Basic bWlyYTp4"])
async def test_nobody_comes_in_without_a_token(porch: Porch, path: str, header: str | None) -> None:
    answer = await porch.caller().ask("GET", path, headers={"Authorization": header} if header else {})
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json["error"]["type"] == answer.json["error"]["code"] == "unauthorized"


async def test_a_link_ends_with_its_time_and_by_being_revoked(porch: Porch) -> None:
    link, gone = await porch.link(), await porch.token(Scope.GATEWAY, days=0.5, revoked=True)
    assert (await porch.caller().ask("GET", f"{link}/queue")).status == 200
    await porch.house.clock.advance(0.5 * 86400)
    late = await porch.caller().ask("GET", f"{link}/queue")
    assert (late.status, "Ask for a new one" in said(late)) == (401, True)
    assert (await porch.caller().ask("GET", f"/t/{gone}/queue")).status == 401


@pytest.mark.parametrize("scopes", [(Scope.PAINT,), (Scope.READ,), (Scope.PAINT, Scope.READ), (Scope.PAINT, Scope.GATEWAY)])
async def test_a_token_that_can_more_than_the_gateway_must_not_stand_in_an_address(porch: Porch, scopes: tuple[Scope]) -> None:
    answer = await porch.caller().ask("GET", f"/t/{await porch.token(*scopes, days=0.1)}/queue")
    assert (answer.status, "must not stand in an address" in said(answer)) == (401, True)


async def test_nor_must_one_that_never_expires(porch: Porch) -> None:
    assert (await porch.caller().ask("GET", f"{await porch.link(days=None)}/queue")).status == 401
    assert (await porch.caller(await porch.token(Scope.GATEWAY)).ask("GET", "/comfy/queue")).status == 200


@pytest.mark.parametrize("scope", [Scope.GATEWAY, Scope.GATEWAY_LOOK])
@pytest.mark.parametrize("path", ["/v1/me", "/v1/jobs", "/v1/events", "/v1/costs", "/v1/machines"])
async def test_a_token_of_the_gateway_is_good_for_nothing_else(porch: Porch, scope: Scope, path: str) -> None:
    answer = await (await porch.house.token(scope, days=0.5)).ask("GET", path)
    assert (answer.status, answer.code) == (403, "not_allowed")


@pytest.mark.parametrize("scope", [Scope.GATEWAY_LOOK, Scope.READ])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_who_may_only_look_can_change_nothing(porch: Porch, scope: Scope, method: str) -> None:
    looker = porch.caller(await porch.token(scope, days=0.5))
    answer = await looker.ask(method, "/comfy/queue")
    assert (answer.status, answer.json["error"]["code"]) == (403, "forbidden")
    assert (await looker.ask("GET", "/comfy/queue")).json["may_paint"] is False
    assert (await looker.ask("GET", "/comfy/wakes")).status == 403


async def test_who_may_only_look_hears_what_happens(porch: Porch) -> None:
    stream = await porch.caller().connect(f"{await porch.link(Scope.GATEWAY_LOOK)}/ws")
    assert (await stream.next())["path"] == "/ws"
    await stream.close()


@pytest.mark.parametrize("host", ["203.0.113.7", None])
async def test_no_token_travels_unprotected(porch: Porch, host: str | None) -> None:
    caller, link = porch.caller(await porch.token()), await porch.link()
    for path in ("/comfy/queue", f"{link}/queue"):
        answer = await caller.at(host).ask("GET", path)
        assert (answer.status, answer.json["error"]["code"]) == (403, "tls_required")
    assert (await caller.at(host, "https").ask("GET", "/comfy/queue")).status == 200


async def test_those_behind_the_door_see_no_token_cookie_or_origin(porch: Porch) -> None:
    given = {"Cookie": "a=b", "Origin": "http://service", "Referer": "http://service/t/wb_x/", "Sec-Fetch-Site": "same-origin"}
    seen = await porch.seen("/comfy/queue", await porch.token(), headers={**given, "Sec-Fetch-Dest": "image", "X-Own": "1"})
    assert not {"authorization", "cookie", "origin", "referer", "sec-fetch-site"} & set(seen["headers"])
    assert (seen["headers"]["sec-fetch-dest"], seen["headers"]["x-own"]) == ("image", "1")


@pytest.mark.parametrize("path", ["/comfy/queue", "/nothing", "/comfy/fail/store", "/t/wb_x/queue"])
async def test_every_answer_keeps_addresses_and_the_origin_to_itself(porch: Porch, path: str) -> None:
    headers = (await (await porch.artist()).ask("GET", path)).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert not {"set-cookie", "clear-site-data", "access-control-allow-origin"} & set(headers)


CROSS = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


@pytest.mark.parametrize(
    "headers", [CROSS, {"Origin": "https://evil.example"}, {"Origin": "http://127.0.0.1:3000"}, {"Service-Worker": "script"}]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_page_of_another_site_is_refused_though_it_knows_the_link(
    porch: Porch, method: str, headers: dict[str, str]
) -> None:
    answer = await porch.caller().ask(method, f"{await porch.link()}/queue", headers=headers)
    assert (answer.status, answer.json["error"]["code"]) == (403, "forbidden_origin")


async def test_a_link_may_be_clicked_on_any_page(porch: Porch) -> None:
    clicked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    link = await porch.link()
    assert (await porch.caller().ask("GET", f"{link}/", headers=clicked)).status == 200
    assert (await porch.caller().ask("GET", link, headers=clicked)).status == 308
    assert (await porch.caller().ask("GET", f"{link}/view", headers=clicked)).status == 403


async def denied(caller: Caller, path: str, **headers: str) -> Answer:
    with pytest.raises(Denied) as error:
        await caller.connect(path, headers)
    return error.value.answer


async def test_a_socket_is_refused_for_a_wrong_token_and_to_a_foreign_page_alone_with_403(porch: Porch) -> None:
    assert (await denied(porch.caller("wb_wrong"), "/comfy/ws")).status == 403
    assert (await denied(porch.caller(), "/t/wb_wrong/ws")).status == 403
    assert (await denied(await porch.artist(), "/comfy/ws", Origin="https://evil.example")).status == 403
    assert (await denied(porch.caller(), "/nowhere/ws")).status == 404


async def test_an_address_of_ours_without_a_socket_is_404_as_in_comfyui(house: House) -> None:
    assert (await denied(house.at_gateway(house.mira), "/comfy/history/ws")).status == 404


async def test_a_token_with_many_sockets_is_told_to_come_back(porch: Porch) -> None:
    artist = await porch.artist()
    first, second = [await artist.connect("/comfy/ws") for _ in range(2)]
    refused = await denied(artist, "/comfy/ws")
    assert (refused.status, refused.headers["retry-after"]) == (503, "30")
    await first.close()
    third = await artist.connect("/comfy/ws")
    for stream in (second, third):
        await stream.close()


async def test_a_socket_ends_within_seconds_of_its_token(porch: Porch) -> None:
    token = await porch.token(Scope.GATEWAY, days=0.5)
    stream = await porch.caller().connect(f"/t/{token}/ws")
    await stream.next()

    def revoke(tx: Any) -> None:
        (mine,) = [row.id for row in tokens.listing(tx.conn) if row.scopes == "gateway"]
        tokens.revoke(tx, mine, porch.house.clock.now())

    await porch.house.service.store.write(revoke)
    for _ in range(4):
        await porch.house.clock.advance((RECHECK_SECONDS + BELIEVED_SECONDS) / 2)
    assert await stream.until_closed() == POLICY_VIOLATION


async def test_a_store_that_is_away_is_temporary(porch: Porch, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_secret: str) -> None:
        raise StorageError("the disk is away")

    monkeypatch.setattr(porch.house.service, "identify", away)
    answer, refused = await porch.caller("wb_x").ask("GET", "/comfy/queue"), await denied(porch.caller("wb_x"), "/comfy/ws")
    assert answer.status == refused.status == 503
    assert int(refused.headers["retry-after"]) > 0


async def test_a_body_over_the_limit_is_refused_as_comfyui_does_whether_it_says_so_or_not(porch: Porch) -> None:
    artist = await porch.artist()
    assert (await artist.ask("POST", "/comfy/prompt", body=b"a" * LIMIT)).json["size"] == LIMIT
    for headers in ({}, {"content-length": "", "transfer-encoding": "chunked"}):
        answer = await artist.ask("POST", "/comfy/prompt", body=b"a" * (LIMIT + 1), headers=headers)
        assert (answer.status, answer.body) == (
            413,
            f"Maximum request body size {LIMIT} exceeded, actual body size {LIMIT + 1}".encode(),
        )


async def test_a_room_that_swallows_the_refusal_of_a_body_does_not_speak_for_it(porch: Porch) -> None:
    answer = await (await porch.artist()).ask("POST", "/comfy/careless", body=b"a" * (LIMIT + 1), headers={"content-length": "x"})
    assert answer.status == 413


@pytest.mark.parametrize(("kind", "status"), [("full", 507), ("store", 503), ("bug", 500)])
async def test_what_goes_wrong_is_a_sentence_and_no_stack_trace(porch: Porch, kind: str, status: int) -> None:
    answer = await (await porch.artist()).ask("GET", f"/comfy/fail/{kind}")
    assert answer.status == status
    assert said(answer).endswith(".") and "Traceback" not in answer.body.decode() and "ours" not in said(answer)


async def test_a_call_that_is_held_when_the_service_ends_is_told_to_come_back(porch: Porch) -> None:
    porch.house.service.held = asyncio.Event()
    call = asyncio.create_task((await porch.artist()).ask("GET", "/comfy/held"))
    await porch.house.service.held.wait()
    call.cancel()
    answer = await call
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")


async def test_no_token_is_in_any_log_or_error(porch: Porch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    link, header = await porch.link(), await porch.token()
    bodies = [(await porch.caller().ask("GET", f"{link}{path}")).body for path in ("/fail/bug", "/fail/store", "/nothing/at/all")]
    bodies += [(await porch.caller(header).ask("GET", f"/comfy{path}")).body for path in ("/fail/bug", "/fail/full")]
    bodies += [(await porch.caller().ask(method, f"/t/{header}/queue")).body for method in ("GET", "POST")]
    heard = caplog.text + "".join(body.decode() for body in bodies if b'"base"' not in body)
    assert "failed" in caplog.text
    assert link.removeprefix("/t/") not in heard and header not in heard
