"""`wakebrush-guard-setup`: makes the guard's certificate, fetches the token of this wake, writes what nginx includes, and
publishes the certificate's fingerprint. It tells systemd when the guard can start, and ends when all is done."""

from __future__ import annotations

import argparse
import logging
import os
import pwd
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cloud_image.cloud.whose import calls_of, learn_identity
from cloud_image.errors import MachineError
from cloud_image.paths import Paths
from cloud_image.settings import load

from .setup import World, prepare

USER = "wakebrush-guard"


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit status: 1 when this machine cannot have a guard, with a sentence."""
    parser = argparse.ArgumentParser(prog="wakebrush-guard-setup", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    paths = Paths(parser.parse_args(argv).root)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        settings = load(paths.settings)
        world = World(
            learn_identity=lambda: learn_identity(settings, paths),
            calls_of=lambda identity: calls_of(settings, identity),
            ready=tell_ready,
            sleep=time.sleep,
            owner=_guard_ids() if paths.root == Path("/") else None,
        )
        prepare(settings, paths, world)
    except (MachineError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def tell_ready() -> None:
    """Lets systemd start what waits for this unit; does nothing where no systemd asks (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", f"\0{address[1:]}" if address.startswith("@") else address)


def _guard_ids() -> tuple[int, int]:
    """User and group id of the guard."""
    try:
        guard = pwd.getpwnam(USER)
    except KeyError as nobody:
        raise MachineError(f"There is no user {USER}, so nobody can run the guard: build the image anew.") from nobody
    return guard.pw_uid, guard.pw_gid


if __name__ == "__main__":
    sys.exit(main())
