"""The first thing that runs inside Krita: takes up a newer plugin that waits beside this one, and goes back if it cannot start.

A running plugin is never replaced under itself: it loads some of its parts late. Only this small file runs across the change,
so it imports nothing of ours but what it starts.
"""

from __future__ import annotations

import importlib
import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

_PACKAGE = __name__.rpartition(".")[0]
NEXT, BEFORE, FAILED = ".wakebrush-next", ".wakebrush-before", ".wakebrush-failed"
_log = logging.getLogger("wakebrush")


def start(folder: Path | None = None, register: Callable[[], None] | None = None) -> None:
    """Starts the newest plugin there is. `folder`: Krita's pykrita. Raises what the plugin raises when no older one can start."""
    folder = folder or Path(__file__).resolve().parents[1]
    begin = register or _register
    if not take_up(folder):
        begin()
        return
    try:
        begin()
    except Exception as error:  # noqa: BLE001 (whatever is wrong with the new one, the old one worked)
        _log.warning("the new plugin did not start; the one before is used", exc_info=error)
        go_back(folder)
        _forget()
        begin()


def take_up(folder: Path) -> bool:
    """Puts the plugin that waits in the place of the present one, which is kept. False when none waits, or it cannot be done."""
    waiting, present, before = folder / NEXT, folder / _PACKAGE, folder / BEFORE
    if not (waiting / _PACKAGE / "__init__.py").is_file():
        return False
    try:
        shutil.rmtree(before, ignore_errors=True)
        present.rename(before)
        try:
            (waiting / _PACKAGE).rename(present)
        except OSError:
            before.rename(present)
            raise
        _put_beside(waiting, folder)
        shutil.rmtree(waiting, ignore_errors=True)
    except OSError as error:
        _log.warning("the new plugin could not be put in place", exc_info=error)
        return False
    _forget()
    return True


def _put_beside(waiting: Path, folder: Path) -> None:
    """What Krita reads beside the package, where its importer puts it. Raises OSError."""
    for each in waiting.glob("*.desktop"):
        each.replace(folder / each.name)
    for each in waiting.glob("actions/*.action"):
        target = folder.parent / "actions"
        target.mkdir(exist_ok=True)
        each.replace(target / each.name)


def go_back(folder: Path) -> None:
    """Puts the plugin before back in place; the one that failed is kept for a look. Raises OSError."""
    shutil.rmtree(folder / FAILED, ignore_errors=True)
    (folder / _PACKAGE).rename(folder / FAILED)
    (folder / BEFORE).rename(folder / _PACKAGE)


def _forget() -> None:
    """The modules of the other plugin, so that what is imported next is read from the files that are there now."""
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.startswith(f"{_PACKAGE}.") and name != __name__]:
        del sys.modules[name]


def _register() -> None:
    importlib.import_module(f"{_PACKAGE}.plugin").register()
