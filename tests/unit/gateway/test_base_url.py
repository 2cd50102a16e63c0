"""Where a caller finds the gateway."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.datastructures import Headers

from wake_service.gateway.address import Address
from wake_service.gateway.base_url import base_url

SCOPE: dict[str, Any] = {"scheme": "http", "server": ("10.0.0.5", 7718)}
HEADER, LINK, ROOT = Address("/comfy", None, "/", False), Address("/t/wb_a", "wb_a", "/", False), Address("", None, "/", True)


def base(address: Address = HEADER, public_url: str | None = None, scheme: str = "http", **headers: str) -> str:
    return base_url(
        {**SCOPE, "scheme": scheme},
        Headers({name.replace("_", "-"): value for name, value in headers.items()}),
        address,
        public_url,
    )


def test_it_is_as_the_caller_says_it() -> None:
    assert base(host="comfy.studio.example", scheme="https") == "https://comfy.studio.example/comfy"
    assert base(LINK, host="127.0.0.1:7718") == "http://127.0.0.1:7718/t/wb_a"
    assert base(ROOT, host="127.0.0.1:7718", scheme="ws") == "http://127.0.0.1:7718"


def test_it_is_where_the_server_listens_for_one_who_says_nothing() -> None:
    assert base() == "http://10.0.0.5:7718/comfy"


def test_the_settings_know_better() -> None:
    assert base(LINK, "https://comfy.studio.example/", host="10.0.0.5") == "https://comfy.studio.example/t/wb_a"


def test_a_loopback_port_calls_its_clients_back_to_itself() -> None:
    assert base(public_url="https://comfy.studio.example", wakebrush_base="http://127.0.0.1:8188") == "http://127.0.0.1:8188"


@pytest.mark.parametrize(
    "said", ["https://evil.example", "http://127.0.0.1:8188.evil.example", "http://127.0.0.1:8188/x", "http://127.0.0.1"]
)
def test_nobody_is_called_to_another_place(said: str) -> None:
    assert base(host="h", wakebrush_base=said) == "http://h/comfy"


def test_a_link_is_called_back_by_itself_alone() -> None:
    assert base(LINK, host="h", wakebrush_base="http://127.0.0.1:8188") == "http://h/t/wb_a"
