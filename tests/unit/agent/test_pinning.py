"""The pin: who shows another certificate is told nothing, the token least of all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from tests.support.certificates import Certificate
from tests.unit.agent.behind_guard import DEADLINE, TOKEN, Behind
from tests.unit.comfy.fake_engine import FakeEngine
from wake_service.agent.guard import GuardLink
from wake_service.agent.link import LinkBroken, LinkRefused
from wake_service.agent.memory import RETRY_SECONDS
from wake_service.comfy.client import EngineClient
from wake_service.comfy.socket import EngineSocket
from wake_service.comfy.timeouts import Timeouts
from wake_service.errors import EngineDraining, ProviderError, WakebrushError

WRONG = "ab" * 32
TIMEOUTS = Timeouts(connect=5, answer=5, transfer=5, heartbeat=20)


@dataclass
class Stranger:
    """A server that speaks TLS and writes down all that it is told after the handshake."""

    url: str = ""
    told: list[bytes] = field(default_factory=list)
    calls: int = 0
    ended: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        try:
            self.told.append(await reader.read(65_536))
        except OSError:
            self.told.append(b"")
        finally:
            writer.close()
            self.ended.release()


@pytest.fixture
async def stranger(certificate: Certificate) -> AsyncIterator[Stranger]:
    stranger = Stranger()
    server = await asyncio.start_server(stranger.listen, "127.0.0.1", 0, ssl=certificate.context())
    stranger.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield stranger
    server.close()
    await server.wait_closed()


async def dial(url: str, fingerprint: str) -> None:
    link = await GuardLink.dial(url, token=TOKEN, fingerprint=fingerprint)
    await link.close()


async def call(url: str, fingerprint: str) -> None:
    client = EngineClient(url, token=TOKEN, fingerprint=fingerprint, timeouts=TIMEOUTS)
    try:
        await client.system_stats()
    finally:
        await client.close()


async def listen(url: str, fingerprint: str) -> None:
    client = EngineClient(url, token=TOKEN, fingerprint=fingerprint, timeouts=TIMEOUTS)
    try:
        async with EngineSocket(client, "me"):
            pass
    finally:
        await client.close()


WAYS = pytest.mark.parametrize("reach", [dial, call, listen])
Reach = Callable[[str, str], Awaitable[None]]


@WAYS
async def test_a_stranger_is_told_nothing(stranger: Stranger, reach: Reach) -> None:
    with pytest.raises(WakebrushError):
        await reach(stranger.url, WRONG)
    async with asyncio.timeout(DEADLINE):
        await stranger.ended.acquire()
    assert (stranger.calls, stranger.told) == (1, [b""])


@WAYS
async def test_the_same_server_with_the_right_certificate_is_told_the_token(
    stranger: Stranger, certificate: Certificate, reach: Reach
) -> None:
    with pytest.raises(WakebrushError):  # it hangs up, since it only listens
        await reach(stranger.url, certificate.fingerprint)
    async with asyncio.timeout(DEADLINE):
        await stranger.ended.acquire()
    assert all(f"Bearer {TOKEN}".encode() in told for told in stranger.told)


async def test_a_wrong_certificate_is_a_sentence(stranger: Stranger) -> None:
    with pytest.raises(LinkRefused, match="shows another certificate than the one the machine has published"):
        await dial(stranger.url, WRONG)


@pytest.mark.parametrize("fingerprint", ["", "ab", "no hex", "ab" * 33])
async def test_what_is_no_fingerprint_pins_nothing_so_nobody_is_dialled(stranger: Stranger, fingerprint: str) -> None:
    with pytest.raises(LinkRefused, match="no SHA-256"):
        await dial(stranger.url, fingerprint)
    assert stranger.calls == 0


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ws://127.0.0.1:1", "127.0.0.1:1"])
async def test_a_token_is_never_sent_without_tls(url: str) -> None:
    with pytest.raises(ProviderError, match="over https only"):
        await dial(url, WRONG)


async def test_nobody_at_home_is_worth_another_try() -> None:
    with pytest.raises(LinkBroken) as nobody:
        await dial("https://127.0.0.1:1", WRONG)
    assert not isinstance(nobody.value, LinkRefused)


async def test_the_token_is_in_no_error(behind: Behind) -> None:
    with pytest.raises(LinkRefused) as refused:
        await GuardLink.dial(behind.url, token="secret token", fingerprint=behind.machine.fingerprint)
    error: BaseException | None = refused.value
    while error is not None:
        assert "secret" not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__


async def test_an_engine_client_works_through_the_guard(behind: Behind, engine: FakeEngine) -> None:
    engine.answers["/system_stats"] = (200, {"system": {"comfyui_version": "0.45.0"}, "devices": []})
    engine.answers["/view"] = (200, b"\x89PNG")
    client = EngineClient(behind.url, token=TOKEN, fingerprint=behind.machine.fingerprint, timeouts=TIMEOUTS)
    try:
        assert (await client.system_stats()).version == "0.45.0"
        assert await client.upload_image("a.png", b"picture" * 200_000) == "wakebrush/a.png"
        assert engine.uploads == {"wakebrush/a.png": b"picture" * 200_000}
        async with EngineSocket(client, "me") as socket:
            async with asyncio.timeout(DEADLINE):
                await anext(aiter(socket))
                assert "feature_flags" in await engine.said.get()
            assert list(engine.sockets) == ["me"]
    finally:
        await client.close()


async def test_an_engine_client_takes_a_draining_machine_for_one_to_try_again(behind: Behind, engine: FakeEngine) -> None:
    behind.machine.life.draining = True
    client = EngineClient(behind.url, token=TOKEN, fingerprint=behind.machine.fingerprint, timeouts=TIMEOUTS)
    try:
        with pytest.raises(EngineDraining, match="about to stop") as refused:
            await client.submit("p", {}, client_id="me")
        assert refused.value.retry_after == RETRY_SECONDS
    finally:
        await client.close()
    assert engine.received == []
