"""The engine as a child of its launcher, with which it dies."""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from wake_service.providers.machine_folder import Launch

LOOPBACK = "127.0.0.1"
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_READ_BYTES = 65536


class EngineProcess:
    """A running engine and all that it started, as one process group. To be made in the main thread: see `_dies_with_us`."""

    def __init__(self, launch: Launch, port: int, lock: int) -> None:
        """Starts it; `lock` is an open file that it inherits. Raises OSError."""
        self._output, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(
                [str(port) if part == "{port}" else part for part in launch.argv],
                cwd=launch.cwd,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **launch.env},
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
                pass_fds=(lock,),
                preexec_fn=_dies_with_us(),
            )
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(theirs)

    @property
    def pid(self) -> int:
        """Of the process and its group."""
        return self._process.pid

    async def output(self) -> AsyncIterator[bytes]:
        """What it prints, as it comes; ends when nobody of its group can print any more."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        with os.fdopen(self._output, "rb", buffering=0) as pipe:
            transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
            try:
                while chunk := await reader.read(_READ_BYTES):
                    yield chunk
            finally:
                transport.close()

    async def ended(self) -> int:
        """Waits for its end, ends what it left running, and gives the exit code (negative: the signal)."""
        code = await asyncio.to_thread(self._process.wait)
        self.signal(signal.SIGKILL)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Signals the whole group; one that ended already is fine."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return  # macOS answers EPERM for a group of which only zombies are left


@contextmanager
def reserved_port() -> Iterator[int]:
    """A loopback port that nobody listens on, for the engine alone as long as the block lasts.

    It lies below the ranges from which systems take ports for outgoing connections (Linux from 32768, others from 49152), so that
    none of those takes it before the engine listens, which may be a minute from now. On Linux the place stays taken meanwhile:
    another launcher finds it so, while the engine may listen there, because both allow it (aiohttp's servers, ComfyUI's too, do
    by themselves) and only one of them listens. Other systems would refuse the engine as well. Raises OSError.
    """
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as place:
            try:
                place.bind((LOOPBACK, port))
            except OSError:
                continue
            if sys.platform.startswith("linux"):
                place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            else:
                place.close()
            yield port
            return
    raise OSError("no free port between 20000 and 32000")


def describe_end(code: int, last_words: str) -> str:
    """A sentence about an end that nobody asked for."""
    if code >= 0:
        how = f"exit code {code}"
    elif code == -signal.SIGKILL:
        how = "signal 9; this computer may have run out of memory"
    else:
        how = f"signal {-code}"
    ended = f"The engine ended by itself ({how})."
    return f"{ended} Its last words: {last_words}" if last_words else ended


def _dies_with_us() -> Callable[[], None] | None:
    """Runs in the child before the engine: the kernel kills it when the thread that started it ends, however that comes about.

    Other systems than Linux lack this; there the next look at the machine ends an engine without launcher (process_machine.py).
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    launcher = os.getpid()

    def arrange() -> None:
        if prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0 or os.getppid() != launcher:
            os._exit(127)  # the launcher ended in between

    return arrange
