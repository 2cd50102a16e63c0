"""The process that is a machine on this computer: it owns the engine, watches it, and tells whoever connects.

It has a life of its own (`python -m wake_service.providers.process_launcher FOLDER LOCK`): the service may end or be killed, and
the next one connects to the socket named in the state file. There it sends its state as a JSON line, at once and on every
change, and takes `{"order": "stop", "force": false}` (SIGTERM is the same order) and `{"order": "hand_over", "boot": "..."}`: the
engine of that boot ends, the folders of artists' files are emptied, and the next boot begins.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from wake_service.providers.base import BootStage, Power
from wake_service.providers.engine_log import EngineLog
from wake_service.providers.engine_process import LOOPBACK, EngineProcess, describe_end, reserved_port
from wake_service.providers.machine_folder import ALIVE, ENGINE, Launch, MachineFolder, MachineState

log = logging.getLogger("wake_service.launcher")

#: ComfyUI prints this once it listens (server.py, start_multi_address), and so does the practice engine.
_ANSWERS = re.compile(r"To see the GUI go to: (https?)://")
_FAREWELL_SECONDS = 2.0


class Launcher:
    """One life of one machine, from `run` to its end."""

    def __init__(self, folder: MachineFolder, launch: Launch, socket: Path) -> None:
        self._folder = folder
        self._launch = launch
        self._socket = socket
        self._state = MachineState(launch.boot, Power.STARTING, BootStage.STARTING, socket=str(socket), launcher_pid=os.getpid())
        self._listeners: set[asyncio.StreamWriter] = set()
        self._stop = asyncio.Event()
        self._force = asyncio.Event()
        self._hand_over = asyncio.Event()
        self._lonely: asyncio.TimerHandle | None = None
        self._why: str | None = None

    async def run(self, ready: Callable[[], None]) -> None:
        """Calls `ready` once it can be reached; returns when the engine has ended and everybody was told."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        for number in (signal.SIGINT, signal.SIGHUP):  # a terminal that closes is no reason to end
            loop.add_signal_handler(number, log.info, "Signal %d is left alone.", number)
        async with await asyncio.start_unix_server(self._serve, self._socket):
            self._show(self._state)
            ready()
            self._wait_for_company()
            end = await self._live()
            self._show(replace(self._state, power=Power.STOPPED, stage=None, address=None, engine_pid=None, message=end))
            await self._say_farewell()

    async def _live(self) -> str | None:
        """The engine's life, or those of several. A sentence when it ended unasked."""
        while True:
            end = await self._live_once()
            if self._stop.is_set() or not self._hand_over.is_set():
                return end
            self._hand_over.clear()
            try:
                await asyncio.to_thread(empty, [Path(folder) for folder in self._launch.wiped])
            except OSError as error:
                return f"The machine could not be wiped for another artist: {error.filename or ''}: {error.strerror or error}."
            self._state = replace(self._state, boot=uuid.uuid4().hex)

    async def _live_once(self) -> str | None:
        lock = self._folder.acquire_anew(ENGINE)
        with ExitStack() as life:
            try:
                port = life.enter_context(reserved_port())
                engine = EngineProcess(self._launch, port, lock)
            except OSError as error:
                return f"The engine could not be started: {self._launch.argv[0]}: {error.strerror or error}."
            finally:
                os.close(lock)
            return await self._follow(engine, port)

    async def _follow(self, engine: EngineProcess, port: int) -> str | None:
        """From its start to its end."""
        self._show(replace(self._state, power=Power.RUNNING, stage=BootStage.BOOTING, engine_pid=engine.pid))
        engine_log = EngineLog(self._folder.engine_log, self._launch.limits.log_bytes)
        reading = asyncio.create_task(self._read(engine, engine_log, port))
        ended = asyncio.create_task(engine.ended())
        stop, hand_over = asyncio.create_task(self._stop.wait()), asyncio.create_task(self._hand_over.wait())
        await asyncio.wait({ended, stop, hand_over}, return_when=asyncio.FIRST_COMPLETED)
        hand_over.cancel()
        if not ended.done():
            await self._end(engine, ended)
        code = await ended
        await asyncio.wait({reading}, timeout=_FAREWELL_SECONDS)
        engine_log.close()
        return self._why if self._stop.is_set() else describe_end(code, engine_log.last_words)

    async def _end(self, engine: EngineProcess, ended: asyncio.Task[int]) -> None:
        """Asks the engine to end, and makes it end when it does not in time or force was asked for."""
        if self._stop.is_set():
            self._show(replace(self._state, power=Power.STOPPING, stage=None, address=None))
        else:
            self._show(replace(self._state, stage=BootStage.BOOTING, address=None))
        force = asyncio.create_task(self._force.wait())
        if not self._force.is_set():
            engine.signal(signal.SIGTERM)
            await asyncio.wait({ended, force}, timeout=self._launch.limits.grace, return_when=asyncio.FIRST_COMPLETED)
        force.cancel()
        if not ended.done():
            engine.signal(signal.SIGKILL)

    async def _read(self, engine: EngineProcess, engine_log: EngineLog, port: int) -> None:
        async for chunk in engine.output():
            for line in engine_log.feed(chunk):
                answers = _ANSWERS.search(line) if self._state.stage is BootStage.BOOTING else None
                if answers:
                    self._show(replace(self._state, stage=BootStage.ENGINE, address=f"{answers[1]}://{LOOPBACK}:{port}"))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._listeners.add(writer)
        if self._lonely is not None:
            self._lonely.cancel()
        self._tell(writer)
        try:
            async for line in reader:
                self._take(line)
        except (ConnectionError, ValueError) as error:  # ValueError: a line without end
            log.warning("A listener was cut off: %s", error)
        finally:
            self._listeners.discard(writer)
            writer.close()
            if not self._listeners:
                self._wait_for_company()

    def _wait_for_company(self) -> None:
        """A service that is gone for good sends nobody to sleep; then the machine goes by itself."""

        def give_up() -> None:
            self._why = "The machine went to sleep by itself: no service was connected to it any more."
            self._stop.set()

        self._lonely = asyncio.get_running_loop().call_later(self._launch.limits.lonely, give_up)

    def _take(self, line: bytes) -> None:
        try:
            order = json.loads(line)
            kind = order["order"]
        except (ValueError, TypeError, KeyError):
            kind = None
        if kind == "stop":
            if order.get("force"):
                self._force.set()
            self._stop.set()
        elif kind == "hand_over":
            if order.get("boot") == self._state.boot:  # else it was obeyed already
                self._hand_over.set()
        else:
            log.warning("An order was not understood: %r", line[:200])

    def _show(self, state: MachineState) -> None:
        self._state = state
        try:
            self._folder.write_state(state)
        except OSError as error:
            log.warning("The state file cannot be written (%s); whoever is connected is told all the same.", error)
        for writer in self._listeners:
            self._tell(writer)

    def _tell(self, writer: asyncio.StreamWriter) -> None:
        writer.write(self._state.to_json().encode() + b"\n")

    async def _say_farewell(self) -> None:
        """Lets the last state reach everybody who still listens."""
        drains = [asyncio.create_task(_close(writer)) for writer in self._listeners]
        if drains:
            await asyncio.wait(drains, timeout=_FAREWELL_SECONDS)
        for writer in self._listeners:
            writer.transport.abort()


def empty(folders: Iterable[Path]) -> None:
    """Removes everything in them; a link goes and not what it leads to. Belongs in a thread. Raises OSError."""
    for folder in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except ConnectionError as error:
        log.info("A listener was gone before the end: %s", error)


def _short_folder() -> str:
    """Where a socket's path fits: it may have 103 bytes (macOS; Linux 107), and data folders are longer than that."""
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) <= 70 else "/tmp"


def main() -> None:
    """Goes into the background once the machine can be reached; exit code 0 says so, 1 that it came to nothing."""
    folder, start_lock = MachineFolder(Path(sys.argv[1])), int(sys.argv[2])
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        os._exit(0 if os.read(told, 1) else 1)
    os.close(told)

    def ready() -> None:
        os.write(tell, b"1")
        os.close(tell)
        os.close(start_lock)

    folder.acquire(ALIVE)  # held until this process ends
    socket_folder = Path(tempfile.mkdtemp(prefix="wakebrush-", dir=_short_folder()))
    try:
        asyncio.run(Launcher(folder, folder.launch(), socket_folder / "launcher").run(ready))
    finally:
        shutil.rmtree(socket_folder, ignore_errors=True)


if __name__ == "__main__":
    main()
