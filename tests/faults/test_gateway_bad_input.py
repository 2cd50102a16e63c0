"""What must never reach an engine, and in which words ComfyUI's clients are told. The machine sleeps, and goes on sleeping."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import websocket

from tests.contract.engine import graphs
from tests.faults.painter import CHECKPOINT, Painter
from tests.support.pictures import png
from tests.support.running_service import RunningService

#: Path parameters that would lead somewhere else.
ELSEWHERE = ["../x.png", "..\\x.png", "/etc/passwd", "a/../../x.png", "C:\\x.png", "a\0b.png"]


@pytest.fixture
def service(start_service: Callable[..., RunningService]) -> Iterator[RunningService]:
    """A service whose machine sleeps, and still does when the test is done: nothing here is reason to wake it."""
    service = start_service(gateway_max_body_bytes=2_000_000)
    yield service
    assert not service.engines(), "the machine was woken"
    assert service.artist().machines()[0]["state"] == "asleep"


@pytest.fixture
def painter(service: RunningService) -> Iterator[Painter]:
    with Painter(service) as painter:
        yield painter
        painter.cut()
        assert painter.json("/prompt") == {"exec_info": {"queue_remaining": 0}}, "something was queued"


def refused(answer: requests.Response, status: int = 400) -> dict[str, Any]:
    """ComfyUI's own error body."""
    assert answer.status_code == status, (answer.status_code, answer.text[:300])
    body: dict[str, Any] = answer.json()
    assert set(body) == {"error", "node_errors"}
    assert "Traceback" not in answer.text
    return body


def in_pieces(size: int) -> Iterator[bytes]:
    """A body that does not say beforehand how large it is."""
    while size > 0:
        yield b" " * min(size, 65536)
        size -= 65536


@pytest.mark.parametrize("path", ["/prompt", "/userdata/a.json", "/queue", "/history"])
def test_a_body_over_the_limit_is_too_large_whether_it_says_so_or_not(painter: Painter, path: str) -> None:
    assert painter.ask("POST", path, data=b" " * 2_000_001).status_code == 413
    assert painter.ask("POST", path, data=in_pieces(4_000_000)).status_code == 413


@pytest.mark.parametrize("name", ELSEWHERE)
def test_no_file_parameter_leads_out_of_an_artists_folders(painter: Painter, name: str) -> None:
    for query in ({"filename": name}, {"filename": "a.png", "subfolder": name}, {"filename": "a.png", "type": name}):
        assert painter.ask("GET", "/view", params=query).status_code in (400, 403, 404)
    picture = {"image": ("a.png", png(), "image/png")}
    for field in ("subfolder", "type"):
        assert painter.ask("POST", "/upload/image", files=picture, data={field: name}).status_code == 400
    reference = {"original_ref": f'{{"filename": "a.png", "subfolder": "{name!r}", "type": "input"}}'}
    assert painter.ask("POST", "/upload/mask", files=picture, data=reference).status_code == 400
    quoted = requests.utils.quote(name, safe="")
    for method in ("GET", "POST", "DELETE"):
        assert painter.ask(method, f"/userdata/{quoted}").status_code in (400, 403, 404)


@pytest.mark.parametrize("name", ["theirs.png", "wakebrush/" + "a" * 64 + ".png", *ELSEWHERE])
def test_a_prompt_that_names_a_file_that_is_not_its_artists_is_refused(painter: Painter, name: str) -> None:
    for node in ("LoadImage", "LoadImageMask"):
        graph = {"1": graphs.node(node, image=name, channel="red"), "2": graphs.node("PreviewImage", images=["1", 0])}
        body = refused(painter.ask("POST", "/prompt", json={"prompt": graph}))
        assert body["node_errors"]["1"]["errors"][0]["type"] == "custom_validation_failed"


def test_a_graph_in_a_ring_and_one_without_end_are_refused(painter: Painter) -> None:
    ring = graphs.plain()
    ring["1"] = graphs.node("ImageInvert", image=["2", 0])
    body = refused(painter.ask("POST", "/prompt", json={"prompt": ring}))
    assert {error["type"] for node in body["node_errors"].values() for error in node["errors"]} == {"dependency_cycle"}
    long = {str(n): graphs.node("ImageInvert", image=[str((n + 1) % 9_999), 0]) for n in range(9_999)}
    assert painter.ask("POST", "/prompt", json={"prompt": long}).status_code == 400


