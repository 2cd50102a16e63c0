"""The command `wakebrush invite`: one computer may pair itself, soon."""

from __future__ import annotations

import time
from pathlib import Path

import click
import orjson

from wake_service import settings
from wake_service.accounts import offline, pairings
from wake_service.accounts.pairings import MOST_MINUTES, USUAL_MINUTES, Invitation, Paired
from wake_service.clock import iso
from wake_service.settings import Settings
from wake_service.store.store import Transaction
from wake_service.terminal import DATA, sentences

_MINUTES = click.FloatRange(0, MOST_MINUTES, min_open=True)


@click.command("invite")
@DATA
@click.argument("name")
@click.option("--team", help="Her team, if she is new; a new one is made. Default: studio.")
@click.option("--admin", is_flag=True, help="She may see everybody's costs.")
@click.option("--minutes", type=_MINUTES, default=USUAL_MINUTES, show_default=True, help="How long the code is good.")
@click.option(
    "--days", type=click.FloatRange(0, min_open=True), help="The computer stays paired so long (default: until revoked)."
)
@click.option("--token", is_flag=True, help="Print a token instead, for a file on a computer that you set up.")
def invite(data: Path | None, name: str, team: str | None, admin: bool, minutes: float, days: float | None, token: bool) -> None:
    """Print a link and a code with which one computer pairs itself as the artist NAME."""
    code, now = pairings.new_code(), time.time()
    until = now + minutes * 60
    code_hash = pairings.hashed(code)

    def work(tx: Transaction) -> tuple[Invitation, Paired | None]:
        invitation = pairings.for_whom(tx, name, team, admin, days)
        pairings.invite(tx, invitation, code_hash, now, until)
        return invitation, pairings.redeem(tx, code_hash, "", now) if token else None

    with sentences():
        given = settings.load(data=data)
        made, paired = offline.change(given.data, work)
    if paired is not None:
        click.echo(paired.token)
        click.echo(f"For one computer of {made.artist} (team {made.team}). It is shown only this once.", err=True)
        return
    spoken = pairings.spoken(code)
    click.echo(f"{public_url(given)}/invite#{spoken}")
    click.echo(spoken)
    click.echo(f"For one computer of {made.artist} (team {made.team}), until {iso(until)}.", err=True)


def public_url(given: Settings) -> str:
    """Where artists find the service: as the settings say, or where the service on this data folder listens."""
    if given.public_url:
        return given.public_url.rstrip("/")
    try:
        return str(orjson.loads((given.data / "endpoint.json").read_bytes())["endpoint"])
    except (OSError, KeyError, orjson.JSONDecodeError):
        return f"http://127.0.0.1:{given.port}"
