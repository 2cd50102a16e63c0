"""Work off the GUI thread: a few threads with a queue each, and a bridge back.

Blocking work of one kind goes into one lane, in order; lanes don't wait for each other, so a long upload delays no cancel.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from ..qt import QObject, Qt, QTimer, Signal

_log = logging.getLogger("wakebrush")


class Bridge(QObject):
    """Runs calls in the thread that made the bridge (the GUI thread), whoever posts them, in order.

    One in a turn of the event loop: what several of them take does not add up to a pause, and what she does comes between.
    """

    _posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._closed = False
        self._waiting: deque[Callable[[], None]] = deque()
        self._turn = QTimer(self)
        self._turn.timeout.connect(self._next)
        self._posted.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], None]) -> None:
        if not self._closed:
            self._posted.emit(call)

    def close(self) -> None:
        """What is posted from now on, or has not run yet, is dropped."""
        self._closed = True
        self._turn.stop()
        self._waiting.clear()

    def _call(self, call: Callable[[], None]) -> None:
        if not self._closed:
            self._waiting.append(call)
            self._turn.start(0)

    def _next(self) -> None:
        call = self._waiting.popleft()
        if not self._waiting:
            self._turn.stop()
        call()


class Lanes:
    """Named worker threads, each started when it is first used. What is in one of the `kept` lanes is done even while closing."""

    def __init__(self, bridge: Bridge, kept: tuple[str, ...] = ()) -> None:
        self._bridge = bridge
        self._kept = kept
        self._queues: dict[str, queue.SimpleQueue[Callable[[], None] | None]] = {}
        self._threads: list[threading.Thread] = []
        self._closed = False

    def run(
        self,
        lane: str,
        work: Callable[[], Any],
        then: Callable[[Any], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Runs `work` in a lane, then one of the others in the GUI thread. Without `failed`, a failure is only logged."""
        if self._closed:
            return

        def task() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 (whatever it is, it must reach her as a sentence, not end the lane)
                if failed is None:
                    _log.warning("work in the background failed", exc_info=error)
                else:
                    self._bridge.post(partial(failed, error))
            else:
                if then is not None:
                    self._bridge.post(lambda: then(result))

        self._queue(lane).put(task)

    def close(self, seconds: float) -> bool:
        """Lets each lane finish what it does now, drops the rest (but for the kept lanes); whether all ended within `seconds`."""
        self._closed = True
        for each in self._queues.values():
            each.put(None)
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _queue(self, lane: str) -> queue.SimpleQueue[Callable[[], None] | None]:
        if lane not in self._queues:
            tasks = self._queues[lane] = queue.SimpleQueue()
            thread = threading.Thread(target=self._work, args=(tasks, lane in self._kept), name=f"wakebrush-{lane}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._queues[lane]

    def _work(self, tasks: queue.SimpleQueue[Callable[[], None] | None], kept: bool) -> None:
        while (task := tasks.get()) is not None:
            if kept or not self._closed:
                task()