def test_a_graph_of_more_than_ten_thousand_nodes_is_refused_and_holds_up_nobody(painter: Painter) -> None:
    huge = {str(n): graphs.node("ImageInvert", image=[str(n - 1), 0]) for n in range(10_001)}
    refused(painter.ask("POST", "/prompt", json={"prompt": huge}))
    began = time.monotonic()
    assert painter.ask("GET", "/queue").status_code == 200
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\0", b"[1, 2", b"null", b"[]", b'"prompt"', b"{}" * 10, b"[" * 100_000])
@pytest.mark.parametrize("path", ["/prompt", "/queue", "/history"])
def test_nonsense_in_a_body_is_told_as_comfyui_tells_it(painter: Painter, path: str, body: bytes) -> None:
    answer = painter.ask("POST", path, data=body)
    assert answer.status_code in (200, 400, 500) if path != "/prompt" else answer.status_code in (400, 500)
    assert b"Traceback" not in answer.content


def test_garbage_on_the_socket_costs_its_sender_nothing_and_nobody_else(painter: Painter) -> None:
    address = painter.base.replace("http", "ws", 1) + "/ws"
    with ExitStack() as stack:
        garbled = stack.enter_context(_socket(address))
        for garbage in (b"\0" * 1000, b"\xff" * 70_000):
            garbled.send_binary(garbage)
        garbled.send("[" * 100_000)
        garbled.send('{"type": "feature_flags", "data": {}}')
        garbled.settimeout(10)
        assert '"status"' in garbled.recv()
        assert '"feature_flags"' in garbled.recv()
    with _socket(address) as broken:
        broken.sock.sendall(b"\x83\xff\xff" + b"\xff" * 100)  # a frame of a kind that does not exist
        with suppress(websocket.WebSocketException, OSError):
            while broken.recv():
                continue
    painter.cut()
    assert painter.json("/prompt") == {"exec_info": {"queue_remaining": 0}}


@pytest.mark.timeout(240)
def test_of_a_thousand_sockets_of_one_token_the_allowed_number_is_open_and_the_rest_are_told_to_come_later(
    service: RunningService, painter: Painter
) -> None:
    address = painter.base.replace("http", "ws", 1) + "/ws"
    others = requests.Session()
    refusals = 0
    with ExitStack() as stack:
        for _ in range(1000):
            try:
                stack.enter_context(_socket(address))
            except websocket.WebSocketBadStatusException as error:
                assert error.status_code == 503
                assert {name.lower() for name in error.resp_headers or {}} >= {"retry-after"}
                refusals += 1
        assert refusals == 1000 - 63, "64 are allowed, and one was open"
        other = service.link()
        assert others.get(f"{other}/queue", timeout=10).status_code == 200
        with _socket(other.replace("http", "ws", 1) + "/ws") as hers:
            assert '"status"' in hers.recv()
    others.close()


def test_connections_that_trickle_hold_up_nobody(painter: Painter) -> None:
    gateway = urlsplit(painter.base)
    path = gateway.path.encode()
    head = b"POST " + path + b"/upload/image HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with ExitStack() as stack:
        for number in range(200):
            slow = stack.enter_context(socket.create_connection((gateway.hostname or "", gateway.port or 0)))
            slow.sendall(head + b"Content-Length: 1000\r\n\r\n--x" if number % 2 else head[: 20 + number % 50])
        began = time.monotonic()
        assert painter.ask("GET", "/queue").status_code == 200
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_a_page_of_another_site_may_do_nothing(painter: Painter, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/queue"), ("GET", "/view?filename=a.png"), ("POST", "/prompt"), ("POST", "/interrupt")):
        assert painter.ask(method, path, headers=headers).status_code == 403, (method, path)
    with pytest.raises(websocket.WebSocketBadStatusException) as error:
        address = painter.base.replace("http", "ws", 1) + "/ws"
        with _socket(address, [f"{name}: {value}" for name, value in headers.items()]):
            pass
    assert error.value.status_code == 403


@pytest.mark.parametrize("address", ["/comfy", "/t/wb_wrong", "/t/", "/t/../comfy", "/comfy/../comfy", ""])
def test_without_a_good_token_nothing_is_answered(service: RunningService, address: str) -> None:
    for path in ("/prompt", "/api/prompt", "/system_stats", "/view?filename=a.png", "/internal/logs", "/api/v2/jobs"):
        answer = requests.get(service.gateway + address + path, timeout=10, allow_redirects=False)
        assert answer.status_code in (401, 403, 404), (path, answer.status_code)
    answer = requests.post(service.gateway + address + "/prompt", json={"prompt": graphs.text_to_image(CHECKPOINT)}, timeout=10)
    assert answer.status_code in (401, 403, 404)


@contextmanager
def _socket(address: str, header: list[str] | None = None) -> Iterator[websocket.WebSocket]:
    """An open socket, without the Origin that the library adds by itself."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=20) as connection:
        yield websocket.create_connection(address, timeout=20, header=header, suppress_origin=True, socket=connection)
