"""The commands `wakebrush link` and `wakebrush connect`: ways into the gateway for clients of ComfyUI."""

from __future__ import annotations

import time
from pathlib import Path

import click
import orjson

from wake_service import settings
from wake_service.accounts import links, offline, people
from wake_service.clock import iso
from wake_service.errors import SetupError
from wake_service.settings import Settings
from wake_service.store.store import Transaction
from wake_service.terminal import DATA, sentences


@click.group("link")
def link_group() -> None:
    """Create, list and revoke links to ComfyUI's page, for people without a token."""


@link_group.command("create")
@DATA
@click.option("--artist", default=people.DEFAULT_ARTIST, show_default=True, help="In whose name, and at whose cost.")
@click.option(
    "--hours",
    type=click.FloatRange(0, links.MAX_HOURS, min_open=True),
    default=links.MAX_HOURS,
    show_default=True,
    help="It works.",
)
@click.option("--look-only", is_flag=True, help="Whoever has it sees the artist's pictures and queue, and can change nothing.")
def create(data: Path | None, artist: str, hours: float, look_only: bool) -> None:
    """Print a new link. It is shown only this once; whoever has it is let in."""

    def work(tx: Transaction) -> links.Link:
        return links.create(tx, offline.artist(tx, artist), time.time(), hours=hours, look_only=look_only)

    with sentences():
        given = settings.load(data=data)
        link = offline.change(given.data, work)
    click.echo(link.url(gateway_url(given)))
    what = "to look on" if look_only else "to paint"
    click.echo(f"Link {link.id} {what} in the name of {artist}, until {iso(link.expires_at)}.", err=True)


@link_group.command("list")
@DATA
def listing(data: Path | None) -> None:
    """Show all links (never their addresses)."""
    with sentences():
        rows = offline.change(settings.load(data=data).data, lambda tx: links.listing(tx.conn))
    for row in rows:
        click.echo(f"{row.id}  {row.state(time.time()):8}  {row.artist:16}  {row.scopes:12}  until {iso(row.expires_at or 0)}")


@link_group.command("revoke")
@DATA
@click.argument("link_id")
def revoke(data: Path | None, link_id: str) -> None:
    """End a link; it stops working within two seconds, and what it has open within fifteen."""
    with sentences():
        revoked = offline.change(settings.load(data=data).data, lambda tx: links.revoke(tx, link_id, time.time()))
    if not revoked:
        raise click.ClickException(f"There is no valid link {link_id}.")
    click.echo(f"Link {link_id} is revoked.")


@click.command("connect")
@DATA
@click.option("--url", help="The gateway's address. Default: that of the service on this computer.")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help="Default: `token` in the data folder.")
@click.option("--port", type=click.IntRange(0, 65535), default=8188, show_default=True, help="0 lets the system choose.")
def connect(data: Path | None, url: str | None, token_file: Path | None, port: int) -> None:
    """Open a port on this computer for clients of ComfyUI that take only a host and a port."""
    from wake_service.connect.listening import run

    with sentences():
        given = settings.load(data=data)
        token = _token(token_file or given.data / "token")
        run(url or gateway_url(given), token, port, tell=lambda line: click.echo(line))


def gateway_url(given: Settings) -> str:
    """Where the gateway is found: as the settings say, or where the service that runs on this data folder listens."""
    if given.gateway_url:
        return given.gateway_url
    try:
        said = orjson.loads((given.data / "endpoint.json").read_bytes())
        return str(said["gateway"])
    except (FileNotFoundError, KeyError, orjson.JSONDecodeError):
        return f"http://127.0.0.1:{given.gateway_port}"


def _token(file: Path) -> str:
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SetupError(f"No token can be read from {file}: {reason}. Choose another --token-file.") from error
    if not token:
        raise SetupError(f"There is no token in {file}. Choose another --token-file.")
    return token
