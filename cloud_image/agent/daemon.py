"""The agent, built from its parts and kept going until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from contextlib import closing
from functools import partial
from typing import Any

from cloud_image import __version__
from cloud_image.door import Door
from cloud_image.errors import MachineError
from cloud_image.paths import Paths
from cloud_image.settings import Settings

from .app import App
from .cloud_watch import CloudWatch, known_name
from .engine_watch import EngineWatch
from .gpus import GpuWatch
from .handover import HandingOver
from .hub import Hub
from .inputs import Inputs
from .keeper import DAY, Keeper, free_bytes
from .lease import Lease, LeaseRule
from .memory import Memory
from .notify import Pulse, keep_alive
from .obey import Obedience
from .prefetch import Prefetcher
from .server import AgentServer, listen
from .state import Facts, State
from .stopping import Stopping, connections
from .surroundings import Surroundings
from .sweeper import PERIOD, Sweeper
from .world import World

log = logging.getLogger(__name__)

#: Seconds without a beat after which a part is taken for dead. The engine's may wait for four answers in a row.
ALIVE = {
    "cloud": 60.0,
    "engine": 120.0,
    "gpus": 60.0,
    "hub": 60.0,
    "lease": 120.0,
    "prefetch": 120.0,
    "results": 300.0,
    "surroundings": 30.0,
    "sweeper": 2 * PERIOD,
}


class AgentBroken(MachineError):
    """A part of the agent ended although nobody told it to."""


class AgentDaemon:
    """One agent. Raises OSError when the machine is not laid out as it should be."""

    def __init__(self, paths: Paths, settings: Settings, world: World) -> None:
        self._paths = paths
        self._settings = settings
        self._world = world
        name = known_name(paths.identity, settings.cloud)
        self._named = name is not None
        self.pulse = Pulse(world.clock)
        memory = Memory(paths.run / "agent/happened.json")
        facts = Facts(machine=name or "unknown", boot=world.boot(), happened=memory.recall())
        self.state = State(facts, world.clock.now, memory.note)
        self.keeper = self._build_keeper()
        self.lease = Lease(
            LeaseRule(settings.agent.lease_seconds, settings.agent.lease_period_seconds),
            world.commands,
            self.state,
            world.clock,
            beat=self._beat("lease"),
        )
        self.engine = EngineWatch(
            world.engine,
            world.process,
            self.state,
            world.clock,
            finished=self.keeper.finished,
            worked=self.lease.worked,
            beat=self._beat("engine"),
        )
        self.surroundings = Surroundings(paths, self.state, world.clock, beat=self._beat("surroundings"))
        self.prefetcher = Prefetcher(world.reader, self.state, world.clock, beat=self._beat("prefetch"))
        self.inputs = Inputs(paths.engine_data / "input", settings.guard.max_upload_mib)
        beat = self._beat("hub")
        door = Door(paths.door)
        in_flight = partial(connections, paths.prompt_socket)
        self._stopping = Stopping(door, paths.stop_order, self.engine, in_flight, world.clock.now)
        self._handing_over = HandingOver(
            door, paths.wipe_order, paths.wiped, self._stopping.work, self.keeper.forget_all, self.state, world.clock
        )
        told = self.surroundings, self.prefetcher, self.keeper
        obedience = Obedience(door, self._stopping, self._handing_over, *told)
        self.hub = Hub(self.state, obedience, world.clock, __version__, beat=beat, heartbeat=world.heartbeat)
        self.server = AgentServer(App(self.hub, self.inputs, self.keeper), self._ready)

    async def run(self) -> None:
        """Until a signal comes or `server.should_exit` is set. Raises AgentBroken when a part of it fails."""
        self.keeper.load()
        self._stopping.recover()
        self._handing_over.recover()
        self.surroundings.look()
        if self.state.facts.happened:
            self.state.say("The machine's agent was started anew.")
        with closing(listen(self._paths.agent_socket)) as listening:
            try:
                await self._work(listening)
            finally:
                self._paths.agent_socket.unlink(missing_ok=True)

    async def _work(self, listening: socket.socket) -> None:
        parts = [asyncio.ensure_future(self._part(name, work)) for name, work in self._parts().items()]
        serving: asyncio.Future[Any] = asyncio.ensure_future(self.server.serve(sockets=[listening]))
        broken: asyncio.Future[Any] = asyncio.gather(*parts)
        try:
            await asyncio.wait({serving, broken}, return_when=asyncio.FIRST_COMPLETED)
            if broken.done():
                broken.result()
        finally:
            self._world.systemd.tell("STOPPING=1")
            self.server.should_exit = True
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, broken, serving, return_exceptions=True)

    def _parts(self) -> dict[str, Coroutine[Any, Any, None]]:
        """All that runs beside the server, each with its own signs of life."""
        world, agent = self._world, self._settings.agent
        gpus = GpuWatch(world.gpus, self.state, world.clock, beat=self._beat("gpus"))
        sweeper = Sweeper(self.inputs, self.state, world.clock, agent.keep_days * DAY, beat=self._beat("sweeper"))
        parts = {
            "engine": self.engine.run(),
            "gpus": gpus.run(),
            "hub": self.hub.run(),
            "lease": self.lease.run(),
            "prefetch": self.prefetcher.run(),
            "results": self.keeper.run(),
            "surroundings": self.surroundings.run(),
            "sweeper": sweeper.run(),
            "watchdog": keep_alive(world.systemd, self.pulse, world.clock),
        }
        if world.metadata is not None:
            beat = self._beat("cloud")
            cloud = CloudWatch(world.metadata, self.state, world.clock, period=agent.notice_seconds, named=self._named, beat=beat)
            parts["cloud"] = cloud.run()
        return parts

    async def _part(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """One part until its end, which only a part without a subject (no GPU, no watchdog) reaches by itself."""
        try:
            await work
        except Exception as error:
            raise AgentBroken(f"The agent's part “{name}” failed: {error!r}. systemd starts the agent anew.") from error
        self.pulse.rest(name)

    def _build_keeper(self) -> Keeper:
        data, agent = self._paths.engine_data, self._settings.agent
        return Keeper(
            self._paths.kept,
            data / "output",
            self.state,
            self._world.clock,
            keep_days=agent.keep_days,
            keep_free_gib=agent.keep_free_gib,
            free=partial(free_bytes, data),
            beat=self._beat("results"),
        )

    def _beat(self, name: str) -> Callable[[], None]:
        self.pulse.watch(name, ALIVE[name])
        return partial(self.pulse.beat, name)

    def _ready(self) -> None:
        self._world.systemd.tell("READY=1", "STATUS=Listening for the wake service.")
