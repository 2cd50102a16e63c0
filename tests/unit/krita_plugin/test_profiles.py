"""Her services and their tokens: kept, private, each token only for the endpoint it came with."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from wakebrush.client import private_file
from wakebrush.client.central import Central
from wakebrush.client.profiles import CENTRAL, LOCAL, Profile, Profiles
from wakebrush.client.store import MemoryStore

STUDIO = Profile("", "Studio", "https://studio.example", "studio-token", artist="Mira", team="Film")
HOME = Profile("", "Home", "https://home.example", "home-token")


def test_what_was_added_is_there_in_the_next_krita_and_in_use(tmp_path: Path) -> None:
    Profiles(tmp_path).add(STUDIO)
    again = Profiles(tmp_path)
    assert (again.active.name, again.token(again.active), again.active.artist) == ("Studio", "studio-token", "Mira")
    assert [each.name for each in again.all] == ["Studio", "This computer"]


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    Profiles(tmp_path / "new" / "folder").add(STUDIO)
    (file,) = (tmp_path / "new" / "folder").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_she_changes_between_services_and_back(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path)
    studio, home = profiles.add(STUDIO), profiles.add(HOME)
    assert profiles.active == home
    profiles.use(studio.id)
    assert Profiles(tmp_path).active.name == "Studio"
    profiles.use(LOCAL)
    assert Profiles(tmp_path).active.endpoint == ""


def test_what_is_removed_is_gone_with_its_token(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path)
    profiles.remove(profiles.add(STUDIO).id)
    assert profiles.active.id == LOCAL and profiles.get("nobody") is None
    assert "studio-token" not in (tmp_path / "services.json").read_text()


def test_a_list_that_cannot_be_read_is_said_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "services.json").mkdir()
    assert "cannot be read" in Profiles(tmp_path).problem and (tmp_path / "services.json").is_dir()


def test_pairing_again_with_the_same_service_replaces_its_token(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path)
    first = profiles.add(STUDIO)
    second = profiles.add(Profile("", "Studio", STUDIO.endpoint, "newer"))
    assert first.id == second.id and profiles.token(second) == "newer" and len(profiles.all) == 2


def test_a_token_does_not_follow_to_another_endpoint(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path)
    kept = profiles.add(STUDIO)
    profiles.change(kept.id, name="Renamed")
    assert profiles.token(profiles.active) == "studio-token"
    profiles.change(kept.id, endpoint="https://elsewhere.example")
    assert profiles.token(profiles.active) == "" and profiles.active.artist == ""
    profiles.change(kept.id, endpoint="https://third.example", token="with it")
    assert profiles.token(profiles.active) == "with it"


@pytest.mark.parametrize("content", ["{", "[]", '{"active": 1}', '{"active":"","services":[3]}', '{"active":"","services":[{}]}'])
def test_a_damaged_list_is_put_aside_and_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "services.json").write_text(content)
    profiles = Profiles(tmp_path)
    assert "Pair this computer again" in profiles.problem and profiles.active.id == LOCAL
    assert (tmp_path / "services.damaged").read_text() == content
    profiles.add(STUDIO)
    assert Profiles(tmp_path).problem == ""


def test_what_an_earlier_version_kept_is_taken_over_once_and_leaves_kritas_settings(tmp_path: Path) -> None:
    store = MemoryStore({"endpoint": "https://studio.example/", "token": "old", "paint": "{}"})
    profiles = Profiles(tmp_path, settings=store)
    assert (profiles.active.endpoint, profiles.active.name) == ("https://studio.example", "studio.example")
    assert profiles.token(profiles.active) == "old"
    assert store.values == {"endpoint": "", "token": "", "paint": "{}"}
    profiles.remove(profiles.active.id)
    assert Profiles(tmp_path, settings=store).active.id == LOCAL


def test_what_an_earlier_version_kept_stays_where_it_is_while_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = MemoryStore({"endpoint": "https://studio.example", "token": "old"})
    profiles = Profiles(tmp_path / "file" / "folder", settings=store)
    assert "could not be stored" in profiles.problem and store.read("token") == "old"
    assert profiles.active.endpoint == "https://studio.example", "she can paint all the same"


def test_a_token_without_an_address_is_no_service(tmp_path: Path) -> None:
    store = MemoryStore({"token": "stray"})
    assert Profiles(tmp_path, settings=store).active.id == LOCAL and store.read("token") == ""


def test_the_studios_service_comes_first_and_is_not_hers_to_change(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path, Central(endpoint="https://studio.example", proxy="none"))
    assert (profiles.active.id, profiles.active.name, profiles.active.locked) == (CENTRAL, "My studio", True)
    assert profiles.active.source == "central"
    home = profiles.add(HOME)
    assert [each.id for each in profiles.all] == [CENTRAL, home.id, LOCAL]


def test_where_the_studio_says_only_there_is_no_other(tmp_path: Path) -> None:
    Profiles(tmp_path).add(HOME)
    profiles = Profiles(tmp_path, Central(endpoint="https://studio.example", name="Film", only=True))
    assert [each.name for each in profiles.all] == ["Film"] and profiles.active.id == CENTRAL
    assert len(Profiles(tmp_path, Central(only=True)).all) == 2, "without an endpoint there would be nothing at all"


def test_a_token_from_the_studios_invitation_is_for_its_endpoint_alone(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path, Central(endpoint="https://studio.example"))
    assert profiles.token(profiles.active) == ""
    profiles.keep_central_token("enrolled")
    again = Profiles(tmp_path, Central(endpoint="https://studio.example"))
    assert again.token(again.active) == "enrolled"
    moved = Profiles(tmp_path, Central(endpoint="https://evil.example"))
    assert moved.token(moved.active) == ""


def test_a_token_file_is_read_anew_and_may_be_missing(tmp_path: Path) -> None:
    file = tmp_path / "mira.token"
    profiles = Profiles(tmp_path, Central(endpoint="https://studio.example", token_file=str(file)))
    assert profiles.token(profiles.active) == ""
    file.write_text("first\n")
    assert profiles.token(profiles.active) == "first"
    file.write_text("second\n")
    assert profiles.token(profiles.active) == "second"
    file.write_bytes(b"\xff\xfe")
    assert profiles.token(profiles.active) == ""


def test_neither_tokens_nor_passwords_show_when_a_profile_is_printed() -> None:
    profile = Profile("x", "Studio", "https://studio.example", "studio-token", "http://mira:hunter22@proxy:3128")
    assert "studio-token" not in repr(profile) and "hunter22" not in repr(profile)
    assert "ABCD-EFGH" not in repr(Central(invitation="https://studio.example/invite#ABCD-EFGH"))


def test_all_that_must_not_be_shown_is_known(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path, Central(endpoint="https://studio.example", invitation="ABCD-EFGH", proxy="http://a:b@c:1"))
    profiles.keep_central_token("enrolled")
    profiles.add(Profile("", "", "https://home.example", "home-token", "http://mira:hunter22@proxy:3128"))
    found = set(profiles.secrets())
    assert found == {"ABCD-EFGH", "http://a:b@c:1", "enrolled", "home-token", "http://mira:hunter22@proxy:3128"}


def test_a_disk_that_takes_nothing_leaves_the_old_file_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = Profiles(tmp_path)
    profiles.add(STUDIO)
    before = (tmp_path / "services.json").read_text()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        profiles.add(HOME)
    assert [path.name for path in tmp_path.iterdir()] == ["services.json"]
    assert (tmp_path / "services.json").read_text() == before
    assert json.loads(before)["services"][0]["name"] == "Studio"
