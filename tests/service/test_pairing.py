"""A computer is paired: by code or link, from anywhere that is encrypted; and it gets the plugin that belongs to the service."""

from __future__ import annotations

import asyncio
import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.service.house import House
from wake_service import __version__
from wake_service.accounts import pairings
from wake_service.accounts.pairings import Invitation
from wake_service.accounts.tokens import Role
from wake_service.cli import main
from wake_service.cli_invite import public_url
from wake_service.plugin_file import PluginFile
from wake_service.settings import Settings
from wake_service.store.store import Transaction


@pytest.fixture
async def code(house: House) -> str:
    """An invitation for Noor, who is there already, good for a quarter of an hour."""
    made = pairings.new_code()

    def work(tx: Transaction) -> None:
        now = house.clock.now()
        pairings.invite(tx, Invitation("Noor", "Atelier", Role.ARTIST), pairings.hashed(made), now, now + 900)

    await house.service.store.write(work)
    return pairings.spoken(made)


async def test_a_code_is_turned_into_a_token_that_paints(house: House, code: str) -> None:
    answer = await house.anybody.ask("POST", "/v1/pair", json={"code": code, "computer": "desk"})
    assert answer.status == 201
    told = answer.json
    assert (told["artist"]["name"], told["team"], told["expires_at"]) == ("Noor", {"name": "Atelier"}, None)
    assert told["endpoint"] == "http://service"
    house.anybody.token = told["token"]
    me = (await house.anybody.ask("GET", "/v1/me")).json
    assert (me["artist"], me["scopes"]) == (told["artist"], ["paint", "read"])


async def test_where_the_service_is_from_outside_is_what_its_settings_say(tmp_path: Path) -> None:
    async with House(tmp_path / "data", public_url="https://paint.example/").open() as house:
        made = pairings.new_code()
        now = house.clock.now()
        invitation = Invitation("Ada", "studio", Role.ARTIST)
        await house.service.store.write(lambda tx: pairings.invite(tx, invitation, pairings.hashed(made), now, now + 1))
        answer = await house.anybody.at("203.0.113.5", "https").ask("POST", "/v1/pair", json={"code": made})
        assert answer.json["endpoint"] == "https://paint.example"


async def test_every_wrong_code_looks_alike_and_a_used_one_is_wrong(house: House, code: str) -> None:
    answers = [await house.anybody.ask("POST", "/v1/pair", json={"code": each}) for each in ("ABCD-EFGH", code, code)]
    assert [answer.status for answer in answers] == [403, 201, 403]
    assert answers[0].code == "invitation_invalid" and answers[0].json == answers[2].json


async def test_guessing_ends_after_ten_tries(house: House, code: str) -> None:
    guesses = (house.anybody.ask("POST", "/v1/pair", json={"code": f"GUESS{n}"}) for n in range(12))
    statuses = [answer.status for answer in await asyncio.gather(*guesses)]
    assert sorted(statuses) == [403] * 10 + [429] * 2
    refused = await house.anybody.ask("POST", "/v1/pair", json={"code": code})
    assert (refused.code, refused.json["retry_after"], refused.headers["retry-after"]) == ("too_many_tries", 901, "901")
    assert (await house.anybody.at("203.0.113.9", "https").ask("POST", "/v1/pair", json={"code": code})).status == 201


async def test_a_token_is_not_handed_out_over_an_unprotected_connection(house: House, code: str) -> None:
    answer = await house.anybody.at("203.0.113.5").ask("POST", "/v1/pair", json={"code": code})
    assert (answer.status, answer.code) == (403, "tls_required")
    assert (await house.anybody.ask("POST", "/v1/pair", json={"code": code})).status == 201


@pytest.mark.parametrize(
    "body",
    [{}, {"code": ""}, {"code": 12345678}, {"code": "x" * 101}, {"code": "A", "computer": "x" * 101}, {"code": "A", "b": 1}],
)
async def test_what_is_no_code_is_refused(house: House, body: dict[str, object]) -> None:
    answer = await house.anybody.ask("POST", "/v1/pair", json=body)
    assert (answer.status, answer.code) == (422, "invalid_request")


async def test_the_link_opens_a_page_that_says_what_to_do_and_runs_no_script(house: House) -> None:
    page = await house.anybody.ask("GET", "/invite")
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert b"plugin/latest" in page.body and b"Import Python Plugin" in page.body
    assert "default-src 'none'" in page.headers["content-security-policy"] and b"<script" not in page.body


@pytest.fixture
def wakebrush(tmp_path: Path) -> Callable[..., Result]:
    data = str(tmp_path / "data")
    return lambda *words: CliRunner().invoke(main, [*words, "--data", data], catch_exceptions=False)


def test_the_command_prints_a_link_and_a_code(wakebrush: Callable[..., Result]) -> None:
    made = wakebrush("invite", "Mira", "--team", "Film", "--minutes", "5")
    link, code = made.stdout.splitlines()
    assert link == f"http://127.0.0.1:7717/invite#{code}" and len(code) == 9 and code[4] == "-"
    assert "Mira (team Film)" in made.stderr
    assert "wb_" not in made.output
    assert not wakebrush("token", "list").stdout, "a token is made when the code is used"


