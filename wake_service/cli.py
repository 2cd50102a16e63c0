"""The command `wakebrush`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from wake_service import __version__, settings
from wake_service.accounts import bars, offline, people, tokens
from wake_service.accounts.tokens import Scope
from wake_service.cli_aws import aws_group, machines_group
from wake_service.cli_gateway import connect, link_group
from wake_service.cli_image import image_group
from wake_service.cli_invite import invite
from wake_service.cli_models import models_group
from wake_service.clock import iso
from wake_service.errors import WakebrushError
from wake_service.store.store import Transaction
from wake_service.terminal import sentences

T = TypeVar("T")

DATA = click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Folder of database and pictures.")
_DAY = 86400.0


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Paint in Krita on a cloud GPU that is asleep whenever you are not painting."""


main.add_command(aws_group)
main.add_command(machines_group)
main.add_command(image_group)
main.add_command(models_group)
main.add_command(link_group)
main.add_command(invite)
main.add_command(connect)


@main.command()
@DATA
@click.option("--host", help="Address to listen on (default: this computer only).")
@click.option("--port", type=int, help="Port to listen on; 0 lets the system choose.")
@click.option("--gateway-port", type=int, help="Port for clients of ComfyUI; 0 lets the system choose.")
@click.option("--announce", is_flag=True, help="Print one JSON line on standard output once it listens.")
def serve(data: Path | None, host: str | None, port: int | None, gateway_port: int | None, announce: bool) -> None:
    """Run the wake service."""
    from wake_service.server import serve as run
    from wake_service.server import set_up_logging

    with sentences():
        given = settings.load(data=data, host=host, port=port, gateway_port=gateway_port)
        set_up_logging(given.log_level)
        run(given, announce=(lambda line: click.echo(line)) if announce else None)


@main.command()
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=Path("build/demo"), show_default=True)
def demo(output: Path) -> None:
    """Show the whole way once, with the practice engine on this computer."""
    from wake_service.demo import run

    sys.exit(run(output))


@main.group()
def token() -> None:
    """Create, list and revoke tokens."""


@token.command("create")
@DATA
@click.option("--artist", default=people.DEFAULT_ARTIST, show_default=True, help="Whose token it is.")
@click.option("--name", default="", help="What it is for, to tell tokens apart.")
@click.option("--scope", "scopes", type=click.Choice([s.value for s in Scope]), multiple=True, help="Default: paint and read.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="It expires after so many days (default: never).")
def create(data: Path | None, artist: str, name: str, scopes: tuple[str, ...], days: float | None) -> None:
    """Print a new token. It is shown only this once."""
    granted = frozenset(map(Scope, scopes)) or tokens.USUAL
    now = time.time()
    expires = None if days is None else now + days * _DAY

    def work(tx: Transaction) -> tuple[str, str]:
        return tokens.create(tx, offline.artist(tx, artist), name, granted, now, expires)

    with sentences():
        token_id, secret = change(data, work)
    click.echo(secret)
    click.echo(f"Token {token_id} for {artist}, {'never expires' if expires is None else f'until {iso(expires)}'}.", err=True)


@token.command("list")
@DATA
def listing(data: Path | None) -> None:
    """Show all tokens (never their secrets)."""
    with sentences():
        rows = change(data, lambda tx: tokens.listing(tx.conn))
    for row in rows:
        until = iso(row.expires_at) if row.expires_at else "never"
        click.echo(f"{row.id}  {row.state(time.time()):8}  {row.artist:16}  {row.scopes:12}  expires {until:24}  {row.name}")


@token.command("revoke")
@DATA
@click.argument("token_id")
def revoke(data: Path | None, token_id: str) -> None:
    """End a token; it stops working within two seconds."""
    with sentences():
        revoked = change(data, lambda tx: tokens.revoke(tx, token_id, time.time()))
    if not revoked:
        raise click.ClickException(f"There is no valid token {token_id}.")
    click.echo(f"Token {token_id} is revoked.")


@main.group()
def team() -> None:
    """Bar classes of models: those whose pictures may not be sold (no), and those of which one must ask (ask)."""


TEAM = click.option("--team", "name", default=people.DEFAULT_TEAM, show_default=True, help="Whose bar it is.")
CLASSES = click.argument("classes", nargs=-1, required=True, type=click.Choice(bars.CLASSES))


@team.command("bar")
@DATA
@TEAM
@CLASSES
def bar(data: Path | None, name: str, classes: tuple[str, ...]) -> None:
    """Refuse pictures in styles whose models are of these classes; in force within two seconds."""
    _change_bars(data, name, lambda tx: bars.change(tx, name, bar=classes))


@team.command("allow")
@DATA
@TEAM
@CLASSES
def allow(data: Path | None, name: str, classes: tuple[str, ...]) -> None:
    """Take bars away."""
    _change_bars(data, name, lambda tx: bars.change(tx, name, allow=classes))


@team.command("list")
@DATA
def teams(data: Path | None) -> None:
    """Show all teams and what they have barred."""
    with sentences():
        found = change(data, lambda tx: bars.barred(tx.conn))
    for name, barred in found.items():
        click.echo(f"{name:24}  {'bars ' + ' and '.join(sorted(barred)) if barred else 'bars nothing'}")


def _change_bars(data: Path | None, name: str, work: Callable[[Transaction], frozenset[str] | None]) -> None:
    with sentences():
        barred = change(data, work)
        if barred is None:
            raise WakebrushError(f"There is no team “{name}”. `wakebrush team list` shows them.")
    click.echo(f"{name} {'bars models of class ' + ' and '.join(sorted(barred)) if barred else 'bars nothing'}.")


def change(data: Path | None, work: Callable[[Transaction], T]) -> T:
    """Runs one transaction on the data folder's database, beside a running service or without one."""
    return offline.change(settings.load(data=data).data, work)
