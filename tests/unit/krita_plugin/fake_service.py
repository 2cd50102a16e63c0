"""A small service that follows docs/wire.md, for tests of the plugin: scripted, in a thread, on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import hashlib
import json
import struct
import threading
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from . import fake_queue

TOKEN = "a-token"
PRICE = {"estimate": {"amount": 0.55, "currency": "USD"}, "includes_wake": True}
NOW = "2026-11-20T10:00:00.000Z"


def machine(state: str = "ready", **more: Any) -> dict[str, Any]:
    """A machine as the wire describes it."""
    described = {
        "id": "practice", "pool": "default", "provider": "process", "state": state, "stage": None, "eta_seconds": None,
        "since": NOW, "generation": 1, "engine": {"name": "Practice mode: sketches, no AI", "version": "1", "practice": True},
        "price_per_hour": {"amount": 1.006, "currency": "USD"}, "sleeps_at": None, "wake_seconds": 61.0, "message": None,
        "held_until": None, "held_by": None,
    }  # fmt: skip
    return {**described, **more}


ME = {
    "artist": {"id": "a", "name": "Mira"}, "team": {"id": "t", "name": "Studio"}, "roles": ["artist"], "scopes": ["paint"],
    "budget": {"limit": {"amount": 20.0, "currency": "USD"}, "spent": {"amount": 3.1, "currency": "USD"}, "month": "2026-11",
               "resets_at": "2026-12-01T00:00:00Z"},
    "limits": {"max_pixels": 16777216, "max_blob_bytes": 100000000, "max_count": 10, "max_prompt": 10000},
    "service": {"version": "0.1.0", "api": {"min": 1, "max": 1}},
}  # fmt: skip

STYLES = [
    {"name": "practice-gouache", "title": "Gouache", "description": "Broad strokes", "base": "sd15", "width": 512, "height": 512,
     "steps": 12, "default_strength": 0.7, "available": True, "missing": [], "checkpoint": "practice-sd15.safetensors",
     "sampler": "dpmpp_2m", "scheduler": "karras", "cfg": 7.0,
     "loras": [{"name": "practice-gouache.safetensors", "strength": 1.0}],
     "licence": {"name": "openrail", "commercial": "ask"}},
    {"name": "flux-ink", "title": "Ink", "description": "", "base": "flux", "width": 1024, "height": 1024, "steps": 20,
     "default_strength": 0.6, "available": False, "missing": ["ink.safetensors"]},
]  # fmt: skip

MODELS = {
    "models": [
        {"name": "practice-sd15.safetensors", "folder": "checkpoints", "licence": {"name": "openrail", "commercial": "ask"}},
        {"name": "practice-gouache.safetensors", "folder": "loras", "licence": {"name": "", "commercial": None}},
    ],
    "samplers": ["euler", "dpmpp_2m"], "schedulers": ["normal", "karras"], "as_of": NOW,
}  # fmt: skip


class FakeService:
    """Runs while it is entered. Tests call `push`, `preview`, `finish` and friends from their own thread."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.media_types: dict[str, str] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.by_key: dict[str, str] = {}
        self.results: dict[tuple[str, int], bytes] = {}
        self.machines = [machine()]
        self.me = copy.deepcopy(ME)
        self.bodies: list[tuple[str, Any]] = []
        self.stream = str(uuid.uuid4())
        self.log: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.positions: list[dict[str, str]] = []
        self.headers: dict[str, str] = {"Wakebrush-Service": "0.1.0; api=1-1"}
        self.refuse: Callable[[str, str], tuple[int, Any] | None] = lambda method, path: None
        self.refuse_upgrade = False
        self.public: dict[str, bytes] = {}  # answers that need no token, by path
        self.came: list[bytes] = []  # what was sent there
        self.polls_waiting = 0
        self.token = TOKEN
        self.port = 0
        self._sockets: set[web.WebSocketResponse] = set()
        self._changed: asyncio.Event | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        return {"KRITA_AI_ENDPOINT": self.endpoint, "KRITA_AI_TOKEN": TOKEN}

    def __enter__(self) -> FakeService:
        self._run(self._start())
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Goes away like a service that is killed; may be called again."""
        self._run(self._stop())

    def start_again(self) -> None:
        """Comes back on the same port with the same memory."""
        self.__enter__()

    # What tests do from outside.

    def push(self, kind: str, job: dict[str, Any] | None = None, durable: bool = True, **data: Any) -> None:
        """Sends an event to everybody who listens, and remembers it if it is durable."""
        self._run(self._push(kind, job, durable, data))

    def push_offline(self, kind: str, job: dict[str, Any]) -> None:
        """A durable event while the service does not listen."""
        self.log.append(_envelope(self.stream, len(self.log) + 1, kind, job["id"], {"job": job}))

    def preview(self, job: str, image: bytes) -> None:
        header = json.dumps({"job": job, "picture": 0, "step": 3, "steps": 12, "media_type": "image/png"}).encode()
        frame = struct.pack(">I", len(header)) + header + image
        self._run(self._send_all(frame))

    def change(self, job_id: str, kind: str, **changes: Any) -> None:
        """A job changes, with the event that tells it."""
        job = self.jobs[job_id]
        job.update(changes)
        self.push(kind, dict(job))

    def finish(self, job_id: str, picture: bytes, n: int = 0, last: bool = True) -> None:
        """A picture is ready; with the last one the job has succeeded."""
        result = {"n": n, "sha256": hashlib.sha256(picture).hexdigest(), "media_type": "image/png", "width": 64, "height": 64,
                  "size": len(picture), "seed": 1}  # fmt: skip
        self.results[job_id, n] = picture
        results = [*self.jobs[job_id]["results"], result]
        self.change(job_id, "job.result", results=results, state="running")
        if last:
            self.change(job_id, "job.succeeded", state="succeeded", stage=None, finished_at="2099-01-01T00:00:00Z")

    def cut(self) -> None:
        """Breaks every stream."""
        self._run(self._cut())

    def tell_machine(self, **changes: Any) -> None:
        self.machines = [machine(**changes)]
        self.push("machine.changed", durable=False, machine=self.machines[0])

    # The wire.

    async def _start(self) -> None:
        self._changed = asyncio.Event()
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/v1/me", _saying(lambda: self.me)),
                web.get("/v1/styles", _saying(lambda: {"styles": STYLES})),
                web.get("/v1/models", _saying(lambda: MODELS)),
                web.get("/v1/machines", _saying(lambda: {"machines": self.machines})),
                web.post("/v1/wake", _saying(lambda: {"machine": self.machines[0], "price": PRICE, "until": NOW})),
                web.get("/v1/blobs/{sha}", self._blob),
                web.put("/v1/blobs/{sha}", self._put_blob),
                web.post("/v1/generate", self._generate),
                web.get("/v1/jobs/{id}", self._job),
                web.delete("/v1/jobs/{id}", self._cancel),
                web.get("/v1/jobs/{id}/results/{n}", self._result),
                web.get("/v1/events", self._events),
                *fake_queue.routes(self),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        assert self._runner.server is not None
        self._listening = await asyncio.get_running_loop().create_server(self._runner.server, "127.0.0.1", self.port)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        await self._cut()
        if self._changed is not None:
            self._changed.set()
        # asyncio leaks a connection that is not set up yet when the server closes: accept no more, let it settle, close.
        for listening in self._listening.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        self._listening.close()
        await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls.append((request.method, request.path))
        answer = await self._answer(request, handler)
        if not answer.prepared:
            answer.headers.update(self.headers)
        return answer

    async def _answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        refused = self.refuse(request.method, request.path)
        if refused is not None:
            return web.json_response(refused[1], status=refused[0])
        if request.path in self.public:
            self.came.append(await request.read())
            return web.Response(body=self.public[request.path])
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            problem = {"status": 401, "code": "not_authenticated", "title": "Who are you?", "hint": "Pair again."}
            return web.json_response(problem, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _blob(self, request: web.Request) -> web.Response:
        return web.Response(status=204 if request.match_info["sha"] in self.blobs else 404)

    async def _put_blob(self, request: web.Request) -> web.Response:
        content = await request.read()
        sha = request.match_info["sha"]
        assert hashlib.sha256(content).hexdigest() == sha
        self.blobs[sha] = content
        self.media_types[sha] = request.content_type
        return web.json_response({"sha256": sha}, status=201)

    async def _generate(self, request: web.Request) -> web.Response:
        body, key = await request.json(), request.headers["Idempotency-Key"]
        self.bodies.append((request.path, body))
        if key not in self.by_key:
            missing = [body[role] for role in ("image", "mask") if role in body and body[role] not in self.blobs]
            if missing:
                return web.json_response(
                    {"status": 409, "code": "blob_missing", "title": "Not here.", "missing": missing}, status=409
                )
            job = new_job(body)
            self.bodies.append(("generate", body))
            self.jobs[job["id"]] = job
            self.by_key[key] = job["id"]
            await self._push("job.queued", dict(job), True, {})
        return web.json_response({"job": self.jobs[self.by_key[key]], "price": PRICE}, status=202)

    async def _job(self, request: web.Request) -> web.Response:
        job = self.jobs.get(request.match_info["id"])
        if job is None:
            return web.json_response({"status": 404, "code": "not_found", "title": "No such job."}, status=404)
        return web.json_response(job)

    async def _cancel(self, request: web.Request) -> web.Response:
        job = self.jobs[request.match_info["id"]]
        if job["state"] in ("queued", "running"):
            job["state"] = "cancelled"
            await self._push("job.cancelled", dict(job), True, {})
        return web.json_response({**job, "machine_sleeps": fake_queue.machine_sleeps(self)})

    async def _result(self, request: web.Request) -> web.Response:
        return web.Response(body=self.results[request.match_info["id"], int(request.match_info["n"])])

    async def _events(self, request: web.Request) -> web.StreamResponse:
        position = dict(request.query)
        self.positions.append(position)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await self._poll(position)
        if self.refuse_upgrade:
            return web.Response(status=400, text="upgrades are not allowed here")
        socket = web.WebSocketResponse(heartbeat=20)
        socket.headers.update(self.headers)
        await socket.prepare(request)
        for envelope in self._missed(position):
            await socket.send_json(envelope)
        if not self._missed(position) or "after" in position:
            for each in self.machines:
                await socket.send_json(_envelope(self.stream, None, "machine.changed", None, {"machine": each}))
        self._sockets.add(socket)
        async for message in socket:
            assert message.type is WSMsgType.TEXT
        self._sockets.discard(socket)
        return socket

    async def _poll(self, position: dict[str, str]) -> web.Response:
        assert self._changed is not None
        if not self._missed(position):
            self.polls_waiting += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), float(position.get("wait", 0)))
            self.polls_waiting -= 1
        answer = {
            "stream": self.stream,
            "events": self._missed(position),
            "seq": len(self.log),
            "machines": self.machines,
            "progress": [],
        }
        return web.json_response(answer)

    def _missed(self, position: dict[str, str]) -> list[dict[str, Any]]:
        if position.get("stream") == self.stream and "after" in position:
            return [each for each in self.log if each["seq"] > int(position["after"])]
        data = {"seq": len(self.log), "jobs": list(self.jobs.values()), "machines": self.machines, "me": self.me}
        return [_envelope(self.stream, len(self.log), "snapshot", None, data)]

    async def _push(self, kind: str, job: dict[str, Any] | None, durable: bool, data: dict[str, Any]) -> None:
        data = data if job is None else {"job": job, **data}
        envelope = _envelope(self.stream, len(self.log) + 1 if durable else None, kind, data.get("job", {}).get("id"), data)
        if durable:
            self.log.append(envelope)
        await self._send_all(envelope)

    async def _send_all(self, frame: dict[str, Any] | bytes) -> None:
        assert self._changed is not None
        for socket in list(self._sockets):
            with contextlib.suppress(ConnectionError):
                await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_json(frame))
        self._changed.set()
        self._changed = asyncio.Event()

    async def _cut(self) -> None:
        for socket in list(self._sockets):
            self._sockets.discard(socket)
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, _loop()).result(10)


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """One event loop for all fakes of a test run, in a thread of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="fake-services", daemon=True).start()
    return loop


def new_job(body: dict[str, Any]) -> dict[str, Any]:
    """A queued job as the wire describes it."""
    echoed = ("mode", "prompt", "style", "strength", "count", "width", "height", "region", "reference", "group")
    return {
        **{name: body.get(name) for name in echoed},
        "id": str(uuid.uuid4()), "state": "queued", "waiting_for": "gathered" if body.get("gather") else None,
        "stage": None, "attempt": 1, "ahead": 0,
        "eta_seconds": None, "seed": body.get("seed") or 1, "machine": None, "created_at": NOW, "started_at": None,
        "finished_at": None, "results": [],
        "cost": {"amount": 0.0, "currency": "USD"}, "error": None,
    }  # fmt: skip


def _envelope(stream: str, seq: int | None, kind: str, job: str | None, data: dict[str, Any]) -> dict[str, Any]:
    return {"stream": stream, "seq": seq, "type": kind, "at": NOW, "job": job, "machine": None, "data": data}


def _saying(body: Callable[[], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(body())

    return answer
