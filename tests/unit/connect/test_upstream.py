"""What travels from the loopback port to the gateway, and back."""

from __future__ import annotations

import pytest

from wake_service.connect.upstream import Upstream, answer_headers, checked_base
from wake_service.errors import SetupError

UPSTREAM = Upstream("https://comfy.studio.example/studio", "wb_secret")


def test_an_address_keeps_its_escapes_and_the_gateway_s_own_prefix() -> None:
    raw = "/userdata/a%2Fb.json?full=%20"
    assert str(UPSTREAM.url(raw)) == f"https://comfy.studio.example/studio/comfy{raw}"
    assert str(UPSTREAM.socket_url("/ws?clientId=1")) == "wss://comfy.studio.example/studio/comfy/ws?clientId=1"


def test_the_token_is_added_and_whatever_the_client_sent_in_its_place_is_not() -> None:
    headers = UPSTREAM.request_headers(
        [("Authorization", "Bearer hers"), ("Accept", "*/*"), ("Cookie", "a=b"), ("Host", "x")], "localhost:8188"
    )
    assert dict(headers) == {"Accept": "*/*", "Authorization": "Bearer wb_secret", "Wakebrush-Base": "http://localhost:8188"}


@pytest.mark.parametrize("name", ["Origin", "Referer", "Sec-Fetch-Site", "Connection", "Expect", "transfer-encoding", "Upgrade"])
def test_what_was_judged_here_or_is_of_this_connection_stays_here(name: str) -> None:
    assert name not in UPSTREAM.request_headers([(name, "x")], "localhost:8188")


def test_an_answer_keeps_all_but_what_is_of_its_connection() -> None:
    given = [
        ("ETag", '"1"'),
        ("Content-Length", "2"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("X-A", "1"),
        ("X-A", "2"),
    ]
    assert list(answer_headers(given).items()) == [("ETag", '"1"'), ("Content-Length", "2"), ("X-A", "1"), ("X-A", "2")]


@pytest.mark.parametrize(
    "url", ["https://comfy.studio.example/", "http://127.0.0.1:7718", "http://localhost:7718", "http://[::1]:7718"]
)
def test_a_protected_address_is_taken(url: str) -> None:
    assert checked_base(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "comfy.studio.example",
        "ftp://comfy.studio.example",
        "https://",
        "http://comfy.studio.example",
        "http://10.0.0.5:7718",
        "https://h/?token=x",
        "https://user@h/",
        "https://h/t/wb_x/",
    ],
)
def test_any_other_is_refused_with_a_sentence_before_the_token_travels(url: str) -> None:
    with pytest.raises(SetupError, match=r"\.$"):
        checked_base(url)
