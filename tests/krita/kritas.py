"""The Kritas the suite runs in: this computer's own, and newer ones in roots of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SHARED = "/tmp"
"""Seen at the same path from inside and outside a root: profiles, X sockets and the test socket are there."""

ENTER = f"""
mount --bind /proc "$0/proc" && mount --bind /dev "$0/dev" && mount --bind {SHARED} "$0{SHARED}" || exit 120
exec chroot --userspec={os.getuid()}:{os.getgid()} "$0" "$@"
"""


class KritaMissing(Exception):
    """A Krita cannot be run here; the message says what to install."""


@dataclass(frozen=True)
class KritaVersion:
    """`root` is None for the Krita installed here."""

    name: str
    root: Path | None

    def command(self) -> list[str]:
        """What starts a program beside this Krita; mounts live in a namespace that ends with the process."""
        if self.root is None:
            return []
        sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
        return [*sudo, "unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, str(self.root)]

    def provide(self) -> None:
        """Makes sure it can be run; the root is made on first use (minutes). Raises KritaMissing."""
        for program, package in (("Xvfb", "xvfb"), ("xdotool", "xdotool")):
            if shutil.which(program) is None:
                raise KritaMissing(f"{program} is missing; run: apt-get install {package}")
        if self.root is None:
            if not Path("/usr/bin/krita").exists():
                raise KritaMissing("Krita is missing; run: apt-get install krita python3-pyqt5")
            return
        sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
        make = [*sudo, str(REPOSITORY / ".ci/krita-root"), str(self.root), self.name]
        made = subprocess.run(make, stderr=subprocess.PIPE, text=True)
        if made.returncode != 0:
            raise KritaMissing(f"The root with Krita {self.name} could not be made:\n{made.stderr}")


def cache_folder() -> Path:
    """Where roots are kept between runs."""
    chosen = os.environ.get("WAKEBRUSH_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache/wakebrush"


INSTALLED = KritaVersion("5.1", None)
NEWER = tuple(KritaVersion(name, cache_folder() / f"krita-{name}") for name in ("5.2", "5.3", "6"))
EVERY = (INSTALLED, *NEWER)
