"""Which proxy is used: hers, the environment's, the system's, in this order; and none for what needs none."""

from __future__ import annotations

import pytest

from wakebrush.client.errors import ServiceError
from wakebrush.client.proxy import Parts, checked, choose, parts, shown
from wakebrush.qt import QNetworkProxy, QNetworkProxyFactory
from wakebrush.session.system_proxy import system_proxy

STUDIO = "https://studio.example"


def system(endpoint: str) -> str:
    return "http://system:1"


@pytest.mark.parametrize(
    ("setting", "endpoint", "environ", "chosen"),
    [
        ("http://mine:1", STUDIO, {"https_proxy": "http://env:2"}, "http://mine:1"),
        ("", STUDIO, {"https_proxy": "http://env:2"}, "http://env:2"),
        ("", STUDIO, {"HTTPS_PROXY": "env:2"}, "http://env:2"),
        ("", STUDIO, {"ALL_PROXY": "http://env:2"}, "http://env:2"),
        ("", STUDIO, {"http_proxy": "http://env:2"}, "http://system:1"),
        ("", STUDIO, {}, "http://system:1"),
        ("none", STUDIO, {"https_proxy": "http://env:2"}, ""),
        ("http://mine:1", "http://127.0.0.1:7717", {}, ""),
        ("", STUDIO, {"https_proxy": "http://env:2", "no_proxy": "studio.example"}, ""),
        ("", STUDIO, {"https_proxy": "http://env:2", "NO_PROXY": "a.example, .example"}, ""),
        ("", STUDIO, {"https_proxy": "http://env:2", "no_proxy": "*"}, ""),
        ("", STUDIO, {"https_proxy": "http://env:2", "no_proxy": "*.example"}, ""),
        ("", STUDIO, {"https_proxy": "http://env:2", "no_proxy": "dio.example"}, "http://env:2"),
        ("", "https://10.1.2.3", {"https_proxy": "http://env:2", "no_proxy": "10.0.0.0/8"}, ""),
        ("", "https://10.1.2.3", {"https_proxy": "http://env:2", "no_proxy": "11.0.0.0/8,,x"}, "http://env:2"),
    ],
)
def test_the_proxy_is_chosen(setting: str, endpoint: str, environ: dict[str, str], chosen: str) -> None:
    assert choose(setting, endpoint, environ, system) == chosen


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" proxy:3128/ ", "http://proxy:3128"),
        ("proxy", "http://proxy:80"),
        ("https://proxy", "https://proxy:443"),
        ("http://a:b@[::1]:3", "http://a:b@[::1]:3"),
    ],
)
def test_an_address_is_understood_the_way_it_is_typed(typed: str, meant: str) -> None:
    assert checked(typed) == meant


@pytest.mark.parametrize("typed", ["socks5://mira:secret@proxy:1080", "http://", "http://a:99999999", "http://["])
def test_what_cannot_be_used_is_said_without_its_password(typed: str) -> None:
    with pytest.raises(ServiceError) as refused:
        checked(typed)
    assert refused.value.code == "invalid_proxy" and refused.value.action == "settings"
    assert "secret" not in str(refused.value)


def test_the_pieces_of_an_address() -> None:
    assert parts("http://mira:p%40ss@proxy:3128") == Parts("proxy", 3128, ("mira", "p@ss"), False)
    assert parts("https://proxy:443") == Parts("proxy", 443, None, True)
    assert "p@ss" not in repr(parts("http://mira:p%40ss@proxy:3128"))
    assert shown("http://mira:p%40ss@proxy:3128") == "http://proxy:3128"
    assert shown("http://proxy:3128") == "http://proxy:3128" and shown("mira:x@proxy") == "proxy"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("HttpProxy", "http://mira:p%40ss@proxy.example:3128"),
        ("HttpCachingProxy", "http://mira:p%40ss@proxy.example:3128"),
        ("Socks5Proxy", ""),
        ("NoProxy", ""),
    ],
)
def test_the_systems_own_proxy_is_read_from_qt(monkeypatch: pytest.MonkeyPatch, kind: str, said: str) -> None:
    told = QNetworkProxy(getattr(QNetworkProxy.ProxyType, kind), "proxy.example", 3128, "mira", "p@ss")
    monkeypatch.setattr(QNetworkProxyFactory, "systemProxyForQuery", staticmethod(lambda query: [told]))
    assert system_proxy(STUDIO) == said


def test_a_proxy_over_tls_leaves_the_stream_to_the_long_poll() -> None:
    from wakebrush.client.config import Connection
    from wakebrush.client.stream import EventStream, _UpgradeRefused

    stream = EventStream(lambda: Connection(STUDIO, "t", "settings"), None)  # type: ignore[arg-type]
    with pytest.raises(_UpgradeRefused):
        stream._open(Connection(STUDIO, "t", "settings", "https://proxy:443"), stream._sockets)
