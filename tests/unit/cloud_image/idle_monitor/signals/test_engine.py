"""The engine's queue, asked of a real server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cloud_image.idle_monitor.signals.engine import EngineSignal
from cloud_image.idle_monitor.verdict import Said


class Engine(ThreadingHTTPServer):
    """Answers /queue with `answer`."""

    answer: tuple[int, bytes] = (200, b"")


class Handler(BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        status, body = self.server.answer if self.path == "/queue" else (404, b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    server = Engine(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("body", "said", "sentence"),
    [
        (b'{"queue_running": [], "queue_pending": []}', Said.IDLE, "The engine has no work."),
        (b'{"queue_running": [[0]], "queue_pending": []}', Said.BUSY, "The engine has work: 1 running, 0 waiting."),
        (b'{"queue_running": [], "queue_pending": [[1], [2]]}', Said.BUSY, "The engine has work: 0 running, 2 waiting."),
    ],
)
def test_it_is_busy_while_prompts_run_or_wait(engine: Engine, body: bytes, said: Said, sentence: str) -> None:
    engine.answer = 200, body
    sign = EngineSignal(engine.server_port).read(1.0)
    assert (sign.said, sign.sentence) == (said, sentence)


@pytest.mark.parametrize("answer", [(500, b"{}"), (200, b"<html>"), (200, b"[]"), (200, b'{"queue_running": 1}'), (200, b"{}")])
def test_an_answer_that_is_no_queue_is_missing_not_idle(engine: Engine, answer: tuple[int, bytes]) -> None:
    engine.answer = answer
    assert EngineSignal(engine.server_port).read(1.0).said is Said.MISSING


def test_an_engine_that_does_not_run_has_no_work() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sign = EngineSignal(port).read(1.0)
    assert sign.said is Said.IDLE and "does not run" in sign.sentence


def test_an_engine_that_runs_and_does_not_answer_is_missing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        sign = EngineSignal(silent.getsockname()[1], seconds=0.1).read(1.0)
    assert sign.said is Said.MISSING
