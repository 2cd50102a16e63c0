"""Runs one prompt after another in a thread of its own and tells the clients about it."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from .catalogue import Catalogue
from .failures import FailurePlan, Interrupted
from .folders import Folders
from .graph import Schedule, is_link, signatures
from .nodes import Run
from .nodes.values import Result
from .options import Options
from .progress import Outlet, Progress
from .prompts import Item, PromptQueue

log = logging.getLogger(__name__)


class Executor:
    """The engine's one worker.

    Results of nodes are kept until a prompt comes that does not use them, as ComfyUI's classic cache does.
    """

    def __init__(
        self,
        options: Options,
        queue: PromptQueue,
        outlet: Outlet,
        catalogue: Catalogue,
        folders: Folders,
        runners: Mapping[str, Callable[..., Result]],
    ) -> None:
        self._options = options
        self._queue = queue
        self._outlet = outlet
        self._catalogue = catalogue
        self._folders = folders
        self._runners = runners
        self._failures = FailurePlan(options.failure, options.fail_first, options.fail_counter)
        self._interrupt = threading.Event()
        self._loaded: set[str] = set()
        self._kept: dict[str, tuple[str, Result]] = {}
        self._messages: list[list[Any]] = []
        self._client: str | None = None
        self._node: str | None = None
        self.failed = False
        self._thread = threading.Thread(target=self._work, name="practice-worker", daemon=True)

    def start(self) -> None:
        """Begins to take prompts."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Ends the running prompt and the worker; gives up after `seconds` (an imitated hang never ends)."""
        self._queue.close()
        self._interrupt.set()
        self._thread.join(seconds)

    def interrupt(self) -> None:
        """Ends the running prompt at its next step or node."""
        self._interrupt.set()

    def node_of(self, client: str) -> str | None:
        """The node being executed for a client that connects again."""
        return self._node if self._client == client else None

    def _work(self) -> None:
        try:
            self._take_prompts()
        except Exception:
            log.exception("The worker failed. The engine stops: one that accepts prompts and runs none helps nobody.")
            self.failed = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _take_prompts(self) -> None:
        while not self._queue.closed:
            item = self._queue.take()
            if item is not None:
                started = time.perf_counter()
                self._execute(item)
                log.info("Prompt executed in %.2f seconds", time.perf_counter() - started)
            models, memory = self._queue.take_flags()
            if models:
                self._loaded.clear()
            if memory:
                self._kept.clear()

    def _execute(self, item: Item) -> None:
        self._interrupt.clear()
        client = item.extra_data.get("client_id")
        self._client = client if isinstance(client, str) else None
        self._messages = []
        self._announce("execution_start", {"prompt_id": item.prompt_id})
        keys = signatures(item.prompt, item.outputs, lambda node: self._freshness(item, node))
        self._kept = {node: kept for node, kept in self._kept.items() if keys.get(node) == kept[0]}
        cached = [node for node in item.prompt if node in self._kept]
        self._announce("execution_cached", {"nodes": cached, "prompt_id": item.prompt_id})
        succeeded = self._run_nodes(item, keys)
        if succeeded:
            self._announce("execution_success", {"prompt_id": item.prompt_id})
        shown = {node: kept[1].shown for node, kept in self._kept.items() if kept[1].shown}
        meta = {node: {"node_id": node, "display_node": node, "parent_node": None, "real_node_id": node} for node in shown}
        self._node = None
        self._queue.finish(item, shown, meta, self._messages, succeeded)
        if self._client is not None:
            self._send("executing", {"node": None, "prompt_id": item.prompt_id})

    def _run_nodes(self, item: Item, keys: dict[str, str]) -> bool:
        """Runs what is not cached. False when a node failed or the prompt was interrupted; the client knows by then."""
        progress = Progress(self._outlet, item.prompt_id, self._client)
        schedule = Schedule(item.prompt, item.outputs, self._kept, lambda node: self._is_output(item, node))
        executed: list[str] = []
        while (node := schedule.next()) is not None:
            if node in self._kept:
                self._tell_executed(item, node)
            else:
                try:
                    result = self._run_node(item, node, progress)
                except Interrupted:
                    self._announce("execution_interrupted", self._end(item, node, executed), everyone=True)
                    return False
                except Exception as error:  # noqa: BLE001 - whatever a node raises is the client's to hear, and the engine goes on
                    self._report(item, node, executed, error)
                    return False
                self._kept[node] = (keys[node], result)
                executed.append(node)
            progress.finish(node)
            schedule.done(node)
        return True

    def _run_node(self, item: Item, node: str, progress: Progress) -> Result:
        self._node = node
        progress.start(node)
        if self._client is not None:
            self._send("executing", {"node": node, "display_node": node, "prompt_id": item.prompt_id})
        if self._interrupt.is_set():
            raise Interrupted
        run = Run(
            node=node,
            prompt=item.prompt,
            extra_data=item.extra_data,
            folders=self._folders,
            options=self._options,
            failures=self._failures,
            loaded=self._loaded,
            interrupted=self._interrupt,
            progress=progress,
        )
        body = item.prompt[node]
        result = self._runners[body["class_type"]](run, **self._inputs(item, node))
        if result.shown:
            self._tell_executed(item, node, result)
        return result

    def _inputs(self, item: Item, node: str) -> dict[str, Any]:
        body = item.prompt[node]
        kind = self._catalogue.get(body["class_type"])
        known = kind.inputs() if kind else {}
        given = {name: value for name, value in body["inputs"].items() if name in known}
        return {name: self._kept[value[0]][1].values[value[1]] if is_link(value) else value for name, value in given.items()}

    def _freshness(self, item: Item, node: str) -> str:
        """What besides its inputs makes a node's result new: a file's content, or every run anew."""
        kind = self._catalogue.get(item.prompt[node]["class_type"])
        if kind is not None and kind.always_new:
            return item.prompt_id
        name = item.prompt[node]["inputs"].get("image")
        path = self._folders.find_input(name) if isinstance(name, str) else None
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
        except OSError:
            return item.prompt_id

    def _is_output(self, item: Item, node: str) -> bool:
        kind = self._catalogue.get(item.prompt[node]["class_type"])
        return kind is not None and kind.output_node

    def _report(self, item: Item, node: str, executed: list[str], error: Exception) -> None:
        log.error("Node %s (%s) failed: %s", node, item.prompt[node]["class_type"], error)
        name = getattr(error, "reported_type", None) or type(error).__qualname__
        inputs = item.prompt[node]["inputs"]
        details = {
            "exception_message": f"{error}\n",
            "exception_type": name,
            "traceback": [],
            "current_inputs": {key: [str(value) if is_link(value) else value] for key, value in inputs.items()},
            "current_outputs": list(self._kept),
        }
        self._announce("execution_error", self._end(item, node, executed) | details)

    def _end(self, item: Item, node: str, executed: list[str]) -> dict[str, Any]:
        return {"prompt_id": item.prompt_id, "node_id": node, "node_type": item.prompt[node]["class_type"], "executed": executed}

    def _tell_executed(self, item: Item, node: str, result: Result | None = None) -> None:
        shown = (result or self._kept[node][1]).shown
        if self._client is not None:
            self._send("executed", {"node": node, "display_node": node, "output": shown or None, "prompt_id": item.prompt_id})

    def _announce(self, event: str, data: dict[str, Any], everyone: bool = False) -> None:
        """Notes a turn of the prompt for its history and tells it, to the client that sent it or to `everyone` without one."""
        data = data | {"timestamp": int(time.time() * 1000)}
        self._messages.append([event, data])
        if self._client is not None or everyone:
            self._send(event, data)

    def _send(self, event: str, data: dict[str, Any]) -> None:
        self._outlet.post({"type": event, "data": data}, self._client)
