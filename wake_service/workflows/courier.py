"""Follows one prompt of a graph that a client brought: what is said of it goes to its client, what it makes is stored first.

Frames are published in the order in which they came. One that tells of results waits until these are stored, and what comes
after it waits with it, previews excepted, which are dropped then.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson

from wake_service.comfy.client import EngineClient
from wake_service.comfy.events import (
    Executed,
    Executing,
    ExecutionCached,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionStart,
    ExecutionSuccess,
    Preview,
    Progress,
    ProgressState,
    Status,
    WireEvent,
)
from wake_service.comfy.progress import PromptProgress
from wake_service.comfy.workflow import Workflow
from wake_service.errors import EngineError, EngineRefused, StorageError
from wake_service.jobs.courier import Missed
from wake_service.jobs.model import Face, Job, WorkflowRequest
from wake_service.store.store import Transaction
from wake_service.workflows import frames, naming, records
from wake_service.workflows.aliases import Aliases, folder_of
from wake_service.workflows.frames import Frame, Kind
from wake_service.workflows.luggage import Luggage
from wake_service.workflows.model import Graph
from wake_service.workflows.news import OutputNews, PreviewNews, ProgressNews
from wake_service.workflows.records import Stored

log = logging.getLogger(__name__)

#: Node classes whose results come over the socket alone.
SOCKET_NODES = frozenset({"SaveImageWebsocket", "ETN_SendImageWebSocket"})
_STORE_PAUSE = 2.0


@dataclass(slots=True)
class Passed:
    """What a job's client was told in this life of the service, over all tries: it is told nothing twice."""

    begun: bool = False
    recalled: bool = False
    pictures: set[tuple[str, int]] = field(default_factory=set)
    outputs: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    messages: list[list[Any]] = field(default_factory=list)


