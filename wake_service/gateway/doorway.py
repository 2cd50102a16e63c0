"""In front of everything on the gateway's port: who comes, by which address, from where, and with how much."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wake_service.accounts import tokens
from wake_service.accounts.privacy import is_private
from wake_service.accounts.tokens import Identity
from wake_service.app import Service
from wake_service.errors import StorageError
from wake_service.gateway import crossing
from wake_service.gateway.address import parse, unsaid
from wake_service.gateway.base_url import base_url
from wake_service.gateway.headers import brought_in, sent_out
from wake_service.gateway.intake import Intake, check_announced
from wake_service.gateway.open_sockets import OpenSockets, TokenEnded
from wake_service.gateway.refusals import Refusal, unavailable

_MAY_PAINT = frozenset({tokens.Scope.PAINT, tokens.Scope.GATEWAY})
_MAY_LOOK = frozenset({tokens.Scope.READ, tokens.Scope.GATEWAY_LOOK}) | _MAY_PAINT
_LOOKING = ("GET", "HEAD")
#: Close code of RFC 6455: policy violation.
POLICY_VIOLATION = 1008


@dataclass(frozen=True, slots=True)
class GatewayVisit:
    """One request that was let in. `base` is where its caller finds the gateway: `https://comfy.studio.example/t/TOKEN`.

    `base` holds the token when the address does: it goes into answers to this caller, and nowhere else.
    """

    service: Service
    who: Identity
    may_paint: bool
    base: str


def visit_of(connection: HTTPConnection) -> GatewayVisit:
    """The visit that a request or socket belongs to."""
    visit: GatewayVisit = connection.scope["state"]["visit"]
    return visit


def under_api(connection: HTTPConnection) -> bool:
    """Whether it was called with `/api` in front; some of ComfyUI's routes answer only so."""
    return bool(connection.scope["state"]["under_api"])


def painting(visit: GatewayVisit) -> None:
    """Raises Refusal for a visit that may only look. Needed only where a GET would wake or change something."""
    if not visit.may_paint:
        raise _denied(403, "forbidden", "This link is only for looking. Ask whoever gave it to you for one that may paint.")


class Doorway:
    """Lets in whom it may, with a visit in the scope's state, and says what must be said on every answer.

    The scope is changed in place, so that what the server logs of it holds no token.
    """

    def __init__(self, inner: ASGIApp, service: Service) -> None:
        self._inner = inner
        self._service = service
        self._settings = service.settings
        self.sockets = OpenSockets(self._settings.gateway_sockets_per_token, service.clock, self._is_good)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._inner(scope, receive, send)
            return
        try:
            visit, secret = await self._enter(scope)
            if scope["type"] == "websocket":
                await self._socket(scope, receive, send, visit, secret)
            else:
                await self._request(scope, receive, send)
        except Refusal as refusal:
            await refusal.response()(scope, receive, _tidy(send))

    async def _enter(self, scope: Scope) -> tuple[GatewayVisit, str]:
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        address = parse(raw_path)
        path = address.path if address else unsaid(raw_path)
        scope["path"], scope["raw_path"] = unquote(path), path.encode("latin-1")
        method = scope["method"] if scope["type"] == "http" else None
        headers = Headers(scope=scope)
        if address is None:
            raise Refusal(404, "There is nothing at this address. ComfyUI is at /comfy/ with a token, or behind a link.")
        if not path and not address.under_api:  # said relatively, and so whatever a proxy calls this place
            raise Refusal(308, "", {"Location": f"{address.prefix.rpartition('/')[2]}/"})
        hosts = crossing.own_hosts(scope["scheme"], headers.get("host"), self._settings.gateway_url)
        if headers.get("service-worker") or crossing.is_foreign(headers, method, path, hosts):
            raise _denied(403, "forbidden_origin", "A page of another site may not use this gateway.")
        secret = address.token or _bearer(headers)
        who = await self._identify(scope, secret, by_link=address.token is not None)
        may_paint = bool(who.scopes & _MAY_PAINT)
        visit = GatewayVisit(self._service, who, may_paint, base_url(scope, headers, address, self._settings.gateway_url))
        if method is not None and method not in _LOOKING:
            painting(visit)
        check_announced(headers, self._settings.gateway_max_body_bytes)
        scope["headers"] = brought_in(scope["headers"])
        scope.setdefault("state", {}).update(visit=visit, under_api=address.under_api)
        return visit, secret

    async def _identify(self, scope: Scope, secret: str, by_link: bool) -> Identity:
        """Raises Refusal: 403 for a socket, as ComfyUI's clients know it, 401 for all else."""
        status = 403 if scope["type"] == "websocket" else 401
        client = scope.get("client")
        if not is_private(scope["scheme"], client[0] if client else None):
            raise _denied(403, "tls_required", "A token must not travel over an unprotected connection. Use an https address.")
        if not secret:
            raise _denied(status, "unauthorized", "No token was sent. `wakebrush token create` makes one.")
        try:
            who = await self._service.identify(secret)
        except StorageError as error:
            raise unavailable("Who you are cannot be looked up at the moment. Try again soon.") from error
        if who is None:
            kind, remedy = ("link", "Ask for a new one") if by_link else ("token", "Make a new one")
            raise _denied(status, "unauthorized", f"This {kind} is unknown, has expired or was revoked. {remedy}.")
        if by_link and not (who.scopes <= tokens.LINKS and who.expires_at is not None):
            raise _denied(status, "unauthorized", "This token must not stand in an address. Send it as a header, or make a link.")
        if not who.scopes & _MAY_LOOK:
            raise _denied(403, "forbidden", "This token is for something else than the gateway.")
        return who

    async def _is_good(self, secret: str) -> bool:
        return await self._service.identify(secret) is not None

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A body that must not come replaces whatever the rooms behind made of being refused it, unless they had answered."""
        intake = Intake(receive, self._settings.gateway_max_body_bytes)
        tidy, answered = _tidy(send), False

        async def send_unless_refused(message: Message) -> None:
            nonlocal answered
            if intake.refusal is None or answered:
                answered = True
                await tidy(message)

        try:
            await self._inner(scope, intake.receive, send_unless_refused)
        except asyncio.CancelledError:  # the server ends, and lets nobody wait any longer
            if answered:
                raise
            await unavailable("The service is about to stop. Send this again in a moment.").response()(scope, receive, tidy)
        finally:
            if intake.refusal is not None and not answered:
                await intake.refusal.response()(scope, receive, tidy)

    async def _socket(self, scope: Scope, receive: Receive, send: Send, visit: GatewayVisit, secret: str) -> None:
        closed = False

        async def watched(message: Message) -> None:
            nonlocal closed
            closed = closed or message["type"] == "websocket.close"
            await send(message)

        try:
            async with self.sockets.one_more(visit.who.token_id, secret):
                await self._inner(scope, receive, _tidy(watched))
        except TokenEnded:
            if not closed:
                await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "The token is no longer valid."})


def _tidy(send: Send) -> Send:
    """What goes out says what it must, and nothing that it must not."""

    async def tidied(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            message = {**message, "headers": sent_out(message.get("headers", ()))}
        elif message["type"] == "websocket.accept":
            message = {**message, "headers": []}
        await send(message)

    return tidied


def _bearer(headers: Headers) -> str:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _denied(status: int, code: str, message: str) -> Refusal:
    """In a shape that clients of ComfyUI (`type`) and of its API v2 (`code`) understand."""
    error: dict[str, Any] = {"type": code, "code": code, "message": message, "details": None, "extra_info": {}}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Refusal(status, {"error": error, "node_errors": {}}, headers)
