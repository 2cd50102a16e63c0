"""By which address somebody came."""

from __future__ import annotations

import pytest

from wake_service.gateway.address import Address, parse, unsaid


@pytest.mark.parametrize(
    ("raw_path", "address"),
    [
        ("/comfy/prompt", Address("/comfy", None, "/prompt", False)),
        ("/comfy/api/prompt", Address("/comfy", None, "/prompt", True)),
        ("/comfy", Address("/comfy", None, "", False)),
        ("/comfy/", Address("/comfy", None, "/", False)),
        ("/comfy/apinode/x", Address("/comfy", None, "/apinode/x", False)),
        ("/comfy/api/v2/jobs", Address("/comfy", None, "/v2/jobs", True)),
        ("/t/wb_a-B_9/ws", Address("/t/wb_a-B_9", "wb_a-B_9", "/ws", False)),
        ("/t/wb_a/api/jobs", Address("/t/wb_a", "wb_a", "/jobs", True)),
        ("/t/wb_a/api/v2/jobs", Address("/t/wb_a", "wb_a", "/v2/jobs", True)),
        ("/t/wb_a/eas/prompt", Address("/t/wb_a", "wb_a", "/eas/prompt", False)),
        ("/api/v2/jobs", Address("", None, "/v2/jobs", True)),
        ("/eas/prompt", Address("", None, "/eas/prompt", False)),
        ("/t/wb_a/userdata/a%2Fb.json", Address("/t/wb_a", "wb_a", "/userdata/a%2Fb.json", False)),
    ],
)
def test_an_address_is_its_prefix_its_token_and_the_rest(raw_path: str, address: Address) -> None:
    assert parse(raw_path) == address


@pytest.mark.parametrize(
    "raw_path", ["/", "/prompt", "/api/prompt", "/comfyx/prompt", "/t/", "/t//ws", "/eastern", "/v2/jobs", "//t/wb_a/"]
)
def test_all_else_leads_nowhere(raw_path: str) -> None:
    assert parse(raw_path) is None


@pytest.mark.parametrize("raw_path", ["/t/%77b_a/ws", "/t/wb_a%2Fws", "/t/wb_a;x/ws", f"/t/{'a' * 201}/ws"])
def test_a_token_that_hides_in_escapes_is_none_and_is_not_said_either(raw_path: str) -> None:
    assert parse(raw_path) is None
    assert unsaid(raw_path) == "/t/"
