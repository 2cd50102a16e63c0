"""Whether a page of another site is behind a request."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from wake_service.gateway.crossing import authority, is_foreign, own_hosts

HERE = own_hosts("http", "127.0.0.1:7718", None)
PAGE = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def foreign(method: str | None = "POST", path: str = "/prompt", hosts: frozenset[str] = HERE, **headers: str) -> bool:
    return is_foreign(Headers({name.replace("_", "-"): value for name, value in headers.items()}), method, path, hosts)


@pytest.mark.parametrize("method", ["GET", "POST", None])
def test_a_program_that_is_no_browser_passes(method: str | None) -> None:
    assert not foreign(method)


@pytest.mark.parametrize("method", ["GET", "POST", None])
def test_the_gateways_own_page_passes(method: str | None) -> None:
    assert not foreign(method, sec_fetch_site="same-origin", origin="http://127.0.0.1:7718")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", None])
def test_a_page_from_elsewhere_is_refused(method: str | None, site: str) -> None:
    assert foreign(method, sec_fetch_site=site)


@pytest.mark.parametrize("method", ["GET", "POST", None])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:3000", "https://127.0.0.1:7719", "null", "", "file://"]
)
def test_a_foreign_origin_is_refused(method: str | None, origin: str) -> None:
    assert foreign(method, origin=origin)


def test_the_page_itself_may_be_opened_from_anywhere() -> None:
    assert not foreign("GET", "/", sec_fetch_site="cross-site", **PAGE)
    assert not foreign("GET", "", sec_fetch_site="cross-site", **PAGE)


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/view", PAGE),
        ("POST", "/", PAGE),
        ("GET", "/", {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}),
        ("GET", "/", {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}),
    ],
)
def test_nothing_else_may_be_opened_from_elsewhere(method: str, path: str, more: dict[str, str]) -> None:
    assert foreign(method, path, sec_fetch_site="cross-site", **more)


def test_a_page_of_ours_whose_origin_its_referrer_policy_hides_passes() -> None:
    assert not foreign(sec_fetch_site="same-origin", origin="null")
    assert foreign(origin="null")


def test_a_proxy_may_end_tls_without_saying_so() -> None:
    hosts = own_hosts("http", "comfy.studio.example", None)
    assert not foreign(hosts=hosts, origin="https://comfy.studio.example")
    assert foreign(hosts=hosts, origin="https://comfy.studio.example:8443")


def test_the_address_in_the_settings_is_ours_whatever_the_proxy_says() -> None:
    hosts = own_hosts("http", "10.0.0.5:7718", "https://comfy.studio.example")
    assert not foreign(hosts=hosts, origin="https://comfy.studio.example")
    assert not foreign(hosts=own_hosts("ws", "[::1]:7718", None), origin="http://[::1]:7718")


@pytest.mark.parametrize("url", ["", "file://", "about:blank", "http://x:port", "http://[::1", "evil.example"])
def test_what_is_no_address_has_no_authority(url: str) -> None:
    assert authority(url) is None