def test_a_token_for_a_file_can_be_had_at_once_also_for_somebody_new(wakebrush: Callable[..., Result]) -> None:
    made = wakebrush("invite", "Ada", "--token")
    assert made.stdout.startswith("wb_") and "invite#" not in made.output and "Ada (team studio)" in made.stderr
    assert "Ada" in wakebrush("token", "list").stdout


@pytest.mark.parametrize(
    "words", [("--minutes", "0"), ("--minutes", "1441"), ("--days", "0"), ("--admin", "--team", "Film")], ids=" ".join
)
def test_an_invitation_that_cannot_be_is_refused(wakebrush: Callable[..., Result], words: tuple[str, ...]) -> None:
    refused = wakebrush("invite", "artist", *words)
    assert refused.exit_code != 0 and "Traceback" not in refused.output and "invite#" not in refused.output


def test_the_link_leads_to_where_the_service_is(tmp_path: Path) -> None:
    assert public_url(Settings(data=tmp_path, port=7777)) == "http://127.0.0.1:7777"
    (tmp_path / "endpoint.json").write_text(json.dumps({"endpoint": "http://127.0.0.1:4321"}))
    assert public_url(Settings(data=tmp_path)) == "http://127.0.0.1:4321"
    assert public_url(Settings(data=tmp_path, public_url="https://paint.example/")) == "https://paint.example"


def zipped(folder: Path, version: str, told: str | None = None) -> Path:
    """A plugin's zip as far as anybody looks into it."""
    folder.mkdir(exist_ok=True)
    path = folder / f"wakebrush-krita-{version}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("wakebrush/version.py", told if told is not None else f'VERSION = "{version}"\nAPI = 1\n')
    return path


async def test_the_plugin_is_offered_to_everybody_with_its_checksum(house: House) -> None:
    path = zipped(house.service.settings.data / "plugin", __version__)
    about = await house.anybody.at("203.0.113.5").ask("GET", "/v1/plugin", headers={"Wakebrush-Client": "old/0; api=0"})
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    place = f"/plugin/wakebrush-krita-{__version__}.zip"
    assert about.json == {"version": __version__, "url": place, "sha256": checksum, "api": 1}
    got = await house.anybody.ask("GET", place)
    assert (got.status, got.body, got.headers["content-type"]) == (200, path.read_bytes(), "application/zip")
    sent_on = await house.anybody.ask("GET", "/plugin/latest")
    assert (sent_on.status, sent_on.headers["location"]) == (302, place.rpartition("/")[2])
    assert (await house.anybody.ask("GET", "/plugin/wakebrush-krita-0.0.0.zip")).code == "not_found"


async def test_an_admins_folder_offers_its_newest_and_nothing_else(tmp_path: Path) -> None:
    chosen = tmp_path / "chosen"
    async with House(tmp_path / "data", plugin_folder=chosen).open() as house:
        assert (await house.anybody.ask("GET", "/v1/plugin")).code == "not_found"
        for version in ("0.9.1", "0.10.0"):
            zipped(chosen, version)
        zipped(chosen, "0.11.0", told="not a version")
        (chosen / "wakebrush-krita-0.12.0.zip").write_bytes(b"not a zip")
        assert (await house.anybody.ask("GET", "/v1/plugin")).json["version"] == "0.10.0"


async def test_a_plugin_that_is_nowhere_is_built_once_and_then_offered(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "krita_plugin").mkdir(parents=True)
    (checkout / "krita_plugin" / "package.py").write_text(
        "import sys, time, zipfile, pathlib\n"
        "folder = pathlib.Path(sys.argv[2]); folder.mkdir(); open(folder / 'runs', 'a').write('x')\n"
        "while not pathlib.Path(__file__).with_name('go').exists(): time.sleep(0.01)\n"
        f"with zipfile.ZipFile(folder / 'wakebrush-krita-{__version__}.zip', 'w') as made:\n"
        f"    made.writestr('wakebrush/version.py', 'VERSION = \"{__version__}\"\\nAPI = 1\\n')\n"
    )
    plugin = PluginFile(tmp_path / "plugin", checkout=checkout)
    assert [await plugin.offer() for _ in range(2)] == [None, None]
    (checkout / "krita_plugin" / "go").touch()
    await plugin.built()
    offer = await plugin.offer()
    assert offer is not None and (offer.version, offer.api) == (__version__, 1)
    assert (tmp_path / "plugin" / "runs").read_text() == "x"


async def test_a_plugin_that_cannot_be_built_is_logged_and_not_offered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "krita_plugin").mkdir()
    (tmp_path / "krita_plugin" / "package.py").write_text("raise SystemExit('no network')\n")
    plugin = PluginFile(tmp_path / "plugin", checkout=tmp_path)
    assert await plugin.offer() is None
    await plugin.built()
    assert await plugin.offer() is None and "no network" in caplog.text


async def test_an_installed_service_without_a_checkout_offers_nothing(tmp_path: Path) -> None:
    assert await PluginFile(tmp_path / "plugin", checkout=tmp_path).offer() is None
