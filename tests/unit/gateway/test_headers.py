"""What stays outside of the gateway's door."""

from __future__ import annotations

import pytest

from wake_service.gateway.headers import ALWAYS, brought_in, sent_out


@pytest.mark.parametrize(
    "name",
    ["authorization", "Cookie", "origin", "Referer", "sec-fetch-site", "sec-fetch-mode", "x-forwarded-host", "wakebrush-base"],
)
def test_what_an_engine_must_not_see_stays_outside(name: str) -> None:
    assert brought_in([(name.encode(), b"secret"), (b"accept", b"*/*")]) == [(b"accept", b"*/*")]


def test_what_view_decides_by_comes_in() -> None:
    assert brought_in([(b"sec-fetch-dest", b"image")]) == [(b"sec-fetch-dest", b"image")]


@pytest.mark.parametrize(
    "name",
    [
        "set-cookie",
        "Clear-Site-Data",
        "service-worker-allowed",
        "access-control-allow-origin",
        "Report-To",
        "nel",
        "strict-transport-security",
        "server",
    ],
)
def test_what_would_change_the_whole_origin_is_never_said(name: str) -> None:
    assert sent_out([(name.encode(), b"*"), (b"etag", b'"1"')]) == [(b"etag", b'"1"'), *ALWAYS]


def test_a_node_pack_cannot_loosen_what_is_always_said() -> None:
    said = sent_out([(b"Referrer-Policy", b"unsafe-url"), (b"Cross-Origin-Resource-Policy", b"cross-origin")])
    assert said == ALWAYS


def test_a_policy_of_its_own_stays_beside_ours() -> None:
    assert sent_out([(b"content-security-policy", b"sandbox")]) == [(b"content-security-policy", b"sandbox"), *ALWAYS]
