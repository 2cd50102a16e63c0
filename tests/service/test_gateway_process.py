"""The gateway as it is run: on its own port, with a log that tells everything but tokens, and with clients that mean no good."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.contract.engine import graphs
from tests.support.running_service import RunningService

SOCKETS = 1000
LIMIT = 3
SECONDS = 20.0


def socket_url(link: str, path: str = "/ws") -> str:
    return link.replace("http", "ws", 1) + path


def test_no_token_is_in_the_log_however_much_is_logged(start_service: Callable[..., RunningService]) -> None:
    service = start_service(log_level="debug")
    link, host = service.link(), service.gateway.removeprefix("http://")
    secret = link.rpartition("/")[2]
    wrong = "wb_" + "x" * 43
    for place in (f"/t/{secret}", f"/t/{wrong}", f"/t/{secret}/api"):
        requests.get(f"{service.gateway}{place}/nothing", timeout=SECONDS)
        requests.get(f"{service.endpoint}{place}/nothing", timeout=SECONDS)  # the service's own port, by mistake
        for gate in (service.gateway, service.endpoint):
            with suppress(InvalidStatus), connect(socket_url(gate, f"{place}/ws?clientId=me"), proxy=None):
                pass
    with socket.create_connection((host.split(":")[0], int(host.split(":")[1])), timeout=SECONDS) as raw:
        raw.sendall(f"GET /t/{secret}/ws HTTP/1.1\r\nno header at all\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    service.stop()
    log = service.log.read_text()
    assert "/ws?clientId=me" in log and "/t/wb_…/ws" in log, "sockets are logged"
    assert secret not in log and wrong not in log
    assert secret not in (service.data / "wakebrush.db").read_bytes().decode("latin-1")


def test_a_thousand_sockets_of_one_token_leave_room_for_everybody_else(start_service: Callable[..., RunningService]) -> None:
    service = start_service(gateway_sockets_per_token=LIMIT)
    link, other = service.link(), service.link()
    with ExitStack() as open_ones:
        refused = 0
        for _ in range(SOCKETS):
            try:
                open_ones.enter_context(connect(socket_url(link), proxy=None))
            except InvalidStatus as answer:
                assert (answer.response.status_code, answer.response.headers["Retry-After"]) == (503, "30")
                refused += 1
        assert refused == SOCKETS - LIMIT
        with connect(socket_url(other), proxy=None) as hers:
            assert json.loads(hers.recv(timeout=SECONDS))["type"] == "status"
        assert requests.get(f"{link}/queue", timeout=SECONDS).status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_and_the_connection_lives(
    start_service: Callable[..., RunningService], chunked: bool
) -> None:
    service = start_service(gateway_max_body_bytes=100_000)
    body = b"a" * 200_000
    with requests.Session() as session:
        answer = session.post(f"{service.link()}/prompt", data=iter([body]) if chunked else body, timeout=SECONDS)
        assert (answer.status_code, answer.text.startswith("Maximum request body size 100000 exceeded")) == (413, True)


def test_binary_garbage_on_a_socket_is_no_reason_to_lose_what_is_told_there(service: RunningService) -> None:
    link = service.link()
    with connect(socket_url(link, "/ws?clientId=me"), proxy=None) as line:
        assert json.loads(line.recv(timeout=SECONDS))["type"] == "status"
        line.send(bytes(range(256)) * 100)
        line.send("{ not json")
        line.send("[1, 2]")
        graph = graphs.text_to_image("practice-sd15.safetensors")
        sent = requests.post(f"{link}/prompt", json={"prompt": graph, "client_id": "me"}, timeout=SECONDS)
        assert sent.status_code == 200, sent.text
        told = json.loads(line.recv(timeout=SECONDS))
    assert (told["type"], told["data"]["status"]["exec_info"]["queue_remaining"]) == ("status", 1)


def test_the_gateway_says_where_it_is_and_ends_with_its_service(service: RunningService) -> None:
    facts = json.loads((service.data / "endpoint.json").read_text())
    assert (facts["gateway"], facts["endpoint"]) == (service.gateway, service.endpoint)
    assert service.gateway != service.endpoint
    with connect(socket_url(service.link()), proxy=None) as line:
        line.recv(timeout=SECONDS)
        service.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{service.gateway}/queue", timeout=SECONDS)


def test_a_service_that_was_told_to_end_leaves_no_address_behind(service: RunningService) -> None:
    assert (service.data / "endpoint.json").exists()
    service.stop()
    assert not (service.data / "endpoint.json").exists() and (service.data / "token").exists()


def test_a_refused_socket_is_no_error_of_the_service(start_service: Callable[..., RunningService]) -> None:
    service = start_service(log_level="info")
    link = service.link()
    with pytest.raises(InvalidStatus) as refused, connect(socket_url(f"{service.gateway}/t/wb_{'x' * 43}"), proxy=None):
        pass
    with connect(socket_url(link), proxy=None) as line:
        line.recv(timeout=SECONDS)
    service.stop()
    log = service.log.read_text()
    assert refused.value.response.status_code == 403 and '/ws" 403' in log, "the refusal is told once"
    assert "ERROR" not in log and "handshake" not in log


def test_a_port_of_the_gateway_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = RunningService(tmp_path / "service").command("serve", "--port", "0", "--gateway-port", port)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr and "Choose another --gateway-port" in done.stderr
