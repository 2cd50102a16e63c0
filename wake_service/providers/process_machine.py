"""One machine on this computer, as a provider sees it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from wake_service.clock import Clock
from wake_service.errors import ProviderError, ProviderTimeout
from wake_service.providers.base import BootStage, Power, Sighting
from wake_service.providers.engine_command import EngineCommand
from wake_service.providers.launcher_link import LauncherLink
from wake_service.providers.machine_folder import ALIVE, ENGINE, START, Launch, Limits, MachineFolder, MachineState

log = logging.getLogger(__name__)

LAUNCH_SECONDS = 10.0
#: From a killed launcher's hanging up until the kernel lets go of its lock: milliseconds, on a busy computer more.
HANG_UP_SECONDS = 1.0
#: From SIGKILL to an engine's end, which gives its GPU memory back.
END_SECONDS = 5.0
#: How long emptying three folders may take: thousands of pictures on a slow disk.
WIPE_SECONDS = 60.0
_LAUNCHER = "wake_service.providers.process_launcher"
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
#: The service's own settings, which may hold secrets, are none of the engine's business.
_KEPT_FROM_ENGINES = ("WAKEBRUSH_", "KRITA_AI_")
_AWAKE = (Power.STARTING, Power.RUNNING)


class ProcessMachine:
    """Folder, link and last known state of a machine. `say` hears every change."""

    def __init__(self, machine_id: str, folder: MachineFolder, clock: Clock, say: Callable[[Sighting], None]) -> None:
        self.machine_id = machine_id
        self.folder = folder
        self._clock = clock
        self._say = say
        self._now: MachineState | None = None
        self._link: LauncherLink | None = None
        self._one_at_a_time = asyncio.Lock()

    async def look(self) -> Sighting:
        """The machine as it is now."""
        async with self._turn():
            await self._adopt()
            return self._sighting()

    async def start(self, command: EngineCommand, limits: Limits) -> None:
        """See Provider.start."""
        async with self._turn():
            await self._adopt()
            if self._now is not None and self._now.power in _AWAKE:
                if self._link is None:
                    raise ProviderError(f"{self._now.message}")
                return
            if self._now is not None and self._now.power is Power.STOPPING:
                raise ProviderError(f'Machine "{self.machine_id}" is still stopping; it can be started once it has stopped.')
            wiped = tuple(map(str, command.wiped))
            launch = Launch(uuid.uuid4().hex, command.argv, str(command.cwd), dict(command.env), limits, wiped)
            loop = asyncio.get_running_loop()
            starting = MachineState(launch.boot, Power.STARTING, BootStage.STARTING)
            try:
                await asyncio.to_thread(self._launch, launch, lambda: loop.call_soon_threadsafe(self._show, starting))
            except ProviderError as error:
                self._show(replace(starting, power=Power.STOPPED, stage=None, message=str(error)))
                raise
            await self._adopt()

    async def stop(self, *, force: bool) -> None:
        """See Provider.stop."""
        async with self._turn():
            await self._adopt()
            if self._link is not None:
                await self._link.stop(force=force)
            elif self._now is not None and self._now.power is Power.RUNNING:
                self._signal_launcher(self._now, signal.SIGKILL if force else signal.SIGTERM)
                await self._adopt()

    async def hand_over(self) -> None:
        """See Provider.hand_over."""
        async with self._turn():
            await self._adopt()
            if self._link is None or self._now is None or self._now.power is not Power.RUNNING:
                raise ProviderError(f'Machine "{self.machine_id}" is not up.')
            launch = self.folder.launch()
            if not launch.wiped:
                told = "keeps its files in folders that are not its own, and is not wiped. Let it sleep once."
                raise ProviderError(f'Machine "{self.machine_id}" {told}')
            await self._link.hand_over(launch.limits.grace + WIPE_SECONDS)

    async def close(self) -> None:
        """Lets go of the launcher, which goes on."""
        async with self._one_at_a_time:
            if self._link is not None:
                await self._link.close()
                self._link = None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One call at a time; what the file system has against it becomes a sentence."""
        async with self._one_at_a_time:
            try:
                yield
            except OSError as error:
                reason = error.strerror or error
                raise ProviderError(f'The files of machine "{self.machine_id}" cannot be used: {reason}.') from error

    async def _adopt(self) -> None:
        """Connects to the launcher if there is one and the link is not up; else finds out how the machine ended."""
        if self._link is not None and self._link.open:
            return
        self._link = None
        state = self.folder.state()
        if state is None or state.power is Power.STOPPED:
            if state is not None:
                self._show(state)
            return
        link = await self._connect(state)
        if link is not None:
            self._link = link
            link.listen(self._lost)
        elif await asyncio.to_thread(self.folder.released, ALIVE, HANG_UP_SECONDS):
            await self._find_out_the_end(state)
        else:
            message = f"The machine's launcher (process {state.launcher_pid}) does not answer; stop the machine to use it again."
            self._show(replace(state, power=Power.RUNNING, stage=None, address=None, message=message))

    async def _connect(self, state: MachineState) -> LauncherLink | None:
        if state.socket is None or not self.folder.held(ALIVE):
            return None
        try:
            return await LauncherLink.connect(state.socket, self._show)
        except (OSError, TimeoutError) as error:
            log.warning("The launcher of machine %s cannot be reached: %s", self.machine_id, error or "no answer")
            return None

    async def _lost(self) -> None:
        try:
            await self.look()
        except ProviderError as error:
            log.warning("%s", error)

    async def _find_out_the_end(self, state: MachineState) -> None:
        """What became of a machine without launcher."""
        try:
            ended = await asyncio.to_thread(self._bury, state)
        except ProviderError as error:
            self._show(replace(state, power=Power.STOPPING, stage=None, address=None, message=str(error)))
        else:
            if ended is not None:
                self._show(ended)

    def _launch(self, launch: Launch, announce: Callable[[], object]) -> None:
        """Starts a launcher, unless somebody else just did. It inherits the lock: a dying service cannot cut a start in two."""
        self.folder.make()
        with self.folder.holding(START) as lock:
            state = self.folder.state()
            if state is not None and state.power is not Power.STOPPED:
                if self.folder.held(ALIVE):
                    return
                self._bury_locked(state)
            self.folder.write_launch(launch)
            announce()
            self._spawn(lock)

    def _spawn(self, lock: int) -> None:
        complaints = os.open(self.folder.launcher_log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", _LAUNCHER, str(self.folder.path.absolute()), str(lock)],
                cwd=_PACKAGE_PARENT,
                env={name: value for name, value in os.environ.items() if not name.startswith(_KEPT_FROM_ENGINES)},
                stdin=subprocess.DEVNULL,
                stdout=complaints,
                stderr=complaints,
                start_new_session=True,
                pass_fds=(lock,),
            )
        except OSError as error:
            raise ProviderError(f"The machine's launcher could not be started: {error.strerror}.") from error
        finally:
            os.close(complaints)
        deadline = threading.Timer(
            LAUNCH_SECONDS, process.kill
        )  # Popen's own timeout looks every 50 ms, and a wake would pay for it
        deadline.start()
        code = process.wait()
        deadline.cancel()
        if code == -signal.SIGKILL:
            raise ProviderTimeout(f"The machine's launcher did not come up within {LAUNCH_SECONDS:.0f} s.")
        if code != 0:
            raise ProviderError(f"The machine's launcher came to nothing; {self.folder.launcher_log} says why.")

    def _bury(self, state: MachineState) -> MachineState | None:
        """Leaves a machine whose launcher was killed stopped. What is there now; None when somebody else is starting it."""
        with self.folder.holding(START):
            if self.folder.held(ALIVE):
                return None
            if self.folder.state() == state:
                self._bury_locked(state)
            return self.folder.state()

    def _bury_locked(self, state: MachineState) -> None:
        if state.engine_pid is not None and self.folder.held(ENGINE):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(state.engine_pid, signal.SIGKILL)
            if not self.folder.released(ENGINE, END_SECONDS):
                raise ProviderError(f"The engine (process {state.engine_pid}) was killed but has not ended yet.")
        if state.socket is not None:
            shutil.rmtree(Path(state.socket).parent, ignore_errors=True)
        message = "The machine's launcher was ended from outside, and the engine with it."
        self.folder.write_state(MachineState(state.boot, Power.STOPPED, message=message))

    def _signal_launcher(self, state: MachineState, number: signal.Signals) -> None:
        if state.launcher_pid is not None and self.folder.held(ALIVE):
            os.kill(state.launcher_pid, number)

    def _show(self, state: MachineState) -> None:
        known, self._now = self._now, state
        if known is None or known.sighting("", 0) != state.sighting("", 0):
            self._say(self._sighting())

    def _sighting(self) -> Sighting:
        if self._now is None:
            return Sighting(self.machine_id, Power.STOPPED, self._clock.now())
        return self._now.sighting(self.machine_id, self._clock.now())
