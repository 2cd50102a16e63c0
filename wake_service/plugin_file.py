"""The plugin's zip that belongs to this service: found, or built once from the checkout that the service runs from."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from wake_service import __version__

log = logging.getLogger(__name__)

_NAME = re.compile(r"wakebrush-krita-(\d+(?:\.\d+){1,3})\.zip")
_CHECKOUT = Path(__file__).resolve().parents[1]
#: Builds the zip (krita_plugin/package.py); its libraries may have to be downloaded first.
_BUILD_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Offer:
    """A plugin that can be had. `api`: the version of the artist's wire that it speaks."""

    file: Path
    version: str
    sha256: str
    api: int


class PluginFile:
    """Looks in `chosen`, an admin's folder, for the newest version; else for the service's own version in `folder` and in the
    checkout's `dist`, and builds that once when it is nowhere.
    """

    def __init__(self, folder: Path, chosen: Path | None = None, checkout: Path = _CHECKOUT) -> None:
        self._folder = folder
        self._chosen = chosen
        self._checkout = checkout
        self._known: dict[tuple[Path, int, int], Offer | None] = {}
        self._building: asyncio.Task[None] | None = None

    async def offer(self) -> Offer | None:
        """The plugin to offer, or None while there is none. Whatever is missing is built in the background, once."""
        found = await asyncio.to_thread(self._find)
        if found is None and self._chosen is None and self._building is None and self._builder.is_file():
            self._building = asyncio.create_task(self._build())
        return found

    async def built(self) -> None:
        """Returns when nothing is being built (any more)."""
        if self._building is not None:
            await self._building

    @property
    def _builder(self) -> Path:
        return self._checkout / "krita_plugin" / "package.py"

    def _find(self) -> Offer | None:
        if self._chosen is not None:
            named = [(match, path) for path in self._chosen.glob("*.zip") if (match := _NAME.fullmatch(path.name))]
            newest_first = sorted(named, key=lambda each: _numbers(each[0][1]), reverse=True)
            paths = [path for _, path in newest_first]
        else:
            own = f"wakebrush-krita-{__version__}.zip"
            paths = [folder / own for folder in (self._folder, self._checkout / "dist")]
        return next((offer for path in paths if path.is_file() and (offer := self._read(path))), None)

    def _read(self, path: Path) -> Offer | None:
        about = path.stat()
        key = (path, about.st_mtime_ns, about.st_size)
        if key not in self._known:
            self._known = {key: read(path)}
        return self._known[key]

    async def _build(self) -> None:
        command = (sys.executable, str(self._builder), "--output", str(self._folder))
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(_BUILD_SECONDS):
                _, said = await process.communicate()
        except TimeoutError:
            said = f"it was not done after {_BUILD_SECONDS:.0f} s".encode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            why = said.decode(errors="replace").strip().splitlines()
            log.warning("No plugin is offered to artists: %s could not build it: %s", self._builder, why[-1] if why else "")


def read(path: Path) -> Offer | None:
    """What a zip offers; None when it is not a plugin of ours."""
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            told = archive.read("wakebrush/version.py").decode()
    except (OSError, zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        log.warning("%s is offered to nobody: %s", path, error)
        return None
    version, api = re.search(r'^VERSION = "([\d.]+)"', told, re.M), re.search(r"^API = (\d+)", told, re.M)
    if version is None or api is None:
        log.warning("%s is offered to nobody: it does not say its version", path)
        return None
    return Offer(path, version[1], hashlib.sha256(content).hexdigest(), int(api[1]))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
