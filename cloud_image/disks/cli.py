"""`wakebrush-disks`: mounts the models' disk and the machine's own fast disk, once per boot.

The models' disk is the one labelled wb-models, or the only empty volume, which gets that label. The fast disk is emptied at
every boot. Without either, their folders are on the root disk. Ends with 1 and a sentence when a disk cannot be used.
"""

from __future__ import annotations

import argparse
import grp
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence

from cloud_image.errors import MachineError
from cloud_image.files import replace
from cloud_image.paths import Paths

from .look import Run, look, run
from .plan import VOLUME, Disk, Plan, Purpose, Use, plan

log = logging.getLogger(__name__)

#: Seconds to wait for a models' disk: the kernel finds disks one after the other, and the root disk may be the first. At the
#: first boot nobody knows whether there is one; a machine whose disks are not EC2's volumes has none.
EXPECTED_WAIT, FIRST_WAIT = 10.0, 1.0
_PAUSE = 0.1
_NONE = "none"


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    argparse.ArgumentParser(prog="wakebrush-disks", description=__doc__).parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    paths = Paths()
    flaws = []
    try:
        found = wait_for(paths, run, time.monotonic, time.sleep)
        for remark in found.remarks:
            log.warning("%s", remark)
        for use in found.uses:
            try:
                mount(use, run)
                os.chown(use.target, -1, grp.getgrnam("comfyui").gr_gid)
                log.info("%s is at %s.", use.disk.path, use.target)
                grow(use, run)
            except MachineError as flaw:
                flaws.append(str(flaw))
        remember(paths, found)
    except (MachineError, OSError, KeyError) as flaw:
        flaws.append(str(flaw))
    for sentence in flaws:
        sys.stderr.write(f"{sentence}\n")
    return 1 if flaws else 0


def wait_for(paths: Paths, run: Run, now: Callable[[], float], sleep: Callable[[float], None]) -> Plan:
    """The plan, as soon as it has a disk for the models or none is to be expected. Raises MachineError."""
    waited_from, known = now(), _known(paths)
    while True:
        disks = look(run)
        found = plan(disks, paths.models, paths.fast_models)
        if any(use.purpose is Purpose.MODELS for use in found.uses) or now() - waited_from >= _patience(known, disks):
            return found
        sleep(_PAUSE)


def mount(use: Use, run: Run) -> None:
    """Carries out one use. Raises MachineError."""
    if use.fresh:
        # The journal and the tables are written later, so that even a disk of terabytes takes a second.
        quick = "nodiscard,lazy_itable_init=1,lazy_journal_init=1"
        _do(run, use, ["mkfs.ext4", "-q", "-F", "-L", use.label, "-m", "0", "-E", quick, use.disk.path])
    _do(run, use, ["mount", "-t", "ext4", "-o", "nodev,nosuid", use.disk.path, str(use.target)])


def grow(use: Use, run: Run) -> None:
    """Lets the filesystem fill its disk: that of a copy is as large as the disk it was copied from. Raises MachineError."""
    status, said = run(["resize2fs", use.disk.path])
    if status != 0:
        raise MachineError(f"{use.disk.path} is used, but not to its end (resize2fs: {said.strip()[-300:]}).")


def remember(paths: Paths, found: Plan) -> None:
    """Writes down which disk to wait for at the next boot. Raises OSError."""
    serials = [use.disk.serial or use.disk.path for use in found.uses if use.purpose is Purpose.MODELS]
    replace(paths.models_disk, "".join(serials) or _NONE)


def _known(paths: Paths) -> str | None:
    """Which disk the models were on at the last boot; None at the first one."""
    try:
        return paths.models_disk.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def _patience(known: str | None, disks: Sequence[Disk]) -> float:
    """Seconds to wait for a models' disk."""
    if known is None:
        return FIRST_WAIT if any(disk.model == VOLUME for disk in disks) else 0.0
    return 0.0 if known == _NONE else EXPECTED_WAIT


def _do(run: Run, use: Use, command: Sequence[str]) -> None:
    status, said = run(command)
    if status != 0:
        where = "the models are" if use.purpose is Purpose.MODELS else "the fast tier is"
        raise MachineError(f"{use.disk.path} cannot be used, so {where} on the root disk ({command[0]}: {said.strip()[-300:]}).")


if __name__ == "__main__":
    sys.exit(main())
