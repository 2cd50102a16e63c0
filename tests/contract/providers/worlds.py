"""The places the provider contract is tried in: a cloud in memory, and processes on this computer (ec2_world.py: EC2)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from wake_service.clock import ManualClock, SystemClock
from wake_service.providers.base import BootStage, Power, Provider, Sighting
from wake_service.providers.engine_command import EngineCommand
from wake_service.providers.fake import FakeProvider
from wake_service.providers.machine_folder import ALIVE, MachineFolder
from wake_service.providers.process import ProcessProvider

DEADLINE = 30.0
REPOSITORY = Path(__file__).resolve().parents[3]
FOLDERS = ("input", "output", "temp")
TINY_ENGINE = Path(__file__).with_name("tiny_engine.py")


def tiny_engine(*moods: str, files: Path | None = None) -> EngineCommand:
    wiped = tuple(files / name for name in FOLDERS) if files else ()
    return EngineCommand((sys.executable, str(TINY_ENGINE), "--port", "{port}", *moods), TINY_ENGINE.parent, wiped=wiped)


class World(Protocol):
    """Two machines, `m1` and `m2`, both stopped at first. `ends_with`: how what is said after `kill_engine` begins."""

    m1: str
    m2: str
    ends_with: str

    def open(self) -> Provider:
        """A provider, as a new service would make it."""

    async def leave_running(self, machine_id: str) -> None:
        """A machine whose engine answers, left by a service that was killed."""

    async def kill_engine(self, machine_id: str) -> None:
        """The engine dies and the machine with it; nobody ordered it."""

    def keep(self, machine_id: str, prompt_id: str, data: bytes) -> bool:
        """The machine has a result on its disk that nobody fetched. False where machines keep nothing."""

    async def paint(self, machine_id: str) -> None:
        """An artist's files come to lie in each of the engine's folders."""

    def files(self, machine_id: str) -> list[str]:
        """The artists' files on the machine."""

    async def wait(self, happened: asyncio.Event) -> None:
        """Lets time pass until then. Raises TimeoutError."""

    async def clean_up(self) -> None:
        """Leaves nothing running."""


class FakeWorld:
    m1, m2, ends_with = "m1", "m2", "The engine ended by itself (signal 9"

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._first = FakeProvider(self.clock, ["m1", "m2"])

    def open(self) -> Provider:
        return self._first.next_service()

    async def leave_running(self, machine_id: str) -> None:
        await self._first.next_service().start(machine_id)
        await self.clock.advance(self._first.cloud.times.wake)

    async def kill_engine(self, machine_id: str) -> None:
        self._first.cloud.die(machine_id)

    def keep(self, machine_id: str, prompt_id: str, data: bytes) -> bool:
        self._first.cloud.keep(machine_id, prompt_id, data)
        return True

    async def paint(self, machine_id: str) -> None:
        self._first.cloud.find(machine_id).inputs["hers.png"] = b"hers"

    def files(self, machine_id: str) -> list[str]:
        return list(self._first.cloud.find(machine_id).inputs)

    async def wait(self, happened: asyncio.Event) -> None:
        until = self.clock.now() + 600
        while not happened.is_set():
            if self.clock.now() > until:
                raise TimeoutError
            await self.clock.advance(1)

    async def clean_up(self) -> None:
        await self._first.close()


