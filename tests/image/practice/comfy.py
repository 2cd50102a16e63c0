"""ComfyUI as a machine in a rehearsal has it: the practice engine behind ComfyUI's own command line.

Flags are those of ComfyUI's cli_args.py that a server is started with; one that ComfyUI does not know ends it, as there.
What it is to imitate is in /etc/practice.json: `{"step_seconds": 0.5, "fail": "crash@3", ...}`, read at every start.
`reach` there names addresses, sockets and folders; how far the engine's own process gets to each is written to reached.json
in the folder of its users.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Any

import practice_engine.lifecycle
from comfyui_version import __version__
from practice_engine.__main__ import main
from practice_engine.catalogue import NODES, NodeClass
from practice_engine.engine import Engine

WISHES = Path("/etc/practice.json")
SWITCHES = [
    "--disable-auto-launch",
    "--disable-assets",
    "--disable-metadata",
    "--disable-partner-nodes",
    "--disable-api-nodes",
    "--disable-mmap",
    "--disable-smart-memory",
    "--disable-dynamic-vram",
    "--enable-dynamic-vram",
    "--fast-disk",
    "--disable-fast-disk",
    "--high-ram",
    "--cache-classic",
    "--cache-none",
    "--cpu",
    "--lowvram",
    "--normalvram",
    "--highvram",
    "--novram",
    "--offline",
    "--dont-print-server",
    "--disable-pinned-memory",
    "--async-offload",
]


def arguments() -> argparse.Namespace:
    """ComfyUI's command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="127.0.0.1", nargs="?", const="0.0.0.0,::")
    parser.add_argument("--port", type=int, default=8188)
    for name in ("--base-directory", "--input-directory", "--output-directory", "--temp-directory", "--user-directory"):
        parser.add_argument(name, type=Path)
    for name in ("--models-directory", "--database-url", "--verbose", "--log-stdout", "--cuda-device"):
        parser.add_argument(name)
    parser.add_argument("--extra-model-paths-config", nargs="+", action="append")
    parser.add_argument("--cache-ram", nargs="*", type=float)
    parser.add_argument("--cache-lru", type=int, default=0)
    parser.add_argument("--reserve-vram", type=float)
    parser.add_argument("--vram-headroom", type=float)
    parser.add_argument("--preview-method")
    parser.add_argument("--max-upload-size", type=float)
    for switch in SWITCHES:
        parser.add_argument(switch, action="store_true")
    return parser.parse_args()


def directory(asked: argparse.Namespace) -> Path:
    """The one folder below which the practice engine has its own."""
    if asked.base_directory:
        return asked.base_directory
    folders = {given.parent for given in (asked.input_directory, asked.output_directory) if given}
    if len(folders) > 1:
        sys.exit(f"The practice engine has input and output side by side, not in {folders}")
    return folders.pop() if folders else Path(__file__).resolve().parent


def load_node_packs(folder: Path) -> None:
    """Takes up the names of the nodes that packs bring, as ComfyUI does; there is nothing behind them."""
    for pack in sorted(folder.glob("*/__init__.py")):
        name = pack.parent.name
        spec = importlib.util.spec_from_file_location(f"custom_nodes.{name}", pack)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for node in module.NODE_CLASS_MAPPINGS:
            NODES[node] = NodeClass(node, node, name, "Stands for a node of a pack.", {}, module=f"custom_nodes.{name}")


def reach(place: str) -> str:
    """`reached`, or the kind of refusal."""
    try:
        if place.startswith("http"):
            headers = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
            urllib.request.urlopen(urllib.request.Request(place, method="PUT", headers=headers), timeout=3).close()
        elif place.endswith(".sock"):
            with socket.socket(socket.AF_UNIX) as end:
                end.connect(place)
        elif Path(place).is_dir():
            list(Path(place).iterdir())
        else:
            Path(place).read_bytes()
    except OSError as refusal:
        return type(getattr(refusal, "reason", refusal)).__name__
    return "reached"


class Comfy(Engine):
    """Says that it is the release that was checked out, as ComfyUI does."""

    def system_stats(self) -> dict[str, Any]:
        stats = super().system_stats()
        stats["system"]["comfyui_version"] = __version__
        return stats


def run() -> None:
    """Becomes the server."""
    practice_engine.lifecycle.Engine = Comfy
    load_node_packs(Path(__file__).resolve().parent / "custom_nodes")
    asked = arguments()
    wishes = json.loads(WISHES.read_text(encoding="utf-8")) if WISHES.exists() else {}
    if places := wishes.pop("reach", None):
        (asked.user_directory / "reached.json").write_text(
            json.dumps({place: reach(place) for place in places}), encoding="utf-8"
        )
    for name, value in wishes.items():
        os.environ[f"WAKEBRUSH_PRACTICE_{name.upper()}"] = str(value)
    folder = directory(asked)
    main(["--host", asked.listen, "--port", str(asked.port), "--directory", str(folder)], auto_envvar_prefix="WAKEBRUSH_PRACTICE")
