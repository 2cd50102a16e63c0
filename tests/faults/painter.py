"""An artist with a ComfyUI client at the gateway, who comes back after every cut, and what she may say in the end."""

from __future__ import annotations

import io
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests
import websocket
from PIL import Image

from tests.contract.engine import graphs
from tests.support.running_service import RunningService

CHECKPOINT = "practice-sd15.safetensors"
#: As ComfyUI's own page does.
RECONNECT_SECONDS = 0.3
DEADLINE = 60.0
#: What a call raises when its connection breaks.
CUT = requests.RequestException
Frame = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Prompt:
    """What was sent: nobody else's seed is the same, and a saved picture carries it."""

    id: str
    seed: int
    steps: int


class Painter:
    """Her client. `frames` keeps each JSON message as it came, over all connections; `images` the results among binary ones."""

    def __init__(self, service: RunningService, endpoint: str | None = None) -> None:
        self.service = service
        self.client = uuid.uuid4().hex
        self.frames: list[Frame] = []
        self.images: list[bytes] = []
        self._path = urlsplit(service.link()).path.rstrip("/")
        self._endpoint = endpoint
        self._session = requests.Session()
        self._session.trust_env = False
        self._seeds = iter(range(1, 1_000_000))
        self._heard = threading.Condition()
        self._socket: websocket.WebSocket | None = None
        self._away = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Painter:
        self._thread.start()
        self.until(lambda event, _: event == "status")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._hang_up()
        self._thread.join(timeout=10)
        self._session.close()

    @property
    def base(self) -> str:
        """Where her client is pointed; the service may have another port in its next life."""
        return (self._endpoint or self.service.gateway) + self._path

    # -- calls ----------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One call, whatever it answers."""
        return self._session.request(method, self.base + path, timeout=30, **options)

    def json(self, path: str) -> Any:
        """What a GET tells; it must succeed."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer.json()

    def graph(self, prompt: Prompt) -> dict[str, Any]:
        """A small picture from text, saved."""
        return graphs.text_to_image(CHECKPOINT, seed=prompt.seed, steps=prompt.steps)

    def send(self, steps: int = 4) -> Prompt:
        """Sends a prompt until it is acknowledged, each time under the same id, as a client does that wants it painted once."""
        prompt = Prompt(str(uuid.uuid4()), next(self._seeds), steps)
        self.send_again(prompt)
        return prompt

    def send_again(self, prompt: Prompt) -> None:
        """The same prompt, under the same id."""
        body = {"prompt": self.graph(prompt), "client_id": self.client, "prompt_id": prompt.id}
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                answer = self.ask("POST", "/prompt", json=body)
                assert answer.status_code in (200, 502, 503, 504), answer.text
                if answer.status_code == 200:
                    assert answer.json()["prompt_id"] == prompt.id
                    return
            except CUT:
                pass  # she tries again
            assert time.monotonic() < deadline, "no prompt was accepted any more"
            time.sleep(0.05)

    # -- listening ------------------------------------------------------------------------------------------------

    def until(self, wanted: Callable[[str, dict[str, Any]], bool], seconds: float = DEADLINE) -> None:
        """Waits until a frame was heard, over whatever connection; AssertionError with what was heard instead."""
        with self._heard:
            found = self._heard.wait_for(lambda: any(wanted(*frame) for frame in self.frames), seconds)
        assert found, f"not heard in {seconds} s; heard: {[event for event, _ in self.frames]}\n{self.service.log_tail()}"

    def until_told(self, event: str, prompt: Prompt, seconds: float = DEADLINE) -> None:
        """Waits for an event of a prompt."""
        self.until(lambda told, data: told == event and data.get("prompt_id") == prompt.id, seconds)

    def told(self, event: str, prompt: Prompt) -> int:
        """How often she heard it."""
        with self._heard:
            return sum(told == event and data.get("prompt_id") == prompt.id for told, data in self.frames)

    def cut(self) -> None:
        """Her connection breaks; her client makes a new one."""
        self._hang_up()

    def leave(self) -> None:
        """She closes her laptop."""
        self._away.set()
        self._hang_up()

    def come_back(self) -> None:
        """She opens it again, and is connected when this returns."""
        before = len(self.frames)
        self._away.clear()
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.frames) > before, DEADLINE), "no connection any more"

    def _hang_up(self) -> None:
        socket = self._socket
        if socket is not None and socket.sock is not None:
            socket.abort()  # shuts the connection down: the thread that reads it sees its end

    def _listen(self) -> None:
        while not self._ended.is_set():
            if not self._away.is_set():
                with suppress(OSError, websocket.WebSocketException):  # cut: she comes back
                    self._hear()
            self._ended.wait(RECONNECT_SECONDS)

    def _hear(self) -> None:
        address = self.base.replace("http", "ws", 1) + f"/ws?clientId={self.client}"
        self._socket = socket = websocket.create_connection(address, timeout=DEADLINE)
        try:
            while not self._away.is_set() and not self._ended.is_set():
                said = socket.recv()
                if not said:
                    return
                with self._heard:
                    self._keep(said)
                    self._heard.notify_all()
        finally:
            socket.close()

    def _keep(self, said: str | bytes) -> None:
        if isinstance(said, str):
            message = json.loads(said)
            self.frames.append((message["type"], message["data"]))
        elif said[:8] == b"\0\0\0\1\0\0\0\2":
            self.images.append(said[8:])

    # -- in the end -----------------------------------------------------------------------------------------------

    def until_ended(self, prompts: Iterable[Prompt], seconds: float = DEADLINE) -> None:
        """Waits until each prompt has an end in her history, whoever heard of it. A service that is away is asked again."""
        waiting, deadline = {prompt.id for prompt in prompts}, time.monotonic() + seconds
        while waiting:
            assert time.monotonic() < deadline, f"{len(waiting)} prompts have no end\n{self.service.log_tail()}"
            with suppress(CUT):
                waiting -= {prompt_id for prompt_id in waiting if self.json(f"/history/{prompt_id}")}
            time.sleep(0.05)

    def assert_delivered_once(self, prompts: list[Prompt], *, all_heard: bool = True) -> None:
        """Each prompt ended once, well, with one picture, which is its own; nothing waits, and nobody told her twice."""
        self.until_ended(prompts)
        names: list[tuple[str, str]] = []
        for prompt in prompts:
            entry = self.json(f"/history/{prompt.id}")[prompt.id]
            assert entry["status"]["status_str"] == "success", entry["status"]
            (image,) = entry["outputs"]["9"]["images"]
            names.append((image["subfolder"], image["filename"]))
            assert self._seed_of(image) == prompt.seed
            if all_heard:
                self.until_told("execution_success", prompt)
            assert self.told("execution_success", prompt) <= (1 if all_heard else 2), "told twice of its end"
            assert self.told("execution_error", prompt) == 0
            assert len(self._pictures_told(prompt)) <= (1 if all_heard else 2), "told twice of its picture"
            assert all(told == [image] for told in self._pictures_told(prompt)), "told of another picture"
        assert len(set(names)) == len(names), "two prompts share a picture"
        queue = self.json("/queue")
        assert queue == {"queue_running": [], "queue_pending": []}
        self._assert_listed_once(prompts)

    def _pictures_told(self, prompt: Prompt) -> list[list[dict[str, str]]]:
        """What `executed` told of it. A service that is killed between telling and noting that it told says the same again."""
        with self._heard:
            told = [data for event, data in self.frames if event == "executed" and data.get("prompt_id") == prompt.id]
        return [data["output"]["images"] for data in told]

    def _assert_listed_once(self, prompts: list[Prompt]) -> None:
        """What the page's panel shows: each job once, and none besides."""
        listed = [job["id"] for job in self.json("/api/jobs?limit=1000")["jobs"]]
        assert sorted(listed) == sorted(prompt.id for prompt in prompts)

    def _seed_of(self, image: dict[str, str]) -> int:
        """The seed in a saved picture's own graph."""
        answer = self.ask("GET", "/view", params=image)
        assert answer.status_code == 200, answer.text
        with Image.open(io.BytesIO(answer.content)) as picture:
            picture.load()
            graph = json.loads(picture.text["prompt"])  # type: ignore[attr-defined]
        seeds = [node["inputs"]["seed"] for node in graph.values() if "seed" in node["inputs"]]
        return int(seeds[0])
