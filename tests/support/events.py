"""An artist's event stream, read by a test that waits for what it expects and for no longer than a deadline."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import websocket

Envelope = dict[str, Any]
DEADLINE = 30.0


class NotSeen(AssertionError):
    """The deadline passed; the message lists what was seen instead."""


@dataclass(frozen=True)
class Preview:
    """One binary frame: its JSON header and the image's bytes."""

    header: dict[str, Any]
    image: bytes


class EventReader:
    """A WebSocket on `/v1/events`. `seen` and `previews` keep everything that was read, in order."""

    def __init__(self, endpoint: str, token: str, *, after: int | None = None, stream: str | None = None) -> None:
        query = "&".join(f"{name}={value}" for name, value in (("after", after), ("stream", stream)) if value is not None)
        address = endpoint.replace("http", "ws", 1) + "/v1/events" + (f"?{query}" if query else "")
        self.seen: list[Envelope] = []
        self.previews: list[Preview] = []
        self._socket = websocket.create_connection(
            address, timeout=DEADLINE, header=[f"Authorization: Bearer {token}"], enable_multithread=False
        )

    def __enter__(self) -> EventReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def position(self) -> tuple[str | None, int | None]:
        """Stream and number of the last durable event, for resuming."""
        for envelope in reversed(self.seen):
            if envelope["seq"] is not None:
                return envelope["stream"], envelope["seq"]
        return None, None

    def next(self, seconds: float = DEADLINE) -> Envelope:
        """The next envelope; previews on the way are kept aside."""
        deadline = time.monotonic() + seconds
        while True:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                kind, data = self._socket.recv_data(control_frame=True)  # a ping must not begin the deadline anew
            except websocket.WebSocketTimeoutException:
                raise NotSeen(f"no event in {seconds} s; {self._story()}") from None
            if kind == websocket.ABNF.OPCODE_TEXT:
                envelope: Envelope = json.loads(data)
                self.seen.append(envelope)
                return envelope
            if kind == websocket.ABNF.OPCODE_BINARY:
                self._keep_preview(data)
            elif kind == websocket.ABNF.OPCODE_CLOSE:
                code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else None
                raise ConnectionError(f"the service closed the stream ({code}); {self._story()}")

    def until(self, wanted: Callable[[Envelope], bool], seconds: float = DEADLINE) -> Envelope:
        """Reads until an envelope for which `wanted` is true, and gives that one."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            envelope = self.next(max(0.001, deadline - time.monotonic()))
            if wanted(envelope):
                return envelope
        raise NotSeen(f"not seen in {seconds} s; {self._story()}")

    def until_type(self, *types: str, job: str | None = None, seconds: float = DEADLINE) -> Envelope:
        """Reads until an event of one of these types (of one job)."""
        return self.until(lambda event: event["type"] in types and job in (None, event["job"]), seconds)

    def until_finished(self, job: str, seconds: float = DEADLINE) -> Envelope:
        """Reads until a job has ended, well or not; `data.job` is its last state."""
        return self.until_type("job.succeeded", "job.failed", "job.cancelled", job=job, seconds=seconds)

    def until_machine(self, state: str, seconds: float = DEADLINE) -> Envelope:
        """Reads until a machine has changed to a state."""
        return self.until(
            lambda event: event["type"] == "machine.changed" and event["data"]["machine"]["state"] == state, seconds
        )

    def types(self, job: str | None = None) -> list[str]:
        """Types of the durable events seen so far (of one job), in order."""
        return [event["type"] for event in self.seen if event["seq"] is not None and job in (None, event["job"])]

    def cut(self) -> None:
        """Breaks the connection as a lost network does, without a goodbye."""
        self._socket.sock.shutdown(socket.SHUT_RDWR)
        self._socket.shutdown()

    def close(self) -> None:
        """Leaves in order."""
        if self._socket.connected:
            self._socket.close(timeout=1)
        self._socket.shutdown()  # what broke before it was closed still has a file

    def _keep_preview(self, data: bytes) -> None:
        (length,) = struct.unpack(">I", data[:4])
        self.previews.append(Preview(json.loads(data[4 : 4 + length]), data[4 + length :]))

    def _story(self) -> str:
        return "seen: " + ", ".join(f"{event['seq']}:{event['type']}" for event in self.seen[-30:])
