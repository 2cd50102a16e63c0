"""An engine asked without a service in between: what a job through the service is compared with."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import requests
import websocket

from tests.support.artist import Artist
from wake_service.providers.machine_folder import MachineFolder

Graph = dict[str, dict[str, Any]]
MACHINE = "local"


class StraightToTheEngine:
    """A client of one engine with connections that stay open."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = uuid.uuid4().hex
        self._session = requests.Session()
        self._session.trust_env = False
        url = address.replace("http", "ws", 1) + f"/ws?clientId={self._client}"
        self._socket = websocket.create_connection(url, timeout=30)

    def last_graph(self) -> Graph:
        """The graph that the engine executed last."""
        history: dict[str, Any] = self._session.get(f"{self.address}/history", timeout=30).json()
        graph: Graph = list(history.values())[-1]["prompt"][2]
        return graph

    def runs(self) -> list[tuple[float, float]]:
        """When each executed prompt began and ended, in seconds since the epoch, oldest first."""
        history: dict[str, Any] = self._session.get(f"{self.address}/history", timeout=30).json()
        moments = [dict(entry["status"]["messages"]) for entry in history.values()]
        spans = [(said["execution_start"], said["execution_success"]) for said in moments if "execution_success" in said]
        return sorted((start["timestamp"] / 1000, end["timestamp"] / 1000) for start, end in spans)

    def picture(self, graph: Graph) -> float:
        """Has a graph executed and fetches its picture; gives the seconds from request to the last byte."""
        began = time.perf_counter()
        body = {"prompt": graph, "client_id": self._client}
        prompt = self._session.post(f"{self.address}/prompt", json=body, timeout=30).json()["prompt_id"]
        images: list[dict[str, str]] = []
        while True:
            said = self._socket.recv()
            if not isinstance(said, str):
                continue
            event = json.loads(said)
            if event["data"].get("prompt_id") != prompt:
                continue
            if event["type"] == "executed":
                images = event["data"]["output"].get("images", images)
            elif event["type"] == "execution_success":
                break
            elif event["type"] in ("execution_error", "execution_interrupted"):
                raise RuntimeError(f"The engine failed: {event['data']}")
        self._session.get(f"{self.address}/view", params=images[0], timeout=30).raise_for_status()
        return time.perf_counter() - began

    def close(self) -> None:
        """Lets go of both connections."""
        self._socket.close()
        self._session.close()


def engine_address(data: Path) -> str:
    """Where the machine of a service on `data` listens. Raises RuntimeError when it is not awake."""
    state = MachineFolder(data / "machines" / MACHINE).state()
    if state is None or state.address is None:
        raise RuntimeError("The machine is not awake.")
    return state.address


def with_seed(graph: Graph, seed: int) -> Graph:
    """The same graph with another seed, so that no engine answers from a cache."""
    return {
        node: {**content, "inputs": {**content["inputs"], "seed": seed}} if "seed" in content["inputs"] else content
        for node, content in graph.items()
    }


def wake(artist: Artist, seconds: float = 60) -> None:
    """Wakes the machine and returns when it is awake."""
    with artist.events() as events:
        artist.wake()
        events.until(
            lambda event: any(
                machine["state"] in ("ready", "busy")
                for machine in event["data"].get("machines", [event["data"].get("machine", {"state": ""})])
            ),
            seconds,
        )
