"""The command `wakebrush models`: what an admin does with the pool's models."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import click

from wake_service import settings
from wake_service.clock import SystemClock
from wake_service.errors import ModelError, SetupError
from wake_service.models.about import Commercial
from wake_service.models.adding import Added, Wish, add, checksum_of
from wake_service.models.classes import FILE, ModelClasses
from wake_service.models.incoming import Incoming, from_address, from_disk
from wake_service.models.names import FOLDERS
from wake_service.models.opening import open_store
from wake_service.models.store import ModelStore
from wake_service.settings import Settings
from wake_service.terminal import AS_JSON, DATA, sentences


@click.group("models")
def models_group() -> None:
    """Add, list and remove the models that machines paint with."""


@models_group.command("add")
@DATA
@click.argument("source", metavar="FILE|URL")
@click.option("--license", "license_id", required=True, metavar="ID", help="SPDX id, the id on its page, or LicenseRef-…")
@click.option("--commercial", required=True, type=click.Choice([c.value for c in Commercial]), help="May pictures be sold?")
@click.option("--folder", type=click.Choice(FOLDERS), help="ComfyUI's folder; default: as the file's tensors say.")
@click.option("--name", "file", help="Its name there; default: the file's own.")
@click.option("--sha256", metavar="HEX", help="What its checksum must be.")
@click.option("--trust-pickle", is_flag=True, help="Take a .ckpt or .pt: a program that runs on the machine when it is loaded.")
@click.option("--replace", "overwrite", is_flag=True, help="Put it in the place of another one of the same name.")
def add_model(
    data: Path | None,
    source: str,
    license_id: str,
    commercial: str,
    folder: str | None,
    file: str | None,
    sha256: str | None,
    trust_pickle: bool,
    overwrite: bool,
) -> None:
    """Put a model into the pool's store. Machines take it from there when they wake."""
    wish = Wish(license_id, Commercial(commercial), folder, file, sha256.lower() if sha256 else None, trust_pickle, overwrite)
    with sentences():
        given = settings.load(data=data)
        added = asyncio.run(_add(given, source, wish))
    about = added.about
    click.echo(f"sha256  {about.sha256}")
    did = "is added" if added.stored else "was there already"
    click.echo(f"{about.name} {did} ({about.size:,} bytes, {about.license}, commercial use: {about.commercial}).")


@models_group.command("list")
@DATA
@AS_JSON
def list_models(data: Path | None, as_json: bool) -> None:
    """List what is in the pool's store, with licences."""
    with sentences():
        given = settings.load(data=data)
        inventory = asyncio.run(_store(given).inventory())
    if as_json:
        rows = [
            {"name": entry.name, "size": entry.size, **(entry.about.model_dump() if entry.about else {})}
            for entry in inventory.entries
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        for entry in inventory.entries:
            about = entry.about
            known = f"{about.commercial:4} {about.license:24}" if about else f"{'?':4} {'nobody has said':24}"
            click.echo(f"{entry.size:>15,}  {known}  {entry.name}")
    for sentence in inventory.troubles:
        click.echo(sentence, err=True)
    if not inventory.entries:
        click.echo("There is no model. Add one: wakebrush models add", err=True)


@models_group.command("remove")
@DATA
@click.argument("name")
def remove_model(data: Path | None, name: str) -> None:
    """Take a model (checkpoints/x.safetensors) out of the pool's store. Machines drop their copy when they next wake."""
    with sentences():
        given = settings.load(data=data)
        if not asyncio.run(_remove(given, name)):
            raise ModelError(f"There is no model {name}. `wakebrush models list` shows what there is.")
    click.echo(f"{name} is removed.")


async def _add(given: Settings, source: str, wish: Wish) -> Added:
    store = _store(given)
    if "://" not in source and wish.sha256 is None:
        # Read once more than needed, so that the same file again is not sent again.
        wish = replace(wish, sha256=await asyncio.to_thread(checksum_of, Path(source)))
    async with _incoming(source) as incoming:
        added = await add(store, _counted(incoming), wish, time.time())
    await _classes(given).refresh()
    return added


def _incoming(source: str) -> AbstractAsyncContextManager[Incoming]:
    return from_address(source) if "://" in source else from_disk(Path(source))


def _counted(incoming: Incoming) -> Incoming:
    """The same, with a line about how far it is every few seconds, for whoever waits for 20 GB."""

    async def chunks() -> AsyncIterator[bytes]:
        passed, told_at = 0, time.monotonic()
        async for chunk in incoming.chunks:
            passed += len(chunk)
            if time.monotonic() - told_at >= 5:
                told_at = time.monotonic()
                click.echo(f"{passed / max(1, incoming.size):.0%} of {incoming.size:,} bytes", err=True)
            yield chunk

    return replace(incoming, chunks=chunks())


async def _remove(given: Settings, name: str) -> bool:
    store = _store(given)
    inventory = await store.inventory()
    return inventory.find(name) is not None and await store.remove(name)


def _store(given: Settings) -> ModelStore:
    try:
        store = open_store(given, SystemClock())
    except ImportError as error:
        raise SetupError('The libraries for AWS are not installed. Install them: pip install "wakebrush[aws]".') from error
    if store is None:
        raise SetupError("These settings name no place for models: set aws_bucket to the stack's output Bucket (docs/aws.md).")
    return store


def _classes(given: Settings) -> ModelClasses:
    given.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return ModelClasses(given.data / FILE, SystemClock(), lambda: open_store(given, SystemClock()))
