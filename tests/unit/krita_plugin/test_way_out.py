"""From a studio's network to the service: through its proxy, with its authority, without WebSockets where it forbids them."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Certificate, self_signed
from wakebrush.client import certificates
from wakebrush.client.config import Connection
from wakebrush.client.errors import ProxyRefused, ServiceError, Unreachable, Untrusted
from wakebrush.client.service import Service
from wakebrush.client.stream import EventStream

from .fake_service import TOKEN, FakeService
from .strict_proxy import HOST, StrictProxy
from .test_stream import Heard

ENDPOINT = f"https://{HOST}"


@pytest.fixture
def authority(tmp_path: Path) -> Certificate:
    return self_signed(tmp_path, host=HOST)


@pytest.fixture
def proxy(service: FakeService, authority: Certificate, request: pytest.FixtureRequest) -> Iterator[StrictProxy]:
    with StrictProxy(service.port, authority.context(), getattr(request, "param", "refuse")) as running:
        yield running


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def listen(heard: Heard) -> Iterator[Callable[[Connection], None]]:
    streams: list[EventStream] = []

    def start(connection: Connection) -> None:
        streams.append(EventStream(lambda: connection, heard, first_pause=0.01))
        streams[-1].start()

    yield start
    for stream in streams:
        stream.stop()
        assert stream.join(5.0)


@pytest.fixture(autouse=True)
def misleading_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the libraries would take from the environment leads nowhere, and would replace the token."""
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "studio.example")
    (tmp_path / "netrc").write_text(f"machine {HOST} login x password y\nmachine 127.0.0.1 login x password y\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def through(proxy: StrictProxy, authority: Certificate, address: str = "") -> Connection:
    return Connection(ENDPOINT, TOKEN, "settings", address or proxy.address, str(authority.file))


@pytest.mark.parametrize("proxy", ["refuse", "swallow"], indirect=True)
def test_where_upgrades_are_blocked_the_long_poll_carries_the_same_events(
    listen: Callable[[Connection], None], heard: Heard, service: FakeService, proxy: StrictProxy, authority: Certificate
) -> None:
    listen(through(proxy, authority))
    heard.wait_for("snapshot")
    service.push("job.queued", {"id": "j"})
    assert heard.wait_for("job.queued")["seq"] == 1
    assert proxy.asked[0] == f"CONNECT {HOST}:443 HTTP/1.1" and any("wait=" in each for each in proxy.asked)


@pytest.mark.parametrize("proxy", ["pass"], indirect=True)
def test_a_proxy_that_allows_upgrades_carries_the_stream_itself(
    listen: Callable[[Connection], None], heard: Heard, service: FakeService, proxy: StrictProxy, authority: Certificate
) -> None:
    listen(through(proxy, authority))
    heard.wait_for("snapshot")
    service.preview("j", b"image")
    assert heard.wait_for("preview")[1] == b"image", "only a WebSocket brings previews"
    assert not any("wait=" in each for each in proxy.asked)


def test_calls_go_through_the_proxy_with_the_token_that_belongs_to_them(
    service: FakeService, proxy: StrictProxy, authority: Certificate
) -> None:
    assert Service(through(proxy, authority)).me().artist == "Mira"


def test_nothing_goes_through_a_proxy_that_was_not_chosen(
    listen: Callable[[Connection], None], heard: Heard, service: FakeService
) -> None:
    connection = Connection(service.endpoint, TOKEN, "settings")
    assert Service(connection).me().artist == "Mira"
    listen(connection)
    heard.wait_for("snapshot")
    service.preview("j", b"image")
    heard.wait_for("preview")


def test_a_proxy_that_asks_for_a_name_gets_it_everywhere(
    listen: Callable[[Connection], None], heard: Heard, service: FakeService, authority: Certificate
) -> None:
    with StrictProxy(service.port, authority.context(), "pass", login=("mira", "p@ss:word")) as proxy:
        address = proxy.address.replace("http://", "http://mira:p%40ss%3Aword@")
        assert Service(through(proxy, authority, address)).me().artist == "Mira"
        listen(through(proxy, authority, address))
        heard.wait_for("snapshot")
        service.preview("j", b"image")
        heard.wait_for("preview")
        with pytest.raises(ProxyRefused) as refused:
            Service(through(proxy, authority)).me()
        assert "asks for a name and a password" in refused.value.title and refused.value.action == "settings"


def test_a_wrong_password_of_the_proxy_is_told_without_it(
    listen: Callable[[Connection], None], heard: Heard, service: FakeService, authority: Certificate
) -> None:
    with StrictProxy(service.port, authority.context(), login=("mira", "right-one")) as proxy:
        connection = through(proxy, authority, proxy.address.replace("http://", "http://mira:wrong-one@"))
        with pytest.raises(ProxyRefused) as refused:
            Service(connection).me()
        listen(connection)
        told = heard.wait_for("disconnected")
    for error in (refused.value, told):
        assert isinstance(error, ProxyRefused) and "wrong-one" not in f"{error} {error.detail}"


def test_a_proxy_that_is_not_there_is_named(authority: Certificate) -> None:
    connection = Connection(ENDPOINT, TOKEN, "settings", "http://127.0.0.1:9", str(authority.file))
    with pytest.raises(Unreachable) as refused:
        Service(connection).me()
    assert "127.0.0.1:9" in refused.value.title


def test_an_authority_that_nobody_named_is_not_trusted_by_calls_nor_by_the_stream(
    listen: Callable[[Connection], None], heard: Heard, service: FakeService, proxy: StrictProxy
) -> None:
    connection = Connection(ENDPOINT, TOKEN, "settings", proxy.address)
    with pytest.raises(Untrusted) as refused:
        Service(connection).me()
    assert HOST in refused.value.title and refused.value.action == "settings"
    listen(connection)
    assert isinstance(heard.wait_for("disconnected"), Untrusted)
    assert ("GET", "/v1/me") not in service.calls and not service.positions, "the token never left"


def test_a_certificate_of_another_host_is_not_trusted_even_with_its_authority(service: FakeService, tmp_path: Path) -> None:
    other = self_signed(tmp_path, host="elsewhere.example")
    with StrictProxy(service.port, other.context()) as proxy, pytest.raises(Untrusted):
        Service(through(proxy, other)).me()


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ServiceError) as refused:
        certificates.context(str(file))
    assert str(file) in refused.value.title and refused.value.code == "invalid_authority"
    with pytest.raises(ServiceError):
        Service(Connection(ENDPOINT, TOKEN, "settings", "", str(file))).me()


def test_a_computer_without_a_store_of_its_own_trusts_the_list_that_travels_with_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "_has_usual_places", lambda: False)
    loaded: list[str] = []
    real = ssl.SSLContext.load_verify_locations
    monkeypatch.setattr(
        certificates.truststore.SSLContext, "load_verify_locations", lambda self, cafile=None: loaded.append(cafile) or real
    )
    certificates.context()
    assert len(loaded) == 1 and loaded[0].endswith("cacert.pem")
