"""Whom the loopback port serves."""

from __future__ import annotations

import pytest

from wake_service.connect.judging import objection

PORT = 8188
CLICK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def served(method: str = "POST", path: str = "/prompt", host: str = "127.0.0.1:8188", **headers: str) -> bool:
    given = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return objection(given, method, path, PORT) is None


@pytest.mark.parametrize("host", ["127.0.0.1:8188", "localhost:8188", "LOCALHOST:8188", "[::1]:8188"])
def test_programs_of_this_computer_are_served(host: str) -> None:
    assert served(host=host)


@pytest.mark.parametrize(
    "host", ["", "evil.example:8188", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:8188", "0.0.0.0:8188"]
)
def test_a_name_that_was_made_to_point_here_is_not(host: str) -> None:
    assert not served(host=host)


def test_a_page_that_came_from_here_is_served() -> None:
    assert served(Origin="http://localhost:8188", Sec_Fetch_Site="same-origin")
    assert served("GET", "/", Sec_Fetch_Site="none")


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:3000", "null", ""])
def test_a_page_that_came_from_elsewhere_is_not(origin: str) -> None:
    assert not served(Origin=origin)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nor_is_one_that_keeps_its_origin_back(method: str, site: str) -> None:
    assert not served(method, Sec_Fetch_Site=site)


def test_comfyui_s_page_may_be_opened_from_anywhere() -> None:
    assert objection({"Host": "localhost:8188", **CLICK}, "GET", "/", PORT) is None
    assert objection({"Host": "localhost:8188", **CLICK}, "GET", "/view", PORT) is not None
    assert objection({"Host": "localhost:8188", **CLICK}, "POST", "/", PORT) is not None
