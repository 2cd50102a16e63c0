"""Speaks to one engine over HTTP. Its WebSocket is in socket.py."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import orjson

from wake_service.errors import EngineDraining, EngineError, EngineRefused, EngineUnreachable

from .events import ImageRef
from .reports import HistoryEntry, QueueState, SystemStats, read_history, read_queue, read_system_stats
from .timeouts import Timeouts

if TYPE_CHECKING:
    from .socket import EngineSocket

#: Answers of something in front of an engine that is not there (yet, or any more): asking again helps.
UNAVAILABLE = frozenset({502, 503, 504})
#: When a machine that takes no new prompts is asked again if it does not say when, in seconds.
RETRY_SECONDS = 5.0


class EngineClient:
    """One engine, by its base URL (`http://127.0.0.1:8188`, a path prefix is kept).

    `token` is sent as `Authorization: Bearer`. `fingerprint` is the SHA-256 (64 hex digits) of the certificate that the other
    side must show; its name and who signed it do not matter then. Without a `session` it opens its own and closes it in
    `close`; a fingerprint is for sessions of its own only.
    Every call has a deadline. Every call raises EngineUnreachable when no answer comes and EngineError when the
    answer is none of the protocol.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        fingerprint: str | None = None,
        session: aiohttp.ClientSession | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeouts = timeouts or Timeouts()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pinned = aiohttp.Fingerprint(bytes.fromhex(fingerprint)) if fingerprint else None
        self._given_session = session
        self._own_session: aiohttp.ClientSession | None = None
        self._closed = False
        #: The open socket of each client id; kept here because an engine serves only one per id (see socket.py).
        self.sockets: dict[str, EngineSocket] = {}

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session all connections go through; opened on first use, because it belongs to a running event loop.

        Raises EngineUnreachable once the client was closed.
        """
        if self._given_session is not None:
            return self._given_session
        if self._closed:
            raise EngineUnreachable(f"The engine at {self.base_url} was let go of.")
        if self._own_session is None or self._own_session.closed:
            connector = aiohttp.TCPConnector(ssl=self._pinned) if self._pinned else None
            self._own_session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._own_session

    async def system_stats(self) -> SystemStats:
        """What the engine says of itself; the usual way to see whether it answers."""
        return read_system_stats(await self._json("GET", "/system_stats"))

    async def object_info(self) -> dict[str, Any]:
        """All node classes, for `Catalogue.parse`. Some hundred kilobytes."""
        answer = await self._json("GET", "/object_info", seconds=self.timeouts.transfer)
        if not isinstance(answer, dict):
            raise self._strange("its list of nodes")
        return answer

    async def upload_image(self, name: str, data: bytes, *, subfolder: str = "wakebrush") -> str:
        """Puts a picture into the engine's input folder and returns the name to use in LoadImage (`wakebrush/abc.png`).

        The same name with the same content is no second file. With other content the engine picks a new name,
        which is the one returned.
        """
        form = aiohttp.FormData()
        form.add_field("image", io.BytesIO(data), filename=name, content_type="application/octet-stream")
        form.add_field("subfolder", subfolder)
        form.add_field("type", "input")
        answer = await self._json("POST", "/upload/image", data=form, seconds=self.timeouts.transfer)
        if not isinstance(answer, dict) or not isinstance(answer.get("name"), str):
            raise self._strange("the name of the uploaded picture")
        folder = answer.get("subfolder")
        return f"{folder}/{answer['name']}" if isinstance(folder, str) and folder else answer["name"]

    async def submit(
        self, prompt_id: str, graph: Mapping[str, Any], *, client_id: str, extra: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Queues a graph under our own id, a UUID in lower case; events go to the socket of `client_id`.

        `extra` are more members of the body. Returns what the engine says of nodes that it will not run (`node_errors`).

        Raises EngineRefused when the engine's validation says no. After EngineUnreachable nobody knows whether
        the graph was queued: ask `queue` and `history` for `prompt_id` before sending it again. After EngineDraining it was not.
        """
        body = {**(extra or {}), "prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
        answer = await self._json("POST", "/prompt", body=body)
        given = answer.get("prompt_id") if isinstance(answer, dict) else None
        if given != prompt_id:
            raise EngineError(
                f"The engine at {self.base_url} filed the picture under another id ({given}); it cannot be followed."
            )
        node_errors = answer.get("node_errors")
        return node_errors if isinstance(node_errors, dict) else {}

    async def queue(self) -> QueueState:
        """What runs and what waits."""
        return read_queue(await self._json("GET", "/queue"))

    async def history(self, prompt_id: str) -> HistoryEntry | None:
        """What became of a prompt; None while it waits or runs, and after the engine has forgotten it (a restart).

        The engine writes it down after `execution_success` or `execution_error` and before the end marker
        (`executing` without a node): on the former events alone it may not be there yet.
        """
        return read_history(prompt_id, await self.history_entry(prompt_id))

    async def history_entry(self, prompt_id: str) -> dict[str, Any]:
        """The same as the engine says it: `{prompt_id: entry}`, or empty."""
        answer = await self._json("GET", f"/history/{quote(prompt_id, safe='')}")
        return answer if isinstance(answer, dict) else {}

    async def view(self, image: ImageRef) -> bytes:
        """The picture's file as the engine stored it."""
        params = {"filename": image.filename, "subfolder": image.subfolder, "type": image.type}
        return await self._call("GET", "/view", params=params, seconds=self.timeouts.transfer)

    async def put_cached_image(self, image_id: str, data: bytes) -> None:
        """Puts a picture into the memory of the tooling node pack (`ETN_LoadImageCache` names it so)."""
        path = f"/api/etn/image/{quote(image_id, safe='')}"
        await self._call("PUT", path, data=data, seconds=self.timeouts.transfer, good=(200, 201))

    async def cached_image(self, image_id: str) -> bytes:
        """A picture from there, as `ETN_SaveImageCache` names it."""
        return await self._call("GET", f"/api/etn/image/{quote(image_id, safe='')}", seconds=self.timeouts.transfer)

    async def interrupt(self, prompt_id: str) -> None:
        """Ends a running prompt at its next step. One that does not run is left alone."""
        await self._call("POST", "/interrupt", body={"prompt_id": prompt_id})

    async def delete(self, prompt_ids: Iterable[str]) -> None:
        """Takes waiting prompts out of the queue. One that runs already is left alone: interrupt it after this call."""
        await self._call("POST", "/queue", body={"delete": list(prompt_ids)})

    async def free(self) -> None:
        """Lets go of models and cached results as soon as nothing runs."""
        await self._call("POST", "/free", body={"unload_models": True, "free_memory": True})

    async def close(self) -> None:
        """Closes its sockets and, if it opened one, its session."""
        self._closed = True
        try:
            for socket in list(self.sockets.values()):
                await socket.close()
        finally:
            if self._own_session is not None:
                await self._own_session.close()

    async def _json(self, method: str, path: str, **arguments: Any) -> Any:
        answer = await self._call(method, path, **arguments)
        try:
            return orjson.loads(answer)
        except orjson.JSONDecodeError as flaw:
            raise self._strange(f"JSON at {path}") from flaw

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        data: aiohttp.FormData | bytes | None = None,
        params: Mapping[str, str] | None = None,
        seconds: float | None = None,
        good: Collection[int] = (200,),
    ) -> bytes:
        """One request; returns the body of a 200, or of another answer that is as good.

        Redirects are not followed: they could carry the token elsewhere.
        """
        deadline = seconds or self.timeouts.answer
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self.session.request(
                method,
                self.base_url + path,
                data=data if body is None else orjson.dumps(body),
                params=params,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=deadline, sock_connect=self.timeouts.connect),
            ) as response:
                answer = await response.read()
                if response.status not in good:
                    raise self._refusal(response.status, path, answer, response.headers.get("Retry-After", ""))
                return answer
        except aiohttp.ClientError as broken:
            raise self._unreachable(broken) from broken
        except TimeoutError as late:
            raise EngineUnreachable(f"The engine at {self.base_url} did not answer {path} within {deadline:g} s.") from late
        except OSError as broken:
            raise self._unreachable(broken) from broken

    def _unreachable(self, error: Exception) -> EngineUnreachable:
        return EngineUnreachable(f"The engine at {self.base_url} cannot be reached: {named(error)}.")

    def _refusal(self, status: int, path: str, answer: bytes, retry_after: str) -> EngineError:
        """The error for an answer that is not 200."""
        if status in UNAVAILABLE:
            if (said := _error_in(answer)) is not None and said.kind == "draining":
                told = f"The machine at {self.base_url} is about to stop and takes no new pictures."
                return EngineDraining(told, float(retry_after) if retry_after.isdecimal() else RETRY_SECONDS)
            return EngineUnreachable(f"The engine at {self.base_url} takes no work at the moment ({status}).")
        if status in (401, 403):
            return EngineError(f"The engine at {self.base_url} refused our token ({status} at {path}).")
        if status == 413:
            return EngineError(f"What was sent is larger than the engine at {self.base_url} accepts.")
        said = _error_in(answer)
        if path == "/prompt" and said is not None:
            return said
        return EngineError(f"The engine at {self.base_url} answered {path} with status {status}.")

    def _strange(self, missing: str) -> EngineError:
        return EngineError(f"What answers at {self.base_url} is not an engine, or one of an unknown kind: {missing} is missing.")


def named(error: BaseException) -> str:
    """What an exception says; its name when it says nothing, as timeouts do."""
    return str(error) or type(error).__name__


def _error_in(answer: bytes) -> EngineRefused | None:
    """The engine's own refusal of a graph: `{"error": {"type", "message", "details"}, "node_errors"}`."""
    try:
        said = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict):
        return None
    node_errors = said.get("node_errors")
    node_errors = node_errors if isinstance(node_errors, dict) else {}
    reasons = [str(error.get("message") or "no reason given"), *_reasons(node_errors)]
    told = f"The engine refused the graph: {'; '.join(reasons)}"
    return EngineRefused(str(error.get("type", "")), told, node_errors, error)


def _reasons(node_errors: Mapping[str, Any]) -> list[str]:
    """Each node's complaints as `KSampler: Value not in list (scheduler: ...)`."""
    reasons = []
    for node in node_errors.values():
        if not isinstance(node, dict) or not isinstance(node.get("errors"), list):
            continue
        for flaw in node["errors"]:
            if isinstance(flaw, dict):
                details = f" ({flaw['details']})" if flaw.get("details") else ""
                reasons.append(f"{node.get('class_type', '?')}: {flaw.get('message', '?')}{details}")
    return reasons
