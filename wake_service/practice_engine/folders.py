"""The engine's folders: where a client's file names lead, and never further."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from PIL import Image

KINDS = ("input", "output", "temp")
#: The subfolder of what a wake service puts there and makes; it has pictures of its own, so these are kept for some days only.
SERVICE = "wakebrush"
KEPT_SECONDS = 7 * 86_400.0
_ANNOTATION = re.compile(r" ?\[(input|output|temp)\]$")


class OutsideFolder(ValueError):
    """A name leads out of the folder it belongs to."""


class Folders:
    """`input`, `output` and `temp` below one directory.

    When the engine starts, `temp` is emptied, and what a wake service left in the others more than a week ago goes.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.rmtree(root / "temp", ignore_errors=True)
        for kind in KINDS:
            (root / kind).mkdir(parents=True, exist_ok=True)
            self._forget_old(root / kind / SERVICE)

    @staticmethod
    def _forget_old(folder: Path) -> None:
        before = time.time() - KEPT_SECONDS
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_file() and path.stat().st_mtime < before:
                path.unlink()

    def folder(self, kind: str) -> Path | None:
        """The folder of a kind, or None for a word that is not one."""
        return self.root / kind if kind in KINDS else None

    def inside(self, kind: str, *parts: str) -> Path:
        """A path below the folder of `kind`; OutsideFolder when it would lead elsewhere or the name cannot be a file's."""
        base = self.root / kind
        if any("\0" in part for part in parts):
            raise OutsideFolder("a file name holds a zero byte")
        path = Path(base, *parts).resolve()
        if not path.is_relative_to(base.resolve()):
            raise OutsideFolder("the path leads outside the folder")
        return path

    def annotated(self, name: str, default: str = "input") -> tuple[str, str]:
        """`a.png [output]` → (`a.png`, `output`); without a note, `default`."""
        match = _ANNOTATION.search(name)
        return (name[: match.start()], match.group(1)) if match else (name, default)

    def find_input(self, name: str) -> Path | None:
        """The file that LoadImage means by `name`, or None when there is none."""
        plain, kind = self.annotated(name)
        try:
            path = self.inside(kind, plain)
            return path if path.is_file() else None
        except (OutsideFolder, OSError):
            return None

    def input_images(self) -> list[str]:
        """Names of the pictures directly in `input`, sorted."""
        readable = Image.registered_extensions()
        return sorted(
            entry.name for entry in (self.root / "input").iterdir() if entry.suffix.lower() in readable and entry.is_file()
        )

    def next_free(self, kind: str, prefix: str) -> tuple[Path, str, str, int]:
        """Where the next picture of `prefix` goes: (folder, subfolder, file name stem, counter from 1). Creates the folder."""
        subfolder, _, stem = prefix.replace("\\", "/").rpartition("/")
        folder = self.inside(kind, subfolder) if subfolder else self.root / kind
        self.inside(kind, subfolder, stem)
        folder.mkdir(parents=True, exist_ok=True)
        taken = re.compile(re.escape(stem) + r"_(\d+)_?\D*$")
        numbers = [int(match.group(1)) for entry in folder.iterdir() if (match := taken.match(entry.name))]
        return folder, str(Path(subfolder)) if subfolder else "", stem, max(numbers, default=0) + 1
