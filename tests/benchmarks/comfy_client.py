"""A ComfyUI client that measures: the same calls straight to an engine and through the gateway."""

from __future__ import annotations

import http.client
import json
import struct
import time
import uuid
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import websocket

Graph = dict[str, dict[str, Any]]
DEADLINE = 60.0
#: What is read from a connection at once, in bytes.
PIECE = 256 * 1024
_BINARY, _PNG = 1, 2
_BOUNDARY = "wakebrush-bench-7c1d0e"
_ENDED_BADLY = ("execution_error", "execution_interrupted")


class ComfyClient:
    """One client of `base`, an engine's address or the gateway's with a token in its path. Its connections stay open."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._path = parts.path.rstrip("/")
        self._http = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=DEADLINE)
        self._client = uuid.uuid4().hex
        address = f"ws://{parts.netloc}{self._path}/ws?clientId={self._client}"
        self._socket = websocket.create_connection(address, timeout=DEADLINE)

    def __enter__(self) -> ComfyClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()
        self._http.close()

    def image(self, graph: Graph) -> float:
        """Seconds from the POST of a graph to the last byte of its image on the socket. Returns once the prompt has ended."""
        body = json.dumps({"prompt": graph, "client_id": self._client}).encode()
        began = time.perf_counter()
        prompt = json.loads(self._ask("POST", "/prompt", body))["prompt_id"]
        seconds = 0.0
        while not self._is_end(said := self._socket.recv(), prompt):
            if isinstance(said, bytes) and struct.unpack(">II", said[:8]) == (_BINARY, _PNG):
                seconds = time.perf_counter() - began
        if not seconds:
            raise RuntimeError(f"The prompt {prompt} ended without an image.")
        return seconds

    def upload(self, name: str, data: bytes | bytearray) -> float:
        """Puts a file into the input folder; seconds until that is acknowledged."""
        body, kind = form(name, data)
        began = time.perf_counter()
        answer = self._ask("POST", "/upload/image", body, {"Content-Type": kind})
        seconds = time.perf_counter() - began
        if json.loads(answer)["name"] != name:
            raise RuntimeError(f"{name} was stored under another name: {answer!r}")
        return seconds

    def download(self, name: str, size: int, bytes_per_second: float | None = None) -> float:
        """Reads a file of the input folder, at most so fast; seconds to the last byte. RuntimeError when its size differs."""
        piece = memoryview(bytearray(PIECE))
        began = time.perf_counter()
        self._http.request("GET", f"{self._path}/view?type=input&filename={quote(name)}")
        answer = self._http.getresponse()
        had = 0
        while count := answer.readinto(piece):
            had += count
            if bytes_per_second is not None:
                time.sleep(max(0.0, had / bytes_per_second - (time.perf_counter() - began)))
        if (answer.status, had) != (200, size):
            raise RuntimeError(f"{name}: {answer.status}, {had} of {size} bytes")
        return time.perf_counter() - began

    def _ask(self, method: str, path: str, body: bytes | bytearray, headers: dict[str, str] | None = None) -> bytes:
        self._http.request(method, self._path + path, body, headers or {"Content-Type": "application/json"})
        answer = self._http.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:500]!r}")
        return said

    @staticmethod
    def _is_end(said: str | bytes, prompt: str) -> bool:
        """Whether this is the end marker of a prompt. Raises RuntimeError when it tells of a bad end."""
        if isinstance(said, bytes):
            return False
        event = json.loads(said)
        if event["data"].get("prompt_id") != prompt:
            return False
        if event["type"] in _ENDED_BADLY:
            raise RuntimeError(f"The prompt failed: {event['data']}")
        return bool(event["type"] == "executing" and event["data"]["node"] is None)


def form(name: str, data: bytes | bytearray) -> tuple[bytearray, str]:
    """The body of an upload, and its content type."""
    body = bytearray(
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
    )
    body += data
    body += f"\r\n--{_BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={_BOUNDARY}"