class ProcessWorld:
    m1, m2, ends_with = "m1", "m2", "The engine ended by itself (signal 9"

    def __init__(self, directory: Path, command: Callable[[Path], EngineCommand]) -> None:
        self.directory = directory
        self.commands: Mapping[str, EngineCommand] = {id: command(directory / "files" / id) for id in ("m1", "m2")}

    def open(self) -> ProcessProvider:
        return ProcessProvider(self.directory / "machines", self.commands, SystemClock())

    def folder(self, machine_id: str) -> MachineFolder:
        return MachineFolder(self.directory / "machines" / machine_id)

    async def leave_running(self, machine_id: str, stage: BootStage = BootStage.ENGINE) -> None:
        code = (
            "import asyncio, sys\n"
            "from pathlib import Path\n"
            "from tests.contract.providers.worlds import ProcessWorld, seen\n"
            "from wake_service.providers.base import BootStage, Power\n"
            "from wake_service.providers.engine_command import EngineCommand\n"
            "async def main():\n"
            "    wiped = tuple(map(Path, filter(None, sys.argv[5].split(':'))))\n"
            "    command = EngineCommand(tuple(sys.argv[6:]), Path(sys.argv[4]), wiped=wiped)\n"
            "    world = ProcessWorld(Path(sys.argv[1]), lambda _: command)\n"
            "    provider = world.open()\n"
            "    async with seen(world, provider) as sightings:\n"
            "        starting = asyncio.create_task(provider.start(sys.argv[2]))\n"
            "        stage = BootStage(sys.argv[3])\n"
            "        power = Power.STARTING if stage is BootStage.STARTING else Power.RUNNING\n"
            "        await sightings.until(sys.argv[2], power, stage)\n"
            "        print('there', flush=True)\n"
            "        await asyncio.Event().wait()\n"
            "asyncio.run(main())\n"
        )
        command = self.commands[machine_id]
        service = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code, str(self.directory), machine_id, stage, str(command.cwd)),
            *(":".join(map(str, command.wiped)), *command.argv),
            cwd=REPOSITORY,
            stdout=asyncio.subprocess.PIPE,
        )
        assert service.stdout is not None
        async with asyncio.timeout(DEADLINE):
            assert await service.stdout.readline() == b"there\n"
        service.kill()
        await service.communicate()

    async def kill_engine(self, machine_id: str) -> None:
        state = self.folder(machine_id).state()
        assert state is not None and state.engine_pid is not None
        os.kill(state.engine_pid, signal.SIGKILL)

    def keep(self, machine_id: str, prompt_id: str, data: bytes) -> bool:
        return False

    async def paint(self, machine_id: str) -> None:
        for name in FOLDERS:
            place = self.directory / "files" / machine_id / name / "deeper"
            place.mkdir(parents=True)
            (place / "hers.png").write_bytes(b"hers")
            (place.parent / "hers.png").write_bytes(b"hers")
            (place.parent / "way-out").symlink_to(self.directory / "elsewhere")
        (self.directory / "elsewhere").mkdir()
        (self.directory / "elsewhere/nobodys.png").touch()

    def files(self, machine_id: str) -> list[str]:
        assert (self.directory / "elsewhere/nobodys.png").exists(), "a link leads nowhere"
        folder = self.directory / "files" / machine_id
        return [str(path) for name in FOLDERS for path in (folder / name).rglob("*")]

    async def wait(self, happened: asyncio.Event) -> None:
        async with asyncio.timeout(DEADLINE):
            await happened.wait()

    async def clean_up(self) -> None:
        provider = self.open()
        for sighting in await provider.machines():
            await provider.stop(sighting.machine_id, force=True)
            folder = self.folder(sighting.machine_id)
            assert await asyncio.to_thread(folder.released, ALIVE, DEADLINE)
        await provider.close()


class Sightings:
    """What a provider has announced so far."""

    def __init__(self, world: World) -> None:
        self.all: list[Sighting] = []
        self._world = world
        self._looking_for: Callable[[], bool] = bool
        self._found = asyncio.Event()

    def add(self, sighting: Sighting) -> None:
        self.all.append(sighting)
        if self._looking_for():
            self._found.set()

    async def until_kept(self, machine_id: str, prompt_ids: tuple[str, ...]) -> None:
        """Waits until the machine says that it keeps just these."""
        await self._until(lambda: bool(self.of(machine_id)) and self.of(machine_id)[-1].kept == prompt_ids)

    def of(self, machine_id: str) -> list[Sighting]:
        return [sighting for sighting in self.all if sighting.machine_id == machine_id]

    async def until(self, machine_id: str, power: Power, stage: BootStage | None = None, *, after: int = 0) -> Sighting:
        """Waits for such an announcement ; the first `after` ones do not count."""

        def matching() -> list[Sighting]:
            return [s for s in self.all[after:] if (s.machine_id, s.power, s.stage) == (machine_id, power, stage)]

        await self._until(lambda: bool(matching()))
        return matching()[0]

    async def _until(self, condition: Callable[[], bool]) -> None:
        self._looking_for = condition
        self._found.clear()
        if not condition():
            await self._world.wait(self._found)


async def settled(world: World, doing: Awaitable[None]) -> None:
    """Lets time pass until that is done."""
    done = asyncio.Event()
    task = asyncio.ensure_future(doing)
    task.add_done_callback(lambda _: done.set())
    await world.wait(done)
    await task


@asynccontextmanager
async def seen(world: World, provider: Provider) -> AsyncIterator[Sightings]:
    """Watches a provider; closes it at the end, which must end the watching."""
    sightings = Sightings(world)
    stream = provider.watch()

    async def watch() -> None:
        async for sighting in stream:
            sightings.add(sighting)

    watching = asyncio.create_task(watch())
    try:
        yield sightings
    finally:
        await provider.close()
        async with asyncio.timeout(DEADLINE):
            await watching
