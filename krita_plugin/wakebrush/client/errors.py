"""What can go wrong between Krita and the service, as sentences for the artist.

ServiceError            base: `title` says what happened, `hint` what to do
├── NotFound            no service is known: nothing configured, nothing running here
├── Unreachable         the service does not answer; worth trying again
│   ├── Untrusted       nobody this computer trusts vouches for its certificate
│   └── ProxyRefused    the proxy on the way does not let us through
├── Refused             the token is missing, wrong or expired
├── Incompatible        plugin and service don't speak the same version
├── Insecure            the token would travel unencrypted
├── Stopped             Krita is closing; nobody is told
└── Problem             the service said no, in its own words (RFC 9457)
"""

from __future__ import annotations

from typing import Any

from ..i18n import service_says, tr


class ServiceError(Exception):
    """Base of everything the client raises. `code` is the service's stable code, or one of ours.

    `action`: what mends it, as the button beside the sentence: `connect`, `settings`, `update` or ''.
    """

    action = ""

    def __init__(self, title: str, hint: str = "", *, code: str = "", detail: str = "", action: str = "") -> None:
        super().__init__(f"{title} {hint}".strip())
        self.title = title
        self.hint = hint
        self.code = code
        self.detail = detail
        if action:
            self.action = action


class NotFound(ServiceError):
    """No endpoint is configured and no service runs on this computer."""

    action = "connect"

    def __init__(self) -> None:
        super().__init__(
            tr("Krita is not connected to a Wakebrush service."),
            tr("Paste the invitation that you were given, or start a service here with “wakebrush serve”."),
            code="no_service",
        )


class Unreachable(ServiceError):
    """No connection, or it broke; whether the call arrived is unknown."""

    def __init__(self, endpoint: str, detail: str = "") -> None:
        super().__init__(
            tr("The Wakebrush service at {endpoint} does not answer.", endpoint=endpoint),
            tr("Check that it is running and that this computer is online. What you sent is kept."),
            code="unreachable",
            detail=detail,
        )


class Untrusted(Unreachable):
    """The certificate is of an authority that this computer does not know, or of another host, or too old."""

    action = "settings"

    def __init__(self, endpoint: str, detail: str = "") -> None:
        ServiceError.__init__(
            self,
            tr("This computer does not trust the certificate of {endpoint}.", endpoint=endpoint),
            tr("If your studio has an authority of its own, choose its file in the settings. If not, ask your admin."),
            code="untrusted",
            detail=detail,
        )


class ProxyRefused(Unreachable):
    """The proxy answered with a refusal, or not at all. `proxy`: its address, without name and password."""

    action = "settings"

    def __init__(self, proxy: str, detail: str = "") -> None:
        asked = "407" in detail
        ServiceError.__init__(
            self,
            tr("The proxy {proxy} asks for a name and a password.", proxy=proxy)
            if asked
            else tr("The proxy {proxy} does not let Krita through.", proxy=proxy),
            tr("Enter it in the settings as http://name:password@host:port.")
            if asked
            else tr("Check the proxy in the settings, or ask your admin."),
            code="proxy_refused",
            detail=detail,
        )


class Refused(ServiceError):
    """The service does not accept the token."""

    action = "connect"

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            tr("This computer is no longer paired."),
            tr("Pair it again with an invitation. Your admin makes one with “wakebrush invite”."),
            code="not_authenticated",
            detail=detail,
        )


class Incompatible(ServiceError):
    """Plugin and service have no API version in common."""

    @classmethod
    def plugin_too_old(cls, service: str) -> Incompatible:
        return cls(
            tr("This plugin is too old for the service ({service}).", service=service),
            tr("Install the plugin that the service offers, then start Krita again."),
            code="client_too_old",
            action="update",
        )

    @classmethod
    def service_too_old(cls, service: str) -> Incompatible:
        return cls(
            tr("The service ({service}) is too old for this plugin.", service=service),
            tr("Ask for the service to be updated, or install an older plugin."),
            code="client_too_new",
        )


class Insecure(ServiceError):
    """Plain http to another computer: the token would be readable on the way."""

    action = "settings"

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            tr("The address {endpoint} is not encrypted.", endpoint=endpoint),
            tr("Use https:// for a service on another computer."),
            code="tls_required",
        )


class Stopped(ServiceError):
    """The client was closed while the call was under way."""

    def __init__(self) -> None:
        super().__init__(tr("Krita is closing."), code="stopped")


class Problem(ServiceError):
    """A problem document of the service; `status` is its HTTP status, `extra` its further members."""

    def __init__(self, status: int, code: str, title: str, hint: str, detail: str = "", **extra: Any) -> None:
        super().__init__(title, hint, code=code, detail=detail)
        self.status = status
        self.extra = extra

    @property
    def temporary(self) -> bool:
        """Whether the same call may succeed later without anybody changing it."""
        return self.status >= 500 or self.status == 429


def from_answer(status: int, body: Any, service: str = "") -> ServiceError:
    """The exception for an answer that is not a success. `body`: the parsed problem document, or anything else."""
    problem: dict[str, Any] = body if isinstance(body, dict) else {}
    code = str(problem.get("code", ""))
    detail = str(problem.get("detail") or "")
    if status == 401:
        return Refused(detail)
    if code == "client_too_old":
        return Incompatible.plugin_too_old(service)
    if code == "client_too_new":
        return Incompatible.service_too_old(service)
    title = service_says(str(problem.get("title") or "")) or tr("The service answered with an error ({status}).", status=status)
    hint = service_says(str(problem.get("hint") or ""))
    if not problem:
        hint = tr("Check the address in the settings; something else may be answering there.")
    known = {"type", "title", "status", "code", "detail", "hint"}
    extra = {name: value for name, value in problem.items() if name not in known}
    return Problem(status, code or f"http_{status}", title, hint, detail, **extra)
