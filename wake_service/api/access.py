"""Who may come in: the token, the connection it came over, and the version of what speaks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from wake_service import __version__
from wake_service.accounts.privacy import is_private
from wake_service.accounts.tokens import Identity, Scope
from wake_service.app import Service
from wake_service.errors import RequestError

#: Versions of the artist's wire that this service speaks.
API_MIN, API_MAX = 1, 1
SERVICE_HEADER = f"{__version__}; api={API_MIN}-{API_MAX}"
_CLIENT = re.compile(r"[^;]*;\s*api=(\d{1,6})\s*$")


def service_of(connection: HTTPConnection) -> Service:
    """The service behind this application."""
    service: Service = connection.app.state.service
    return service


async def identity_of(connection: HTTPConnection) -> Identity:
    """Whom the request's token speaks for. Raises RequestError."""
    check_client(connection)
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise _not_authenticated("No token was sent.")
    require_private(connection)
    identity = await service_of(connection).identify(secret.strip())
    if identity is None:
        raise _not_authenticated("This token is unknown, has expired or was revoked.")
    if not identity.scopes & {Scope.PAINT, Scope.READ}:
        hint = "Pair it again, or ask your admin for a token that may paint."
        raise RequestError(
            403, "not_allowed", "This token is for ComfyUI clients at the gateway, and not for this service.", hint=hint
        )
    return identity


def require_private(connection: HTTPConnection) -> None:
    """Refuses what a token would travel over unencrypted."""
    if not is_private(connection.scope["scheme"], connection.client.host if connection.client else None):
        raise RequestError(
            403,
            "tls_required",
            "A token must not travel over an unprotected connection.",
            hint="Use an https address, or connect from the computer the service runs on.",
        )


def check_client(connection: HTTPConnection) -> None:
    """Refuses a client whose version of the wire is not spoken here."""
    match = _CLIENT.match(connection.headers.get("wakebrush-client", ""))
    if match is None:
        return
    api = int(match[1])
    if api < API_MIN:
        hint = "Install the plugin that belongs to this service."
        raise RequestError(426, "client_too_old", "This plugin is too old for the service.", hint=hint)
    if api > API_MAX:
        hint = "Ask your admin to update the service, or install the older plugin."
        raise RequestError(426, "client_too_new", "This plugin is newer than the service.", hint=hint)


def _not_authenticated(detail: str) -> RequestError:
    title = "This computer is not paired with the service."
    return RequestError(401, "not_authenticated", title, hint="Pair it again, or ask your admin for a token.", detail=detail)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: the service it came to, and whom it speaks for."""

    service: Service
    who: Identity


async def reading(connection: HTTPConnection) -> Visit:
    """A call that only looks. Raises RequestError."""
    return Visit(service_of(connection), await identity_of(connection))


async def painting(connection: HTTPConnection) -> Visit:
    """A call that changes something. Raises RequestError."""
    visit = await reading(connection)
    if Scope.PAINT not in visit.who.scopes:
        raise RequestError(403, "not_allowed", "This token may only look.", hint="Ask your admin for a token that may paint.")
    return visit


Reading = Annotated[Visit, Depends(reading)]
Painting = Annotated[Visit, Depends(painting)]
