"""One client does not read. Others are not delayed, the service's memory stays, and no result of hers is lost."""

from __future__ import annotations

import socket
from collections.abc import Callable

import psutil
import pytest
import requests
import websocket

from tests.contract.engine import graphs
from tests.faults.follower import Follower
from tests.faults.painter import CHECKPOINT, Painter

Start = Callable[..., Follower]
MIB = 1024 * 1024
PROMPTS, STEPS = 10, 60
#: A picture over the socket that is larger than what lies in the system's own buffers.
SIDE = 1024


@pytest.mark.timeout(240)
def test_a_client_that_does_not_read_delays_no_other_and_gets_all_of_its_results_in_the_end(start: Start) -> None:
    her = start(practice_args="", idle_seconds=5)
    with Painter(her.service) as fast:
        fast.assert_delivered_once([fast.send()])
        slow = _unread(fast.base, "slow")
        process = psutil.Process(her.service.pid)
        before = process.memory_info().rss
        for seed in range(PROMPTS):
            graph = graphs.text_to_image(CHECKPOINT, seed=seed, steps=STEPS) | _over_socket(seed)
            assert requests.post(f"{fast.base}/prompt", json={"prompt": graph, "client_id": "slow"}, timeout=30).ok
        prompts = [fast.send() for _ in range(PROMPTS)]
        fast.until_ended(prompts, 200)
        for prompt in prompts:
            fast.until_told("execution_success", prompt)
        assert process.memory_info().rss - before < 100 * MIB
        pictures, ends, previews = _read(slow)
        assert (pictures, ends) == (PROMPTS, PROMPTS)
        assert previews < PROMPTS * STEPS, "old previews were not dropped"
        slow.close()


def _unread(base: str, client: str) -> websocket.WebSocket:
    """A connection into which little fits."""
    address = base.replace("http", "ws", 1) + f"/ws?clientId={client}"
    return websocket.create_connection(address, timeout=60, sockopt=((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),))


def _over_socket(seed: int) -> graphs.Graph:
    inputs = {"width": SIDE, "height": SIDE, "batch_size": 1, "color": seed}
    return {"20": {"class_type": "EmptyImage", "inputs": inputs}, "21": graphs.node("SaveImageWebsocket", images=["20", 0])}


def _read(slow: websocket.WebSocket) -> tuple[int, int, int]:
    """Results, ends and previews that come, until all ends have."""
    pictures = ends = previews = 0
    while ends < PROMPTS:
        said = slow.recv()
        if isinstance(said, bytes):
            is_result = said[:8] == b"\0\0\0\1\0\0\0\2"
            pictures, previews = pictures + is_result, previews + (not is_result)
        else:
            ends += '"execution_success"' in said
    return pictures, ends, previews
