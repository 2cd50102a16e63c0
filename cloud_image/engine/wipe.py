"""Wipes the machine for another artist: the engine is stopped, its folders are emptied, and it is started anew. Runs as root."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from cloud_image.errors import MachineError
from cloud_image.files import replace
from cloud_image.paths import Paths

#: The engine's folders that hold what artists send and get. Models and the engine's own settings stay.
FOLDERS = ("input", "output", "temp")
UNIT = "comfyui.service"

#: Runs `systemctl` with these words. Raises MachineError.
Systemctl = Callable[..., None]


def wipe(paths: Paths, systemctl: Systemctl) -> bool:
    """Obeys the order in `paths.wipe_order` and answers in `paths.wiped`; whether that is done, or there was no order.

    The engine is started in any case: when the machine is not wiped, it goes on as whose it was. The order goes last. Raises
    OSError, ValueError.
    """
    try:
        order = json.loads(paths.wipe_order.read_text(encoding="utf-8"))["order"]
    except FileNotFoundError:
        return True
    except (ValueError, KeyError, TypeError) as flaw:
        paths.wipe_order.unlink()
        raise ValueError(f"the order to wipe it cannot be read: {flaw!r}") from flaw
    sentence = ""
    try:
        systemctl("stop", UNIT)
        for name in FOLDERS:
            empty(paths.engine_data / name)
    except (MachineError, OSError) as error:
        sentence = f"The machine could not be wiped: {error}"
        sys.stderr.write(f"{sentence}\n")
    replace(paths.wiped, json.dumps({"order": order, "sentence": sentence}))
    systemctl("start", "--no-block", UNIT)
    paths.wipe_order.unlink(missing_ok=True)  # the agent takes it back when it has waited too long
    return not sentence


def empty(folder: Path) -> None:
    """Removes all that is in a folder, without following anybody's link. Raises OSError."""
    if folder.is_symlink():
        folder.unlink()
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
