"""A wire that can be cut: a TCP proxy between an artist and the service, or between the service and its engine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType

_CHUNK = 65536


class Wire:
    """Passes bytes to `target` (host, port) until it is cut; new connections are taken at once. Port 0 is any free one.

    `watch` is shown everything that came from the target and was passed on.
    """

    def __init__(self, target: tuple[str, int], port: int = 0, watch: Callable[[bytes], None] | None = None) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", port))
        self._down = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._budget: int | None = None
        self._watch = watch
        self.cuts = 0
        self._spawn(self._accept)

    @property
    def endpoint(self) -> str:
        """Where to connect instead of the target."""
        host, port = self._listener.getsockname()[:2]
        return f"http://{host}:{port}"

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(timeout=10)
        for end in self._ends:
            end.close()

    def cut(self) -> None:
        """Breaks all connections, as a lost network does."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _break(pair)

    def go_down(self) -> None:
        """Breaks all connections, and every new one at once."""
        self._down = True
        self.cut()

    def cut_every(self, count: int) -> None:
        """From now on each connection breaks once so many bytes came from the target: in the middle of a frame, as it happens."""
        self._budget = count

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return  # the test has ended
            if self._down:
                here.close()
                continue
            there = socket.create_connection(self._target)
            pair = (here, there)
            with self._lock:
                self._pairs.append(pair)
                self._ends += pair
            self._spawn(self._pass, here, there, pair, None, None)
            self._spawn(self._pass, there, here, pair, self._budget, self._watch)

    def _pass(
        self,
        source: socket.socket,
        sink: socket.socket,
        pair: tuple[socket.socket, socket.socket],
        budget: int | None,
        watch: Callable[[bytes], None] | None,
    ) -> None:
        try:
            while data := source.recv(_CHUNK if budget is None else min(_CHUNK, budget)):
                sink.sendall(data)
                if watch is not None:
                    watch(data)
                if budget is not None and (budget := budget - len(data)) <= 0:
                    self.cuts += 1
                    break
        except OSError:
            return  # cut
        finally:
            _break(pair)

    def _spawn(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


def _break(pair: tuple[socket.socket, socket.socket]) -> None:
    for end in pair:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue  # broken already
