"""Packer on this computer: found, told what to build, and waited for, also while it clears away after an interruption."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wake_service.errors import SetupError, WakebrushError
from wake_service.images.disks import finish_first

#: From this version on, Packer has its builders in plugins, which `packer init` fetches.
PLUGINS_SINCE = (1, 7)
#: Writes a copy of the template for versions before that.
FOR_OLD = "for-1.6.6"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_MISSING = (
    "Packer is not installed here, so no image can be built. Get it from https://developer.hashicorp.com/packer/install "
    "(or, in Debian: apt install packer), then say the same again."
)

Tell = Callable[[str], None]


class BuildFailed(WakebrushError):
    """Packer did not build an image."""


@dataclass(frozen=True, slots=True)
class Packer:
    """The program and its version."""

    program: str
    version: tuple[int, int, int]

    def commands(self, template: Path, copy: Path, variables: Mapping[str, str]) -> list[list[str]]:
        """What is called one after the other; `copy` is where a template for an old Packer is written."""
        said = [word for name, value in variables.items() for word in ("-var", f"{name}={value}")]
        build = [self.program, "build", "-color=false", *said]
        if self.version[:2] < PLUGINS_SINCE:
            return [[str(template / FOR_OLD), str(copy)], [*build, str(copy)]]
        return [[self.program, "init", str(template)], [*build, str(template)]]


async def find_packer(program: str | None = None) -> Packer:
    """The Packer of this computer. Raises SetupError saying where to get it."""
    path = program or shutil.which("packer")
    if path is None:
        raise SetupError(_MISSING)
    try:
        process = await asyncio.create_subprocess_exec(
            path, "version", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        raise SetupError(f"{path} could not be called: {error}. {_MISSING}") from error
    text, _ = await process.communicate()
    return Packer(path, read_version(path, text.decode(errors="replace")))


def read_version(path: str, text: str) -> tuple[int, int, int]:
    """The version in what `packer version` says. Raises SetupError when it is another program: some systems have one."""
    first = text.strip().splitlines()[0] if text.strip() else ""
    found = _VERSION.search(first)
    if found is None or not first.startswith("Packer"):
        raise SetupError(f'{path} is not HashiCorp\'s Packer: it says "{first[:80]}". {_MISSING}')
    return int(found[1]), int(found[2]), int(found[3])


def find_template(given: Path | None) -> Path:
    """The folder with the template: the given one, else `packer` in this folder or in the checkout. Raises SetupError."""
    checkout = Path(__file__).resolve().parents[2]
    places = [given] if given else [Path.cwd() / "packer", checkout / "packer"]
    for place in places:
        if place.is_dir() and any(place.glob("*.pkr.hcl")):
            return place.resolve()
    raise SetupError(
        f"There is no template of an image in {' or '.join(str(place) for place in places)}. Say where the folder packer of "
        "Wakebrush's checkout is: `--template FOLDER`."
    )


async def run(command: Sequence[str], environment: Mapping[str, str], tell: Tell) -> None:
    """Runs one command and tells its lines. Raises BuildFailed when it ends with anything but 0.

    It is told of an interruption exactly once, whoever else was (a second one would keep Packer from clearing away), and is
    waited for.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        await _tell_lines(process.stdout, tell)
        ended = await process.wait()
    except asyncio.CancelledError:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            tell("Interrupted. Packer deletes what it has made so far; this takes a minute or two.")
        await finish_first(_tell_lines(process.stdout, tell))
        await finish_first(process.wait())
        raise
    if ended != 0:
        raise BuildFailed(
            f"`{Path(command[0]).name} {command[1] if len(command) > 1 else ''}` ended with {ended}; its last lines say why. "
            "No image was made."
        )


async def _tell_lines(stream: asyncio.StreamReader, tell: Tell) -> None:
    while line := await stream.readline():
        tell(line.decode(errors="replace").rstrip())
