"""The real link to a machine: a WebSocket through its guard, over TLS that is pinned to the machine's own certificate."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

import aiohttp
from yarl import URL

from wake_service.background import Background
from wake_service.clock import Clock, SystemClock
from wake_service.errors import ProviderError

from .link import Answer, LinkBroken, LinkRefused, LinkTimes, WireLink, wrong_certificate, wrong_token
from .text import version_mismatch
from .wire import HEARTBEAT_SECONDS, WIRE, WIRE_HEADER

log = logging.getLogger(__name__)

#: The largest message taken from a machine, in bytes; a report has a few kilobytes.
MAX_MESSAGE = 1_000_000


class GuardLink:
    """Dials machines."""

    @staticmethod
    async def dial(
        url: str, *, token: str, fingerprint: str, clock: Clock | None = None, times: LinkTimes | None = None, wire: int = WIRE
    ) -> WireLink:
        """A link to the machine whose guard is at `url` (`https://203.0.113.7:8443`).

        `fingerprint` is the SHA-256 (64 hex digits) of the certificate it must show, whatever its name; it is compared before
        anything is sent, the token included. Raises LinkBroken while nothing answers there, and LinkRefused with a sentence
        when another certificate is shown, the token is refused, or the agent speaks another version.
        """
        times = times or LinkTimes()
        pipe = _GuardPipe(url, token, fingerprint, times, wire)
        try:
            await pipe.open()
        except BaseException:
            await pipe.close()
            raise
        link = WireLink(pipe, clock or SystemClock(), times)
        pipe.carry(link)
        return link


class _GuardPipe:
    def __init__(self, url: str, token: str, fingerprint: str, times: LinkTimes, wire: int) -> None:
        self._url = URL(url.rstrip("/"))
        if self._url.scheme != "https":
            raise ProviderError(f"A machine's guard is reached over https only, and {self._url.scheme or 'this'} is none.")
        self._place = f"{self._url.host}:{self._url.port}"
        self._times = times
        self._wire = wire
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=aiohttp.Fingerprint(_digest(fingerprint))),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Authorization": f"Bearer {token}", WIRE_HEADER: str(wire)},
        )
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._background = Background(log)

    async def open(self) -> None:
        """Connects the socket."""
        try:
            async with asyncio.timeout(self._times.connect):
                self._socket = await self._session.ws_connect(
                    self._url / "agent",
                    heartbeat=HEARTBEAT_SECONDS,
                    timeout=aiohttp.ClientWSTimeout(ws_close=self._times.connect),
                    max_msg_size=MAX_MESSAGE,
                )
                return
        except aiohttp.ServerFingerprintMismatch as stranger:
            raise wrong_certificate(self._place) from stranger
        except aiohttp.WSServerHandshakeError as refused:
            refusal = self._refusal(refused.status, refused.headers or {})
        except TimeoutError as late:
            raise LinkBroken(f"The guard at {self._place} did not answer within {self._times.connect:g} s.") from late
        except (aiohttp.ClientError, OSError) as broken:
            raise self._broken(broken) from broken
        # Raised out here, because the refused request holds the token and would come along as its context.
        raise refusal

    def carry(self, link: WireLink) -> None:
        """Begins to hand every text to `link`."""
        assert self._socket is not None
        self._background.spawn(self._read(self._socket, link))

    async def send(self, text: str) -> None:
        assert self._socket is not None
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, OSError) as broken:
            raise self._broken(broken) from broken

    async def call(self, method: str, path: str, body: bytes = b"") -> Answer:
        timeout = aiohttp.ClientTimeout(total=self._times.transfer, sock_connect=self._times.connect)
        try:
            # The path is quoted already. Redirects are not followed: they could carry the token elsewhere.
            url = URL(f"{self._url}{path}", encoded=True)
            async with self._session.request(method, url, data=body or None, timeout=timeout, allow_redirects=False) as response:
                answer = Answer(response.status, await response.read(), response.content_type, dict(response.headers))
        except aiohttp.ServerFingerprintMismatch as stranger:
            raise wrong_certificate(self._place) from stranger
        except TimeoutError as late:
            raise LinkBroken(f"The machine at {self._place} did not answer within {self._times.transfer:g} s.") from late
        except (aiohttp.ClientError, OSError) as broken:
            raise self._broken(broken) from broken
        if answer.status in (401, 403):
            raise wrong_token(self._place)
        return answer

    async def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await self._socket.close()
        await self._background.cancel()
        await self._session.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, link: WireLink) -> None:
        """Takes everything off the wire as it comes."""
        reason = "the other side closed it"
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    link.take(message.data)
            if (error := socket.exception()) is not None:
                reason = str(error) or type(error).__name__
        finally:
            link.lose(LinkBroken(f"The connection to the machine at {self._place} broke: {reason}."))

    def _refusal(self, status: int, headers: Mapping[str, str]) -> LinkBroken:
        if status in (401, 403):
            return wrong_token(self._place)
        if status == 426:
            theirs = headers.get(WIRE_HEADER, "")
            return LinkRefused(version_mismatch(agent=int(theirs) if theirs.isdecimal() else None, service=self._wire))
        return LinkBroken(f"The guard at {self._place} opened no socket to the machine's agent (status {status}).")

    def _broken(self, error: Exception) -> LinkBroken:
        return LinkBroken(f"The machine at {self._place} cannot be reached: {error or type(error).__name__}.")


def _digest(fingerprint: str) -> bytes:
    """The bytes of a fingerprint. Raises LinkRefused for what is none: nothing could be trusted then."""
    try:
        digest = bytes.fromhex(fingerprint.replace(":", ""))
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise LinkRefused("The machine's published fingerprint is no SHA-256 of a certificate, so nothing there can be trusted.")
    return digest
