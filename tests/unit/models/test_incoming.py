"""Files from the disk and from https addresses."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.certificates import self_signed
from tests.unit.models.samples import MODEL
from wake_service.errors import ModelError
from wake_service.models.incoming import Incoming, from_address, from_disk


@dataclass
class Site:
    """A site of models that a test can steer. `tls`: what trusts its certificate."""

    tls: ssl.SSLContext
    address: str = ""
    redirects: list[str] = field(default_factory=list)
    status: int = 200
    chunked: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.redirects:
            return web.Response(status=302, headers={"Location": self.redirects.pop(0)})
        if self.chunked:
            answer = web.StreamResponse()
            answer.enable_chunked_encoding()
            await answer.prepare(request)
            await answer.write(MODEL)
            return answer
        if self.cut:
            answer = web.StreamResponse(headers={"Content-Length": str(len(MODEL))})
            await answer.prepare(request)
            await answer.write(MODEL[:50])
            assert request.transport is not None
            request.transport.close()
            return answer
        return web.Response(body=MODEL, status=self.status, headers=self.headers)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    certificate = self_signed(tmp_path, "site")
    trusting = ssl.create_default_context(cafile=str(certificate.file))
    trusting.check_hostname = False
    site = Site(trusting)
    application = web.Application()
    application.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate.context()).start()
    site.address = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


async def whole(incoming: Incoming) -> bytes:
    return b"".join([chunk async for chunk in incoming.chunks])


async def test_a_file_of_this_computer_is_read(tmp_path: Path) -> None:
    (tmp_path / "base.safetensors").write_bytes(MODEL)
    async with from_disk(tmp_path / "base.safetensors") as incoming:
        assert (incoming.file, incoming.size, await whole(incoming)) == ("base.safetensors", len(MODEL), MODEL)


async def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ModelError, match="cannot be read"):
            async with from_disk(path):
                pass


async def test_a_file_is_fetched_and_redirects_are_followed(site: Site) -> None:
    site.redirects = ["/elsewhere/my%20base.safetensors?token=secret"]
    async with from_address(f"{site.address}/x", site.tls) as incoming:
        assert (incoming.file, incoming.size, await whole(incoming)) == ("my base.safetensors", len(MODEL), MODEL)


async def test_the_server_may_name_the_file(site: Site) -> None:
    site.headers = {"Content-Disposition": 'attachment; filename="fine.safetensors"'}
    async with from_address(f"{site.address}/download/12", site.tls) as incoming:
        assert incoming.file == "fine.safetensors"


@pytest.mark.parametrize("address", ["http://models.example/x", "ftp://models.example/x", "file:///etc/passwd"])
async def test_only_https_is_fetched(site: Site, address: str) -> None:
    with pytest.raises(ModelError, match="only https"):
        async with from_address(address):
            pass
    site.redirects = [address]
    with pytest.raises(ModelError, match="only https"):
        async with from_address(f"{site.address}/x", site.tls):
            pass


async def test_an_address_without_a_server_is_refused() -> None:
    with pytest.raises(ModelError, match="only https"):
        async with from_address("https:///x"):
            pass


async def test_a_certificate_that_nobody_vouches_for_is_refused(site: Site) -> None:
    with pytest.raises(ModelError, match="certificate"):
        async with from_address(f"{site.address}/x"):
            pass


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chunked": True}, "how large"),
        ({"headers": {"Content-Encoding": "gzip"}}, "how large"),
        ({"status": 404}, "404"),
        ({"status": 403}, "login"),
        ({"redirects": ["/on"] * 50}, "on and on"),
    ],
)
async def test_what_cannot_be_fetched_is_a_sentence_without_the_secret_of_the_address(
    site: Site, changes: dict[str, object], words: str
) -> None:
    for name, value in changes.items():
        setattr(site, name, value)
    with pytest.raises(ModelError, match=words) as caught:
        async with from_address(f"{site.address}/x?token=secret", site.tls):
            pass
    assert "secret" not in str(caught.value)


async def test_a_connection_that_breaks_is_a_sentence(site: Site) -> None:
    site.cut = True
    with pytest.raises(ModelError, match="try again"):
        async with from_address(f"{site.address}/x", site.tls) as incoming:
            await whole(incoming)


async def test_a_server_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(ModelError, match="try again"):
        async with from_address("https://127.0.0.1:9/x"):
            pass
