"""`python -m tests.aws.cloud --port 4566`: an empty account on loopback, in real time, until Ctrl+C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from tests.aws.cloud import REGION, Cloud, Times
from tests.aws.cloud.server import Server
from wake_service.clock import SystemClock

#: Machines that start and stop as they are told to, for those who cannot wait.
AT_ONCE = Times(pending=0, stopping=0, forced_stopping=0, shutting_down=0)


async def serve(port: int, region: str, times: Times) -> None:
    """Serves until it is ended."""
    cloud = Cloud(SystemClock(), region=region, times=times)
    server = Server(cloud)
    print(await server.start(port), flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()
        await cloud.close()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.aws.cloud", description="An AWS account in memory.")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free; the first line printed is the URL")
    parser.add_argument("--region", default=REGION)
    parser.add_argument("--at-once", action="store_true", help="machines take no time to start and to stop")
    asked = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(asked.port, asked.region, AT_ONCE if asked.at_once else Times()))


if __name__ == "__main__":
    main()
