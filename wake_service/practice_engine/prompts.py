"""What clients asked for: the queue of prompts and the history of those that ran."""

from __future__ import annotations

import copy
import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAX_HISTORY = 10_000
SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")


@dataclass(order=True, slots=True)
class Item:
    """One prompt in the queue; the lowest `number` runs first."""

    number: float
    prompt_id: str = field(compare=False)
    prompt: dict[str, Any] = field(compare=False)
    extra_data: dict[str, Any] = field(compare=False)
    outputs: list[str] = field(compare=False)

    def on_wire(self) -> list[Any]:
        """`[number, id, prompt, extra_data, outputs]`, as `/queue` and `/history` show it."""
        return [self.number, self.prompt_id, self.prompt, self.extra_data, self.outputs]


class PromptQueue:
    """Safe for use from any thread. `changed` is called after every change, with the number of prompts not yet finished."""

    def __init__(self, changed: Callable[[int], None]) -> None:
        self._changed = changed
        self._condition = threading.Condition(threading.RLock())
        self._pending: list[tuple[Item, int]] = []
        self._order = itertools.count()
        self._running: Item | None = None
        self._history: dict[str, dict[str, Any]] = {}
        self._closed = False
        self._free_models = False
        self._free_memory = False

    def put(self, item: Item) -> None:
        """Adds a prompt."""
        with self._condition:
            heapq.heappush(self._pending, (item, next(self._order)))
            self._tell()
            self._condition.notify()

    def take(self) -> Item | None:
        """Waits for the next prompt and makes it the running one; None when `take_flags` has work or the queue is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._pending or self._closed or self._free_models or self._free_memory)
            if self._closed or not self._pending:
                return None
            self._running, _ = heapq.heappop(self._pending)
            self._tell()
            return self._running

    def finish(self, item: Item, outputs: dict[str, Any], meta: dict[str, Any], messages: list[Any], succeeded: bool) -> None:
        """Moves the running prompt to the history."""
        with self._condition:
            self._running = None
            while len(self._history) >= MAX_HISTORY:
                self._history.pop(next(iter(self._history)))
            self._history.pop(item.prompt_id, None)
            self._history[item.prompt_id] = {
                "prompt": item.on_wire(),
                "outputs": outputs,
                "status": {"status_str": "success" if succeeded else "error", "completed": succeeded, "messages": messages},
                "meta": meta,
            }
            self._tell()

    def snapshot(self) -> tuple[list[Item], list[Item]]:
        """(running, pending), each in the order of running."""
        with self._condition:
            return [self._running] if self._running else [], [item for item, _ in sorted(self._pending)]

    def remaining(self) -> int:
        """Prompts not yet finished."""
        with self._condition:
            return len(self._pending) + (self._running is not None)

    def is_running(self, prompt_id: str) -> bool:
        """Whether that prompt is being executed."""
        with self._condition:
            return self._running is not None and self._running.prompt_id == prompt_id

    def delete(self, prompt_id: str) -> bool:
        """Takes a waiting prompt out; False when it does not wait."""
        with self._condition:
            kept = [entry for entry in self._pending if entry[0].prompt_id != prompt_id]
            if len(kept) == len(self._pending):
                return False
            self._pending = kept
            heapq.heapify(self._pending)
            self._tell()
            return True

    def cancel(self, prompt_id: str, interrupt: Callable[[], None]) -> bool:
        """Interrupts the prompt if it runs or takes it out if it waits, in one step; False when it does neither."""
        with self._condition:
            if self.is_running(prompt_id):
                interrupt()
                return True
            return self.delete(prompt_id)

    def clear(self) -> None:
        """Takes out every waiting prompt."""
        with self._condition:
            self._pending = []
            self._tell()

    def history(self, prompt_id: str | None = None, limit: int | None = None, offset: int = -1) -> dict[str, Any]:
        """Finished prompts, oldest first; of all of them the last `limit`, or `limit` from `offset` on."""
        with self._condition:
            if prompt_id is not None:
                return {prompt_id: copy.deepcopy(self._history[prompt_id])} if prompt_id in self._history else {}
            names = list(self._history)
            start = offset if offset >= 0 else max(0, len(names) - limit) if limit is not None else 0
            end = None if limit is None else start + limit
            return {name: self._history[name] for name in names[start:end]}

    def forget(self, prompt_id: str | None) -> None:
        """Drops one prompt from the history, or all with None."""
        with self._condition:
            if prompt_id is None:
                self._history.clear()
            else:
                self._history.pop(prompt_id, None)

    def free(self, models: bool, memory: bool) -> None:
        """Asks for models or cached results to be let go as soon as nothing runs."""
        with self._condition:
            self._free_models |= models
            self._free_memory |= memory
            self._condition.notify()

    def take_flags(self) -> tuple[bool, bool]:
        """(models, memory) as asked by `free` since the last call. Freeing memory frees the models as well."""
        with self._condition:
            flags = (self._free_models or self._free_memory, self._free_memory)
            self._free_models = self._free_memory = False
            return flags

    def close(self) -> None:
        """Lets `take` return None from now on."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    @property
    def closed(self) -> bool:
        """Whether the engine is stopping."""
        return self._closed

    def _tell(self) -> None:
        self._changed(self.remaining())
