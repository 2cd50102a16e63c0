"""Invitations: what she pastes or types becomes an address and a code, and these a service in her list."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from typing import Any

from ..i18n import tr
from .config import Connection, checked
from .errors import Problem, ServiceError
from .profiles import Profile
from .service import Service

_CODE = re.compile(r"[A-Za-z0-9]{4}[\s-]?[A-Za-z0-9]{4}")
#: The longest name of a computer that the service takes.
_MOST_NAME = 100


@dataclass(frozen=True)
class Invitation:
    """`endpoint` is '' when only a code was typed. The code is a secret for as long as it is good."""

    endpoint: str
    code: str = field(repr=False)


def read_invitation(text: str) -> Invitation:
    """From a link (`https://HOST/invite#ABCD-EFGH`) or a code. Raises ServiceError for anything else, or an insecure link."""
    given = "".join(text.split()) if "#" in text else text.strip()
    address, separator, code = given.rpartition("#")
    if not _CODE.fullmatch(code) or (separator and not address):
        raise ServiceError(
            tr("This is not an invitation."),
            tr("It is a link that ends with a code, or the code alone, like ABCD-EFGH."),
            code="invalid_invitation",
        )
    if not separator:
        return Invitation("", code)
    return Invitation(checked(address.rstrip("/").removesuffix("/invite")), code)


def pair(invitation: Invitation, proxy: str, authority: str, *, service: type[Service] = Service) -> Profile:
    """Redeems an invitation; blocking. `proxy`: the address to go through, '' for none. Raises ServiceError."""
    line = service(Connection(invitation.endpoint, "", "settings", proxy, authority))
    try:
        told = line.pair(invitation.code, socket.gethostname()[:_MOST_NAME])
    except Problem as error:
        if error.status == 404:
            raise ServiceError(
                tr("The service at {endpoint} does not know pairing.", endpoint=invitation.endpoint),
                tr("Ask your admin to update it, or for a token."),
                code="no_pairing",
            ) from error
        raise
    finally:
        line.close()
    return _profile(told, invitation.endpoint, authority)


def _reachable(told: str, asked: str) -> str:
    """Where the service says that it is; where it was just reached, if that is no address that a token may be sent to."""
    try:
        return checked(told)
    except ServiceError:
        return asked


def _profile(told: dict[str, Any], asked: str, authority: str) -> Profile:
    try:
        token, artist, team = str(told["token"]), str(told["artist"]["name"]), str(told["team"]["name"])
        endpoint = _reachable(str(told.get("endpoint") or ""), asked)
    except (KeyError, TypeError) as error:
        raise ServiceError(
            tr("The service at {endpoint} answered with something else than a pairing.", endpoint=asked),
            tr("Check the address; something else may be answering there."),
            code="no_pairing",
        ) from error
    return Profile("", team, endpoint, token, "", authority, artist, team)
