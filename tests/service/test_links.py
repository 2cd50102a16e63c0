"""Links to ComfyUI's page: made by call and by command, of a few hours, ended by whoever made them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.service.house import House
from wake_service.accounts import links, offline, people
from wake_service.accounts.links import MAX_HOURS
from wake_service.accounts.tokens import BELIEVED_SECONDS, Scope
from wake_service.cli import main
from wake_service.cli_gateway import gateway_url
from wake_service.settings import Settings


def place(url: str) -> str:
    """The path of a link on the gateway."""
    assert url.startswith("http://127.0.0.1:7718/t/wb_") and url.endswith("/")
    return url.removeprefix("http://127.0.0.1:7718")


async def test_an_artist_makes_a_link_that_opens_the_gateway_for_its_hours(house: House) -> None:
    made = await house.mira.ask("POST", "/v1/links", json={"hours": 1.5})
    assert made.status == 201
    link, anybody = made.json["link"], house.at_gateway(house.anybody)
    assert link["look_only"] is False and link["expires_at"].endswith("Z")
    assert (await anybody.ask("GET", f"{place(link['url'])}queue")).status == 200
    await house.clock.advance(1.5 * 3600)
    assert (await anybody.ask("GET", f"{place(link['url'])}queue")).status == 401


async def test_a_link_for_looking_can_change_nothing(house: House) -> None:
    made = await house.mira.ask("POST", "/v1/links", json={"look_only": True})
    answer = await house.at_gateway(house.anybody).ask("POST", f"{place(made.json['link']['url'])}nothing")
    assert (answer.status, answer.json["error"]["code"]) == (403, "forbidden")


async def test_a_link_is_revoked_once_and_by_its_artist_alone(house: House) -> None:
    link = (await house.mira.ask("POST", "/v1/links", json={})).json["link"]
    assert (await house.noor.ask("DELETE", f"/v1/links/{link['id']}")).status == 404
    assert (await house.mira.ask("DELETE", f"/v1/links/{link['id']}")).status == 204
    assert (await house.mira.ask("DELETE", f"/v1/links/{link['id']}")).status == 404
    await house.clock.advance(BELIEVED_SECONDS)
    assert (await house.at_gateway(house.anybody).ask("GET", place(link["url"]))).status == 401


async def test_a_token_that_is_no_link_is_not_ended_as_one(house: House) -> None:
    def usual(tx: offline.Transaction) -> str:
        found: str = tx.conn.exec_driver_sql("SELECT id FROM tokens WHERE scopes = 'paint read' LIMIT 1").scalar_one()
        return found

    token_id = await house.service.store.write(usual)
    assert (await house.mira.ask("DELETE", f"/v1/links/{token_id}")).status == 404


@pytest.mark.parametrize("body", [{"hours": 12.01}, {"hours": 0}, {"hours": "1"}, {"look_only": 1}, {"more": 1}])
async def test_a_link_lasts_no_longer_than_it_may(house: House, body: dict[str, object]) -> None:
    answer = await house.mira.ask("POST", "/v1/links", json=body)
    assert (answer.status, answer.code) == (422, "invalid_request")


async def test_who_may_only_look_makes_no_link_to_paint(house: House) -> None:
    looker = await house.token(Scope.READ)
    assert (await looker.ask("POST", "/v1/links", json={"look_only": True})).code == "not_allowed"


async def test_a_link_makes_no_link(house: House) -> None:
    guest = await house.token(Scope.GATEWAY, days=0.1)
    assert (await guest.ask("POST", "/v1/links", json={})).code == "not_allowed"


async def test_a_link_never_outlives_the_most_hours(house: House) -> None:
    def work(tx: offline.Transaction) -> links.Link:
        return links.create(tx, offline.artist(tx, people.DEFAULT_ARTIST), house.clock.now(), hours=1000.0)

    link = await house.service.store.write(work)
    assert link.expires_at == house.clock.now() + MAX_HOURS * 3600


@pytest.fixture
def wakebrush(tmp_path: Path) -> Callable[..., Result]:
    data = str(tmp_path / "data")
    return lambda *words: CliRunner().invoke(main, [*words, "--data", data], catch_exceptions=False)


def test_the_command_prints_an_address_once_lists_and_ends_it(wakebrush: Callable[..., Result]) -> None:
    made = wakebrush("link", "create", "--hours", "2", "--look-only")
    secret = place(made.stdout.strip()).split("/")[2]
    assert "to look on" in made.stderr and "in the name of artist" in made.stderr
    listed = wakebrush("link", "list").stdout
    assert "valid" in listed and "gateway_look" in listed and secret not in listed
    assert secret not in wakebrush("token", "list").stdout
    link_id = listed.split()[0]
    assert wakebrush("link", "revoke", link_id).exit_code == 0
    assert "revoked" in wakebrush("link", "list").stdout
    again = wakebrush("link", "revoke", link_id)
    assert (again.exit_code, link_id in again.output) == (1, True)


@pytest.mark.parametrize("words", [("--hours", "12.5"), ("--hours", "0"), ("--artist", "nobody")], ids=" ".join)
def test_a_link_that_cannot_be_is_refused_with_a_sentence(wakebrush: Callable[..., Result], words: tuple[str, str]) -> None:
    refused = wakebrush("link", "create", *words)
    assert refused.exit_code != 0
    assert words[1].split(".")[0] in refused.output and "Traceback" not in refused.output


def test_the_usual_token_paints_and_reads_and_is_no_link(wakebrush: Callable[..., Result]) -> None:
    wakebrush("token", "create")
    assert "paint read " in wakebrush("token", "list").stdout
    assert not wakebrush("link", "list").stdout


def test_the_gateway_is_found_where_it_listens_or_where_the_settings_say(tmp_path: Path) -> None:
    assert gateway_url(Settings(data=tmp_path, gateway_port=7777)) == "http://127.0.0.1:7777"
    (tmp_path / "endpoint.json").write_text(json.dumps({"gateway": "http://127.0.0.1:4321"}))
    assert gateway_url(Settings(data=tmp_path)) == "http://127.0.0.1:4321"
    assert gateway_url(Settings(data=tmp_path, gateway_url="https://comfy.studio.example")) == "https://comfy.studio.example"
