"""What a studio sets for all: found where an admin puts it, understood, and said where it is not."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from wakebrush.client.central import Central, load, places


def write(folder: Path, **told: object) -> dict[str, str]:
    """An environment that names a file with these members."""
    file = folder / "wakebrush.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    return {"WAKEBRUSH_CONFIG": str(file), "HOME": str(folder / "home")}


def mira() -> str:
    return "mira"


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, ["/etc/wakebrush/wakebrush.json", "/etc/xdg/wakebrush/wakebrush.json"]),
        ("linux", {"XDG_CONFIG_DIRS": "/a:"}, ["/etc/wakebrush/wakebrush.json", "/a/wakebrush/wakebrush.json"]),
        ("darwin", {}, ["/Library/Application Support/wakebrush/wakebrush.json"]),
        ("win32", {"PROGRAMDATA": "/data"}, ["/data/wakebrush/wakebrush.json"]),
        ("win32", {}, ["C:\\ProgramData/wakebrush/wakebrush.json"]),
        ("linux", {"WAKEBRUSH_CONFIG": "/share/w.json"}, ["/share/w.json"]),
    ],
)  # fmt: skip
def test_it_is_looked_for_where_admins_put_such_things(platform: str, environ: dict[str, str], expected: list[str]) -> None:
    assert [str(path) for path in places(environ, platform)] == expected


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    assert load({"XDG_CONFIG_DIRS": str(tmp_path)}, "linux") == Central()


def test_everything_in_it_is_understood(tmp_path: Path) -> None:
    told = {
        "endpoint": "https://studio.example",
        "name": "Film",
        "invitation": "https://studio.example/invite#ABCD-EFGH",
        "authority": "studio.pem",
        "proxy": "http://proxy:3128",
        "only": True,
        "updates": False,
        "defaults": {"strength": 40},
    }
    central = load(write(tmp_path, **told), user=mira)
    assert central.problem == "" and central.path == str(tmp_path / "wakebrush.json")
    assert (central.endpoint, central.name, central.only, central.updates) == ("https://studio.example", "Film", True, False)
    assert central.authority == str(tmp_path / "studio.pem"), "a relative path starts beside the file"
    assert central.defaults == {"strength": 40} and central.proxy == "http://proxy:3128"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("/share/{user}.token", "/share/mira.token"), ("~/wake.token", "HOME/wake.token"), ("tokens/all", "HERE/tokens/all")],
)
def test_a_token_file_may_be_one_for_each_user(tmp_path: Path, written: str, meant: str) -> None:
    central = load(write(tmp_path, token_file=written), user=mira)
    assert central.token_file == meant.replace("HOME", str(tmp_path / "home")).replace("HERE", str(tmp_path))


def test_a_user_whose_name_nobody_knows_has_no_token_file_of_her_own(tmp_path: Path) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1000")

    central = load(write(tmp_path, token_file="/share/{user}.token"), user=nobody)
    assert central.token_file == "/share/{user}.token" and central.problem == ""


def test_what_is_not_understood_is_named_and_the_rest_is_used(tmp_path: Path) -> None:
    central = load(write(tmp_path, endpoint="https://studio.example", onyl=True, proxy=7, path="x"), user=mira)
    assert central.endpoint == "https://studio.example" and not central.only
    assert "onyl, path, proxy" in central.problem and "Tell your admin" in central.problem


@pytest.mark.parametrize("content", ["{", "[]", b"\xff"])
def test_what_cannot_be_read_is_said(tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "wakebrush.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    central = load({"WAKEBRUSH_CONFIG": str(file)})
    assert str(file) in central.problem and central.endpoint == ""


def test_a_file_that_was_named_and_is_not_there_is_said(tmp_path: Path) -> None:
    assert str(tmp_path / "x") in load({"WAKEBRUSH_CONFIG": str(tmp_path / "x")}).problem


def test_the_file_that_the_docs_show_is_understood_and_every_member_is_described(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "service.md").read_text(encoding="utf-8")
    section = page.split("## Installing the plugin")[1].split("\n## ")[0]
    (shown,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    central = load(write(tmp_path, **json.loads(shown)), user=mira)
    assert central.problem == "" and central.token_file == "/mnt/studio/tokens/mira"
    described = {name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert described == {each.name for each in fields(Central)} - {"path", "problem"}
