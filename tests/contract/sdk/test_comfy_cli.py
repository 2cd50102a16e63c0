"""comfy-cli, unmodified, which knows only a host and a port: through `wakebrush connect`, whatever the machine does meanwhile."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.contract.engine import graphs
from tests.faults.front import fronted
from tests.support.loopback import LoopbackPort
from tests.support.running_service import RunningService

ROOT = Path(__file__).resolve().parents[3]
COMFY = ROOT / "build" / "tools" / "clients" / "bin" / "comfy"
CHECKPOINT = "practice-sd15.safetensors"
DEADLINE = 100.0


class Cli:
    """The command `comfy` of somebody whose home is empty, at one port."""

    def __init__(self, home: Path, port: LoopbackPort) -> None:
        assert COMFY.exists(), "comfy-cli is not installed: .ci/bootstrap test"
        self._home = home
        self.port = port
        home.mkdir()

    def __call__(self, *words: str) -> dict[str, Any]:
        """The last line of its output: what it did, as its own documentation calls it, an envelope."""
        place = ("--host", "127.0.0.1", "--port", str(self.port.port))
        done = subprocess.run(
            [COMFY, "--skip-prompt", *words, *(place if words[0] == "run" else ())],
            env={
                "HOME": str(self._home),
                "PATH": os.environ["PATH"],
                "DO_NOT_TRACK": "1",
                "COMFY_NO_WATCH": "1",
                "COMFY_LOCAL_URL": self.port.url,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.stdout.strip(), done.stderr
        envelope: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        assert envelope["type"] == "envelope", done.stdout
        return envelope

    def run(self, graph: graphs.Graph, *, wait: bool = True) -> dict[str, Any]:
        """`comfy run`."""
        workflow = self._home / "workflow.json"
        workflow.write_text(json.dumps(graph))
        return self("run", "--workflow", str(workflow), "--timeout", "60", *(["--wait"] if wait else []))


def painted(envelope: dict[str, Any]) -> Image.Image:
    """The one picture that a run tells of, fetched from where it says."""
    assert envelope["ok"], envelope
    (url,) = envelope["data"]["outputs"]
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    return Image.open(io.BytesIO(answer.content))


@pytest.fixture
def cli(service: RunningService, tmp_path: Path) -> Iterator[Cli]:
    with LoopbackPort(service) as port:
        yield Cli(tmp_path / "home", port)


def test_a_workflow_is_painted_though_the_machine_sleeps_and_once_more_while_it_is_awake(
    cli: Cli, service: RunningService
) -> None:
    assert not service.engines()
    for seed in (1, 2):
        envelope = cli.run(graphs.text_to_image(CHECKPOINT, seed=seed))
        assert painted(envelope).size == (64, 64)
        assert (envelope["data"]["status"], "9" in envelope["data"]["executed_node_ids"]) == ("completed", True)
        assert service.engines()


def test_a_machine_that_dies_in_the_middle_is_a_pause(start_service: Any, tmp_path: Path) -> None:
    kills = tmp_path / "kills"
    kills.write_text("1")
    place = tmp_path / "service" / "engine-of-its-own"  # below the service's folder, by which its processes are found in the end
    service = start_service(**fronted(place, f'--kill-at "progress" --kills {kills}'))
    with LoopbackPort(service) as port:
        envelope = Cli(tmp_path / "home", port).run(graphs.text_to_image(CHECKPOINT))
    assert kills.read_text() == "0", "the engine was not killed"
    assert (envelope["ok"], envelope["data"]["status"]) == (True, "completed")


def test_a_workflow_that_no_engine_could_run_is_refused_with_the_node_that_is_wrong(cli: Cli) -> None:
    graph = graphs.text_to_image(CHECKPOINT)
    graph["8"]["class_type"] = "NodeOfNobody"
    envelope = cli.run(graph)
    assert not envelope["ok"]
    assert "NodeOfNobody" in json.dumps(envelope["error"])


def test_what_was_sent_without_waiting_is_listed_waited_for_and_downloaded_later(cli: Cli, tmp_path: Path) -> None:
    sent = cli.run(graphs.text_to_image(CHECKPOINT), wait=False)["data"]
    assert (sent["status"], sent["outputs"]) == ("queued", [])
    assert sent["prompt_id"] in json.dumps(cli("jobs", "ls")["data"])
    assert cli("jobs", "wait", sent["prompt_id"])["ok"]
    (file,) = cli("download", sent["prompt_id"], "--out-dir", str(tmp_path / "out"))["data"]["files"]
    assert Image.open(io.BytesIO(Path(file["path"]).read_bytes())).size == (64, 64)


def test_a_picture_that_was_uploaded_is_painted_over(cli: Cli, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "mine.png")
    (upload,) = cli("upload", str(tmp_path / "mine.png"))["data"]["uploads"]
    assert painted(cli.run(graphs.over_image(CHECKPOINT, upload["cloud_name"], denoise=0.5))).size == (64, 64)


def test_the_port_tells_where_it_listens_and_ends_quietly_on_ctrl_c(service: RunningService) -> None:
    with LoopbackPort(service) as port:
        assert service.gateway in port.said and port.said.count("\n") == 1
        assert requests.get(f"{port.url}/queue", timeout=10).json() == {"queue_running": [], "queue_pending": []}
        assert port.stop() == (0, "")


def test_a_service_that_is_stopped_is_said_and_found_again_where_it_was(start_service: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        gateway_port = free.getsockname()[1]
    service = start_service(gateway_port=gateway_port)
    with LoopbackPort(service) as port:
        service.stop()
        away = requests.get(f"{port.url}/queue", timeout=10)
        assert (away.status_code, away.json()["error"]["type"]) == (502, "gateway_unreachable")
        service.restart()
        assert requests.get(f"{port.url}/queue", timeout=10).status_code == 200
