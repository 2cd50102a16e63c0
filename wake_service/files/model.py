"""Names in an artist's ComfyUI folders, checked once: a FileName that exists leads nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from wake_service.errors import WakebrushError

Folder: TypeAlias = Literal["input", "output", "temp"]
FOLDERS: tuple[Folder, ...] = get_args(Folder)

#: What a file system takes (bytes of UTF-8), so that every name can also be one on an engine's disk.
NAME_BYTES = 255
PATH_BYTES = 1024
DEPTH = 16
_ANNOTATION = re.compile(r" ?\[(input|output|temp)\]$")
_ANNOTATIONS = re.compile(rf"(?:{_ANNOTATION.pattern[:-1]})+$")
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\:]")


class BadName(WakebrushError):
    """Something that cannot be the name of a file here; the message says why."""


@dataclass(frozen=True, slots=True, order=True)
class FileName:
    """One file of an artist: `input`, `output` or `temp`, a subfolder ("" or "a/b"), and a name without slashes."""

    folder: Folder
    subfolder: str
    name: str

    @property
    def path(self) -> str:
        """`sub/a.png`, below its folder."""
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name

    @property
    def annotated(self) -> str:
        """As a graph names it to LoadImage: `sub/a.png`, and ` [output]` behind it unless it is an input."""
        return self.path if self.folder == "input" else f"{self.path} [{self.folder}]"

    def on_wire(self) -> dict[str, str]:
        """As ComfyUI's answers and frames name it, apart from the key of the name itself."""
        return {"subfolder": self.subfolder, "type": self.folder}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is there. `size` in bytes, `at` in epoch seconds; `job_id` and `node_id` of what made it."""

    name: FileName
    sha256: str
    size: int
    media_type: str
    at: float
    job_id: str | None = None
    node_id: str | None = None


def file_name(folder: str, subfolder: str, name: str) -> FileName:
    """A checked name. Raises BadName."""
    if _ANNOTATION.search(name):
        raise BadName("A file's name cannot end in [input], [output] or [temp]: that would mean another folder.")
    return _whole(checked_folder(folder), checked_subfolder(subfolder), _checked_part(name))


def tamed(folder: str, subfolder: str, name: str) -> FileName:
    """A name for what an engine made, whatever some node called it there: what cannot be here becomes `_`.

    Raises BadName only for a folder that is none.
    """
    parts = [_tame(part) for part in subfolder.split("/") if part not in ("", ".")]
    whole = FileName(checked_folder(folder), "/".join(parts[:DEPTH]), _tame(_ANNOTATIONS.sub("", name.replace("/", "_"))))
    if len(whole.path.encode()) > PATH_BYTES:
        return FileName(whole.folder, "", whole.name)
    return whole


def parse(text: str, default: str = "input") -> FileName:
    """What a graph means by `sub/a.png` or `sub/a.png [output]`; without a note the folder is `default`. Raises BadName."""
    note = _ANNOTATION.search(text)
    path, folder = (text[: note.start()], note.group(1)) if note else (text, default)
    subfolder, _, name = path.rpartition("/")
    if path.startswith("/"):
        raise BadName("A file's path starts at its folder, without a slash.")
    return _whole(checked_folder(folder), checked_subfolder(subfolder), _checked_part(name))


def unannotated(text: str, default: str) -> tuple[str, str]:
    """`a.png [output]` → (`a.png`, `output`); without a note, `default`. Nothing is checked."""
    note = _ANNOTATION.search(text)
    return (text[: note.start()], note.group(1)) if note else (text, default)


def checked_folder(folder: str) -> Folder:
    """The folder itself, if it is one. Raises BadName."""
    for known in FOLDERS:
        if folder == known:
            return known
    raise BadName("A folder is input, output or temp.")


def checked_subfolder(subfolder: str) -> str:
    """`a/b` for `a//b/`; "" stays "". Raises BadName for what leads elsewhere or cannot be a folder's name."""
    if subfolder.startswith("/"):
        raise BadName("A subfolder starts at its folder, without a slash.")
    parts = [part for part in subfolder.split("/") if part not in ("", ".")]
    if len(parts) > DEPTH:
        raise BadName(f"A subfolder is at most {DEPTH} folders deep.")
    return "/".join(map(_checked_part, parts))


def _whole(folder: Folder, subfolder: str, name: str) -> FileName:
    whole = FileName(folder, subfolder, name)
    if len(whole.path.encode()) > PATH_BYTES:
        raise BadName(f"A file's path is at most {PATH_BYTES} bytes long.")
    return whole


def _tame(part: str) -> str:
    readable = _UNFIT.sub("_", part.encode(errors="replace").decode()) or "_"
    readable = "_" if readable in (".", "..") else readable
    if len(readable.encode()) <= NAME_BYTES:
        return readable
    stem, dot, suffix = readable.rpartition(".")
    suffix = f".{suffix}" if dot and stem and len(suffix.encode()) < 16 else ""
    return readable.encode()[: NAME_BYTES - len(suffix.encode())].decode(errors="ignore") + suffix


def _checked_part(part: str) -> str:
    if part in ("", ".", ".."):
        raise BadName("A file needs a name, and its path cannot lead up and out of its folder.")
    if "/" in part or "\\" in part:
        raise BadName("A file's name holds no slashes.")
    if _CONTROL.search(part):
        raise BadName("A file's name holds no control characters.")
    if _DRIVE.match(part):
        raise BadName("A file's name does not start with a drive's letter.")
    try:
        size = len(part.encode())
    except UnicodeEncodeError as error:
        raise BadName("A file's name is text that can be written as UTF-8.") from error
    if size > NAME_BYTES:
        raise BadName(f"A file's name is at most {NAME_BYTES} bytes long.")
    return part
