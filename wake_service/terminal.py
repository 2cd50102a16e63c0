"""What the commands have in common: options of the same meaning, and how failures are told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from wake_service.errors import WakebrushError

DATA = click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Folder with wakebrush.toml.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@contextmanager
def sentences() -> Iterator[None]:
    """What goes wrong on purpose is a sentence on the terminal, not a stack trace."""
    try:
        yield
    except WakebrushError as error:
        raise click.ClickException(str(error)) from error
