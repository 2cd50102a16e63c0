"""A machine's own network: a namespace with nothing but loopback, and sockets that were made in it.

What is in there reaches nothing outside, the service included; it is reached only through the sockets that the test opens.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Network:
    """One namespace; it is gone when it is closed here and nothing runs in it any more."""

    def __init__(self) -> None:
        self._namespace = _in_a_thread(_new_namespace)
        self.run("ip", "link", "set", "lo", "up")

    @property
    def path(self) -> str:
        """Where systemd-nspawn finds it, as long as this process lives."""
        return f"/proc/{os.getpid()}/fd/{self._namespace}"

    def run(self, *command: str) -> None:
        """Runs a command in it. Raises CalledProcessError."""
        self._inside(lambda: subprocess.run(command, check=True, capture_output=True, timeout=10))

    def socket(self) -> socket.socket:
        """A TCP socket that will connect inside."""
        return self._inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))

    def listener(self, address: str, port: int) -> socket.socket:
        """A socket that listens inside."""
        listening = self.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(64)
        return listening

    def close(self) -> None:
        """Lets go of it."""
        os.close(self._namespace)

    def _inside(self, work: Callable[[], T]) -> T:
        def enter_first() -> T:
            _check(_libc.setns(self._namespace, _CLONE_NEWNET), "setns")
            return work()

        return _in_a_thread(enter_first)


def _new_namespace() -> int:
    _check(_libc.unshare(_CLONE_NEWNET), "unshare")
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _check(answer: int, what: str) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)} (the tests of the image need root)")


def _in_a_thread(work: Callable[[], T]) -> T:
    """A namespace belongs to a thread, so what enters one does so in a thread of its own that ends with it."""
    done: list[T] = []
    broken: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  it is raised again by whoever waits
            broken.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if broken:
        raise broken[0]
    return done[0]
