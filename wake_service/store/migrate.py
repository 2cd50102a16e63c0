"""Brings a database to the present shape (Alembic), from nothing or from any earlier version."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from wake_service.errors import SetupError

SCRIPTS = Path(__file__).with_name("migrations")


def upgrade(engine: Engine) -> None:
    """Runs the missing migrations. Raises SetupError when the database was written by a newer version or cannot be used."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise SetupError(
            "This data folder was written by a newer Wakebrush. Install that version again, or restore a backup."
        ) from error
    except DBAPIError as error:
        raise SetupError(f"The database in the data folder cannot be used: {error.orig}. Restore a backup.") from error