class WorkflowCourier:
    """One prompt at one engine. `publish` takes its frames, `verdict` whether the engine took it; `before` are ends that its
    client is told of first; `begun` is called when it begins."""

    def __init__(
        self,
        job: Job,
        prompt_id: str,
        luggage: Luggage,
        passed: Passed,
        publish: Callable[[str | None, Frame], None],
        news: Callable[[OutputNews | PreviewNews | ProgressNews], None],
        verdict: Callable[[dict[str, Any] | EngineRefused], bool],
        before: Callable[[], Sequence[asyncio.Event]],
        begun: Callable[[], None],
    ) -> None:
        request = job.request
        assert isinstance(request, WorkflowRequest)
        self._job, self._request = job, request
        self._prompt_id = prompt_id
        self._aliases = Aliases(prompt_id, request.name, folder_of(job.artist_id))
        self._luggage = luggage
        self._passed = passed
        self._send = publish
        self._news = news
        self._verdict = verdict
        self._before = before
        self._begun = begun
        self._stored: Stored | None = None
        self._graph: Graph = {}
        self._progress: PromptProgress | None = None
        self._line: deque[Frame | asyncio.Future[list[Frame]]] = deque()
        self._pictures: Counter[str] = Counter()
        self._fetching: set[str] = set()
        self._whole = True
        self._refusal: EngineRefused | None = None
        self._answered = False
        #: The node that runs now.
        self.node: str | None = None
        #: What the engine said of the end, under the client's name; and set once it has.
        self.end: tuple[str, dict[str, Any]] | None = None
        self.ended = asyncio.Event()
        #: Set once its client was told of the end.
        self.told = asyncio.Event()

    # -- to the engine ----------------------------------------------------------------------------------------------

    async def graph(self) -> dict[str, Any]:
        """The graph for this engine, its inputs at the engine. Raises EngineError or StorageError."""
        fresh = self._luggage.is_fresh(self._job.id)
        self._stored = await self._luggage.stored(self._job.id)
        self._graph = orjson.loads(self._stored.graph)
        if not fresh and not self._passed.begun and not self._passed.recalled:
            await self._recall()
        self._passed.recalled = True
        if self._request.face is Face.V2 or self._luggage.followed(self._job.id):
            self._progress = PromptProgress(self._prompt_id, Workflow(self._graph, ""))
        self._aliases.inputs = await self._luggage.bring(self._request.files)
        return naming.for_engine(self._graph, self._aliases.folder, self._aliases.inputs, self._luggage.catalogue())

    async def _recall(self) -> None:
        """What an earlier service has stored of it may not have reached its client: it is sent (again), and not made again."""
        for file, image in await self._luggage.recall(self._job.id):
            node = file.node_id or ""
            index = sum(1 for known, _ in self._passed.pictures if known == node)
            self._passed.pictures.add((node, index))
            self._publish(frames.stored_picture(self._request.name, node, file.media_type, image))

    def extra(self) -> dict[str, Any]:
        """Further members of what is sent with the graph."""
        assert self._stored is not None
        extra = orjson.loads(self._stored.extra) | self._luggage.secrets(self._job.id)
        body: dict[str, Any] = {"extra_data": {name: value for name, value in extra.items() if name != "client_id"}}
        if self._request.targets is not None:
            body["partial_execution_targets"] = list(self._request.targets)
        return body

    def accepted(self, node_errors: dict[str, Any]) -> None:
        """The engine took the graph."""
        self._verdict(node_errors)

    def refused(self, error: EngineRefused) -> None:
        """The engine's validation said no. Who waits for the answer to the prompt itself needs no event."""
        self._refusal = error
        self._answered = self._verdict(error)

    # -- from the engine --------------------------------------------------------------------------------------------

    def heard(self, event: WireEvent, raw: str | bytes) -> None:
        """The engine said something about the prompt."""
        if self._progress is not None and self._progress.feed(event):
            self._tell_progress(self._progress)
        match event:
            case Preview():
                self._picture(event, raw)
            case ExecutionStart():
                self._start(raw)
            case ExecutionCached():
                self._note(raw)
                self._pass(self._text(raw))
            case Executed():
                self._executed(raw)
            case ExecutionSuccess() | ExecutionError() | ExecutionInterrupted():
                self._ended(raw)
            case Status():
                pass  # the engine counts everybody's prompts
            case Executing(node=None):
                self.node = None  # told when the end is durable
            case Executing(node=node):
                self.node = node
                self._pass(self._text(raw))
            case Progress():
                self._pass(replace(self._text(raw), step=True), everybody=True)
            case _:
                self._pass(self._text(raw), everybody=isinstance(event, ProgressState))

    def _start(self, raw: str | bytes) -> None:
        self._note(raw)
        for told in self._before():
            self._hold(partial(_nothing_after, told))
        if not self._passed.begun:
            self._passed.begun = True
            self._begun()
            self._pass(self._text(raw))

    def left(self) -> None:
        """Nothing more will be heard."""
        self.ended.set()

    def missed(self) -> None:
        """The connection broke: something may have been said meanwhile."""
        self._whole = False

    def _ended(self, raw: str | bytes) -> None:
        said = self._aliases.whole(raw)
        self.end = said["type"], said["data"]
        self.ended.set()

    def _note(self, raw: str | bytes) -> None:
        said = self._aliases.whole(raw)
        self._passed.messages = [each for each in self._passed.messages if each[0] != said["type"]]
        self._passed.messages.append([said["type"], said["data"]])

    def _text(self, raw: str | bytes) -> Frame:
        return Frame(raw if isinstance(raw, bytes) else self._aliases.message(raw))

    def _picture(self, event: Preview, raw: str | bytes) -> None:
        assert isinstance(raw, bytes)
        node = event.node or ""
        if not self._is_result(node, event):
            self._news(PreviewNews(event.node, event.media_type, event.data))
            if not self._line:
                self._send(self.client_id, frames.picture(raw, self._prompt_id, self._request.name, Kind.PREVIEW))
            return
        index = self._pictures[node]
        self._pictures[node] += 1
        if (node, index) not in self._passed.pictures:
            frame = replace(frames.picture(raw, self._prompt_id, self._request.name, Kind.RESULT), open=True)
            self._hold(partial(self._keep_picture, node, index, event, frame))

    def _is_result(self, node: str, event: Preview) -> bool:
        class_type = self._graph.get(node, {}).get("class_type")
        if class_type in SOCKET_NODES:
            return True
        return event.media_type == "image/png" and self._luggage.is_output(class_type)

    async def _keep_picture(self, node: str, index: int, event: Preview, frame: Frame) -> list[Frame]:
        file = await self._luggage.keep_picture(self._job, node, index, event)
        self._passed.pictures.add((node, index))
        self._news(OutputNews(file))
        return [frame]

    def _executed(self, raw: str | bytes) -> None:
        said = orjson.loads(raw)
        said["data"]["prompt_id"] = self._request.name
        node = said["data"]["node"]
        if node not in self._passed.outputs and node not in self._fetching:
            self._fetching.add(node)
            self._hold(partial(self._keep_output, node, said))

    async def _keep_output(self, node: str, said: dict[str, Any]) -> list[Frame]:
        display, output = said["data"].get("display_node"), said["data"].get("output") or {}
        shown, kept = await self._luggage.keep_output(self._job, node, output, self._aliases.folder)
        self._passed.outputs[node] = shown
        about = {"node_id": node, "display_node": display or node, "parent_node": None, "real_node_id": node}
        self._passed.meta[node] = about
        for file in kept:
            self._news(OutputNews(file))
        said["data"]["output"] = shown
        return [frames.message("executed", said["data"], result=True)]

    @property
    def client(self) -> EngineClient:
        """Its engine."""
        return self._luggage.client

    @property
    def client_id(self) -> str | None:
        """Whose socket hears of it; None: all of its artist's."""
        return self._stored.client_id if self._stored is not None else None

    def _publish(self, frame: Frame) -> None:
        """Of a prompt without a client all of hers see how it goes, and none is told what becomes of it: so does ComfyUI."""
        if self.client_id is not None or frame.open:
            self._send(self.client_id, frame)

    # -- in order ---------------------------------------------------------------------------------------------------

    def _pass(self, frame: Frame, *, everybody: bool = False) -> None:
        frame = replace(frame, open=True) if everybody else frame
        if self._line:
            self._line.append(frame)
        else:
            self._publish(frame)

    def _hold(self, keeping: Callable[[], Awaitable[list[Frame]]]) -> None:
        future: asyncio.Future[list[Frame]] = asyncio.ensure_future(self._until_stored(keeping))
        self._line.append(future)
        future.add_done_callback(self._move_on)

    async def _until_stored(self, keeping: Callable[[], Awaitable[list[Frame]]]) -> list[Frame]:
        while True:
            try:
                return await keeping()
            except EngineError as error:
                log.warning("job %s: what the engine made could not be fetched yet: %s", self._job.id, error)
                self._whole = False
                return []
            except StorageError as error:
                log.error("job %s: a result could not be stored; it will be tried again: %s", self._job.id, error)
                await self._luggage.clock.sleep(_STORE_PAUSE)

    def _move_on(self, _done: object) -> None:
        while self._line:
            first = self._line[0]
            if isinstance(first, Frame):
                self._publish(first)
            elif not first.done():
                return
            elif not first.cancelled():
                for frame in first.result():
                    self._publish(frame)
            self._line.popleft()

    # -- the end ----------------------------------------------------------------------------------------------------

    async def finish(self) -> None:
        """Returns when all that was made is stored. Safe to repeat. Raises Missed, EngineError or StorageError."""
        await self._settle()
        if self._whole:
            return
        entry = (await self._luggage.client.history_entry(self._prompt_id)).get(self._prompt_id)
        if not isinstance(entry, dict):
            raise Missed("The engine has forgotten what it made.")
        for node, output in entry.get("outputs", {}).items():
            if node not in self._passed.outputs:
                data = {"node": node, "display_node": node, "output": output, "prompt_id": self._request.name}
                for frame in await self._keep_output(node, {"type": "executed", "data": data}):
                    self._publish(frame)
        if unseen := [node for node in self._socket_nodes() if (node, 0) not in self._passed.pictures]:
            raise Missed(f"What {', '.join(unseen)} sent over the broken connection is lost.")
        self._whole = True

    def _socket_nodes(self) -> list[str]:
        return [node_id for node_id, node in self._graph.items() if node["class_type"] in SOCKET_NODES]

    async def _settle(self) -> None:
        while waiting := [each for each in self._line if isinstance(each, asyncio.Future)]:
            await asyncio.wait(waiting)
            for future in waiting:
                if future.cancelled():
                    raise Missed("What the engine made was let go of.")
                future.result()
            self._move_on(None)

    def write(self, tx: Transaction) -> None:
        """Writes down how the prompt ended, with the job's end."""
        passed = self._passed
        messages = passed.messages + ([list(self.end)] if self.end else [])
        values: dict[str, Any] = {"outputs": passed.outputs, "meta": passed.meta, "messages": messages}
        if self._refusal is not None:
            values["node_errors"] = self._refusal.node_errors
        if self._answered:
            values |= {"hidden": True, "told": True}
        records.change(tx, self._job.id, **values)

    @property
    def refusal(self) -> EngineRefused | None:
        """What the engine said where it did not take the graph."""
        return self._refusal

    @property
    def answered(self) -> bool:
        """Whether whoever sent the prompt was told of the refusal in the answer."""
        return self._answered

    async def close(self) -> None:
        """Lets go of what is under way."""
        for each in self._line:
            if isinstance(each, asyncio.Future):
                each.cancel()

    def _tell_progress(self, progress: PromptProgress) -> None:
        self._news(
            ProgressNews(
                progress.fraction,
                progress.nodes_done,
                len(self._graph),
                progress.node,
                self._graph.get(progress.node or "", {}).get("class_type"),
                progress.step or None,
                progress.steps,
            )
        )


async def _nothing_after(told: asyncio.Event) -> list[Frame]:
    await told.wait()
    return []
