"""A service whose one machine is a stand-in: its own times are known, so that the service's share of a wake can be told apart.

    python -m tests.benchmarks.wake_server DATA ENGINE_ADDRESS

prints one JSON line with endpoint and token, then one for each moment that counts: `{"what": "start" | "engine", "at": …}`.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import uvicorn

from wake_service.api.application import create_app
from wake_service.app import Service
from wake_service.clock import SystemClock
from wake_service.machinery import POOL, Machinery
from wake_service.machines.model import Machine
from wake_service.providers.base import BootStage, Sighting
from wake_service.providers.fake import FakeProvider
from wake_service.providers.fake_cloud import FakeTimes
from wake_service.settings import load

IDLE_SECONDS = 0.3
MACHINE = "stand-in"
#: The stand-in's own times, in seconds.
TIMES = FakeTimes(starting=0.1, booting=0.2, stopping=0.1, forced_stopping=0.1)


class StandIn(FakeProvider):
    """Machines that are awake all the time, and only say that they sleep. Says when it was asked to start one."""

    async def start(self, machine_id: str) -> None:
        say(what="start", at=self.cloud.clock.now())
        await super().start(machine_id)


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def announced(sighting: Sighting) -> None:
    """The moment at which the stand-in says that its engine answers."""
    if sighting.stage is BootStage.ENGINE:
        say(what="engine", at=sighting.at)


def main() -> None:
    data, address = Path(sys.argv[1]), sys.argv[2]
    clock = SystemClock()
    provider = StandIn(clock, [MACHINE], name="stand-in", times=TIMES, address=address)
    provider.cloud.listen(announced)
    settings = load(data=data, idle_seconds=IDLE_SECONDS)
    service = Service(settings, clock, machinery=Machinery({"stand-in": provider}, [Machine(MACHINE, POOL, "stand-in", 0)]))
    listener = socket.create_server(("127.0.0.1", 0))

    async def on_ready() -> None:
        say(endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}", token=await service.issue_local_token())

    config = uvicorn.Config(create_app(service, on_ready), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
