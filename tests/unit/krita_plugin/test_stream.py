"""The event stream: in order, each durable event once, whatever happens to the connection."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wakebrush.client.config import Connection
from wakebrush.client.errors import NotFound, Refused, ServiceError, Unreachable
from wakebrush.client.stream import EventStream, split_preview

from .fake_service import TOKEN, FakeService


class Heard:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.said: queue.Queue[tuple[str, Any]] = queue.Queue()

    def connected(self, connection: Connection) -> None:
        self.said.put(("connected", connection))

    def disconnected(self, error: ServiceError) -> None:
        self.said.put(("disconnected", error))

    def event(self, envelope: dict[str, Any]) -> None:
        self.said.put((envelope["type"], envelope))

    def preview(self, header: dict[str, Any], image: bytes) -> None:
        self.said.put(("preview", (header, image)))

    def wait_for(self, kind: str, seconds: float = 5) -> Any:
        """What comes with the next thing of that kind."""
        deadline = time.monotonic() + seconds
        while True:
            name, what = self.said.get(timeout=max(0.01, deadline - time.monotonic()))
            if name == kind:
                return what


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def listen(heard: Heard) -> Iterator[Callable[..., EventStream]]:
    """Starts streams and proves that each ends at once when it is stopped."""
    streams: list[EventStream] = []

    def start(service: FakeService, resolve: Callable[[], Connection] | None = None) -> EventStream:
        found = resolve or (lambda: Connection(service.endpoint, TOKEN, "settings"))
        stream = EventStream(found, heard, first_pause=0.01)
        streams.append(stream)
        stream.start()
        return stream

    yield start
    for stream in streams:
        stream.stop()
        assert stream.join(5.0), "stop did not wake the stream"


def test_a_new_listener_gets_a_snapshot_then_what_happens(listen: Any, heard: Heard, service: FakeService) -> None:
    listen(service)
    assert heard.wait_for("snapshot")["data"]["me"]["artist"]["name"] == "Mira"
    service.push("job.queued", {"id": "j"})
    assert heard.wait_for("job.queued")["seq"] == 1


def test_a_cut_connection_resumes_and_misses_nothing(listen: Any, heard: Heard, service: FakeService) -> None:
    listen(service)
    heard.wait_for("snapshot")
    service.push("job.queued", {"id": "j"})
    heard.wait_for("job.queued")
    service.refuse = lambda method, path: (503, {"status": 503, "code": "starting", "title": "Starting."})
    service.cut()
    assert isinstance(heard.wait_for("disconnected"), Unreachable)
    service.push("job.running", {"id": "j"})
    service.push("job.succeeded", {"id": "j"})
    service.refuse = lambda method, path: None
    assert heard.wait_for("job.running")["seq"] == 2
    assert heard.wait_for("job.succeeded")["seq"] == 3
    assert service.positions[-1] == {"after": "1", "stream": service.stream}


def test_an_event_that_comes_twice_is_heard_once(listen: Any, heard: Heard, service: FakeService) -> None:
    listen(service)
    heard.wait_for("snapshot")
    service.push("job.queued", {"id": "j"})
    heard.wait_for("job.queued")
    service._run(service._send_all(service.log[0]))
    service.push("job.running", {"id": "j"})
    names = []
    while "job.running" not in names:
        names.append(heard.said.get(timeout=5)[0])
    assert "job.queued" not in names


def test_previews_come_with_their_job(listen: Any, heard: Heard, service: FakeService) -> None:
    listen(service)
    heard.wait_for("snapshot")
    service.preview("j", b"image")
    header, image = heard.wait_for("preview")
    assert (header["job"], header["step"], image) == ("j", 3, b"image")


def test_a_refused_upgrade_falls_back_to_long_polling(listen: Any, heard: Heard, service: FakeService) -> None:
    service.refuse_upgrade = True
    listen(service)
    heard.wait_for("snapshot")
    service.push("job.queued", {"id": "j"})
    assert heard.wait_for("job.queued")["seq"] == 1
    service.push("job.running", {"id": "j"})
    assert heard.wait_for("job.running")["seq"] == 2


def test_stopping_ends_a_long_poll_at_once(listen: Any, heard: Heard, service: FakeService) -> None:
    service.refuse_upgrade = True
    stream = listen(service)
    heard.wait_for("snapshot")
    deadline = time.monotonic() + 5
    while not service.polls_waiting and time.monotonic() < deadline:
        time.sleep(0.005)
    assert service.polls_waiting
    stream.stop()
    assert stream.join(5.0)


def test_stopping_does_not_wait_for_a_service_that_never_answers(listen: Any, heard: Heard, service: FakeService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        stream = listen(service, lambda: Connection(endpoint, TOKEN, "settings"))
        connected, _ = silent.accept()
        with connected:
            assert connected.recv(4) == b"GET "
            stream.stop()
            assert stream.join(5.0)


def test_a_refused_token_is_told_as_such(listen: Any, heard: Heard, service: FakeService) -> None:
    listen(service, lambda: Connection(service.endpoint, "wrong", "settings"))
    assert isinstance(heard.wait_for("disconnected"), Refused)


def test_a_service_that_appears_later_is_found(listen: Any, heard: Heard, service: FakeService) -> None:
    there = threading.Event()

    def resolve() -> Connection:
        if not there.is_set():
            raise NotFound
        return Connection(service.endpoint, TOKEN, "discovery")

    stream = listen(service, resolve)
    assert isinstance(heard.wait_for("disconnected"), NotFound)
    there.set()
    stream.retry_now()
    heard.wait_for("snapshot")


def test_a_service_that_was_restarted_is_found_again(listen: Any, heard: Heard, service: FakeService) -> None:
    listen(service)
    heard.wait_for("snapshot")
    service.stop()
    heard.wait_for("disconnected")
    service.push_offline("job.queued", {"id": "j"})
    service.start_again()
    assert heard.wait_for("job.queued")["seq"] == 1


@pytest.mark.parametrize("frame", [b"", b"\0\0\0", b"\0\0\0\5{}", b"\0\0\0\2[]x", b"\0\0\0\2xx"])
def test_a_torn_preview_is_refused(frame: bytes) -> None:
    with pytest.raises(ValueError):
        split_preview(frame)
