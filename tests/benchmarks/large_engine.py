"""A practice engine that tells of as many nodes as a ComfyUI with some node packs: a recorded ComfyUI's, some of them twice.

Started as a ComfyUI is: `main.py --listen ADDRESS --port N`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from wake_service.practice_engine.__main__ import main as practice_engine
from wake_service.practice_engine.catalogue import Catalogue

ROOT = Path(__file__).resolve().parents[2]
_MAIN = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.benchmarks.large_engine import main
main()
"""
_RECORDED = ROOT / "tests/fixtures/comfyui/object_info-0.3.64.json"
#: How much is told, in bytes.
SIZE = 500_000


def settings(folder: Path) -> dict[str, Any]:
    """Settings of a service whose machine runs this, and keeps its files in `folder`."""
    (folder / "engine" / "comfy").mkdir(parents=True)
    (folder / "engine" / "main.py").write_text(_MAIN, encoding="utf-8")
    return {
        "comfyui_folder": folder / "engine",
        "comfyui_python": sys.executable,
        "engine_args": f"--directory {folder / 'files'}",
    }


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen")
    parser.add_argument("--disable-auto-launch", action="store_true")
    _given, rest = parser.parse_known_args()
    more = _more()
    own_names, own = Catalogue.names, Catalogue.describe
    Catalogue.names = lambda self: [*own_names(self), *more]  # type: ignore[method-assign]
    Catalogue.describe = lambda self, name: own(self, name) or more.get(name)  # type: ignore[method-assign]
    practice_engine(rest)


def _more() -> dict[str, Any]:
    recorded = json.loads(_RECORDED.read_text(encoding="utf-8"))
    more, size = {}, 0
    for pack in ("", "Another"):
        for name, told in recorded.items():
            if size < SIZE:
                more[pack + name] = told
                size += len(json.dumps(told))
    return more
