"""Where the service is: environment, settings, discovery; and what is never done with a token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wakebrush.client.config import checked, data_folder, discover, resolve
from wakebrush.client.errors import Insecure, NotFound, Refused, ServiceError
from wakebrush.client.profiles import Profile, Profiles


@pytest.fixture
def announced(tmp_path: Path) -> str:
    """A service on this computer has announced itself in the test's data folder; its address."""
    (tmp_path / "token").write_text("local-token\n", encoding="utf-8")
    told = {"endpoint": "http://127.0.0.1:7717", "token_file": str(tmp_path / "token"), "pid": 1, "version": "0.1.0"}
    (tmp_path / "endpoint.json").write_text(json.dumps(told), encoding="utf-8")
    return "http://127.0.0.1:7717"


def hers(folder: Path, endpoint: str = "", token: str = "") -> Profiles:
    """What she has set, if anything."""
    profiles = Profiles(folder / "krita")
    if endpoint:
        profiles.add(Profile("", "mine", endpoint, token))
    return profiles


def environ(folder: Path, **more: str) -> dict[str, str]:
    return {"WAKEBRUSH_DATA": str(folder), **more}


def test_a_service_on_this_computer_is_found_without_any_setting(tmp_path: Path, announced: str) -> None:
    found = resolve(hers(tmp_path), environ(tmp_path))
    assert (found.endpoint, found.token, found.source) == (announced, "local-token", "discovery")


def test_settings_go_before_discovery_and_the_environment_before_both(tmp_path: Path, announced: str) -> None:
    settings = hers(tmp_path, "https://studio.example", "studio")
    assert resolve(settings, environ(tmp_path)).endpoint == "https://studio.example"
    told = environ(tmp_path, KRITA_AI_ENDPOINT="https://other.example/", KRITA_AI_TOKEN="other")
    assert resolve(settings, told).endpoint == "https://other.example"


def test_a_token_is_never_sent_to_an_address_it_did_not_come_with(tmp_path: Path, announced: str) -> None:
    settings = hers(tmp_path, "https://studio.example", "studio")
    with pytest.raises(Refused):
        resolve(settings, environ(tmp_path, KRITA_AI_ENDPOINT="https://elsewhere.example"))
    with pytest.raises(Refused):
        resolve(hers(tmp_path, "https://elsewhere.example"), environ(tmp_path))


def test_the_address_of_the_local_service_needs_no_token_of_its_own(tmp_path: Path, announced: str) -> None:
    assert resolve(hers(tmp_path), environ(tmp_path, KRITA_AI_ENDPOINT=announced)).token == "local-token"


def test_no_service_anywhere_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as raised:
        resolve(hers(tmp_path), environ(tmp_path))
    assert "wakebrush serve" in raised.value.hint


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"endpoint": 3}', '{"endpoint": "http://127.0.0.1:1", "token_file": "/nowhere"}']
)
def test_a_broken_announcement_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "endpoint.json").write_text(content, encoding="utf-8")
    assert discover(tmp_path) is None


def test_an_announcement_cannot_lead_the_token_off_this_computer_unencrypted(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t", encoding="utf-8")
    told = {"endpoint": "http://evil.example", "token_file": str(tmp_path / "token")}
    (tmp_path / "endpoint.json").write_text(json.dumps(told), encoding="utf-8")
    assert discover(tmp_path) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("127.0.0.1:7717", "http://127.0.0.1:7717"),
        ("localhost:7717/", "http://localhost:7717"),
        ("studio.example", "https://studio.example"),
        (" https://studio.example/paint/ ", "https://studio.example/paint"),
        ("http://[::1]:7717", "http://[::1]:7717"),
    ],
)
def test_an_address_is_understood_the_way_it_is_typed(typed: str, meant: str) -> None:
    assert checked(typed) == meant


@pytest.mark.parametrize("typed", ["http://studio.example", "http://192.168.1.7:7717", "http://127.0.0.1.evil.example"])
def test_plain_http_to_another_computer_is_refused(typed: str) -> None:
    with pytest.raises(Insecure):
        checked(typed)


@pytest.mark.parametrize("typed", ["ftp://studio.example", "https://", "https://a:99999999", "https://[", "://"])
def test_what_is_no_address_is_said_to_be_none(typed: str) -> None:
    with pytest.raises(ServiceError) as raised:
        checked(typed)
    assert raised.value.code == "invalid_endpoint"


def test_the_data_folder_is_the_one_of_the_service(tmp_path: Path) -> None:
    assert data_folder({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "wakebrush"
    assert data_folder({"XDG_DATA_HOME": "/elsewhere", "WAKEBRUSH_DATA": str(tmp_path)}) == tmp_path


def test_a_token_does_not_show_when_a_connection_is_printed(tmp_path: Path, announced: str) -> None:
    assert "local-token" not in repr(resolve(hers(tmp_path), environ(tmp_path)))
