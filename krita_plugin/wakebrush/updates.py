"""A newer plugin, put beside this one for the next start of Krita (bootstrap.py takes it up). Knows neither network nor Qt."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .bootstrap import NEXT
from .i18n import tr
from .version import API, VERSION

#: The plugin's zip has about 2 MB; what is much larger is not one.
MOST_BYTES = 30_000_000
#: And unpacked; a zip can promise more than a disk holds.
_MOST_UNPACKED = 150_000_000
_PACKAGE, _DESKTOP = "wakebrush", "wakebrush.desktop"
_BESIDE = ("actions", "actions/wakebrush.action", _DESKTOP)


class NotInstalled(Exception):
    """Why the offered plugin was not installed; nothing was changed."""


@dataclass(frozen=True)
class Offer:
    """A plugin that a service offers. `place`: its path at that service; `api`: the version of the wire that it speaks."""

    version: str
    place: str
    sha256: str
    api: int

    @classmethod
    def parse(cls, told: dict[str, Any]) -> Offer:
        """From `GET /v1/plugin`. Raises ValueError for what is none, also when it leads to another host."""
        offer = cls(str(told["version"]), str(told["url"]), str(told["sha256"]), int(told["api"]))
        if not re.fullmatch(r"\d+(\.\d+){1,3}", offer.version) or not re.fullmatch(r"/plugin/[\w.-]+", offer.place):
            raise ValueError(f"this is no offer of a plugin: {told}")
        return offer

    def is_wanted(self, version: str = VERSION, api: int = API) -> bool:
        """Whether it is newer than the plugin that runs; or older, where that is the one that the service understands."""
        return numbers(self.version) > numbers(version) or (self.api < api and self.version != version)


def numbers(version: str) -> tuple[int, ...]:
    """`0.10.2` as what can be compared."""
    return tuple(int(part) for part in version.split("."))


def stage(content: bytes, offer: Offer, folder: Path) -> None:
    """Puts the zip's files into `folder` (Krita's pykrita) for the next start. Raises NotInstalled."""
    if hashlib.sha256(content).hexdigest() != offer.sha256:
        raise NotInstalled(tr("The plugin arrived damaged. Try again."))
    draft = folder / f"{NEXT}.part"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive, offer)
            shutil.rmtree(draft, ignore_errors=True)
            archive.extractall(draft)
        shutil.rmtree(folder / NEXT, ignore_errors=True)
        draft.rename(folder / NEXT)
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise NotInstalled(tr("What the service offers is not a plugin. Tell your admin.")) from error
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        reason = error.strerror or str(error)
        sentence = tr("The plugin could not be put into {folder} ({reason}). Ask your admin.", folder=folder, reason=reason)
        raise NotInstalled(sentence) from error


def _check(archive: zipfile.ZipFile, offer: Offer) -> None:
    """Raises NotInstalled unless it holds the plugin that was offered, and nothing that lies elsewhere."""
    paths = [PurePosixPath(each.filename) for each in archive.infolist()]
    ours = [path for path in paths if path.parts[0] == _PACKAGE or str(path) in _BESIDE]
    foreign = len(paths) - len(ours) or any(".." in path.parts or "\\" in str(path) for path in ours)
    told = archive.read(f"{_PACKAGE}/version.py").decode("utf-8")
    archive.getinfo(_DESKTOP)
    archive.getinfo(f"{_PACKAGE}/__init__.py")
    unpacked = sum(each.file_size for each in archive.infolist())
    if foreign or unpacked > _MOST_UNPACKED or f'VERSION = "{offer.version}"' not in told:
        raise NotInstalled(tr("What the service offers is not the plugin that it says. Tell your admin."))
