"""`wakebrush-agent`: runs the agent until it is told to end. Its settings are in /etc/wakebrush/machine.toml."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from cloud_image.errors import MachineError
from cloud_image.paths import Paths
from cloud_image.settings import load

from .daemon import AgentDaemon
from .server import quiet_signals
from .world import real_world

log = logging.getLogger(__name__)


def main(words: list[str] | None = None) -> int:
    """The exit status: 0 when it was told to end, 1 when it could not go on."""
    parser = argparse.ArgumentParser(prog="wakebrush-agent", description="The machine's end of the wake service's wire.")
    parser.add_argument("--root", type=Path, default=Path("/"), help="where the machine's folders are, for a try elsewhere")
    paths = Paths(parser.parse_args(words).root)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        settings = load(paths.settings)
        with quiet_signals():
            asyncio.run(AgentDaemon(paths, settings, real_world(paths, settings)).run())
    except MachineError as broken:
        log.error("%s", broken)
        return 1
    except OSError:
        log.exception("The agent cannot work on this machine. Were its folders made (systemd-tmpfiles --create)?")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
