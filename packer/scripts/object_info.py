"""Checks what an engine says about its nodes: there are some, and every node pack of the image brought its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def packs(lock: str) -> list[str]:
    """The folders that packs.lock names."""
    return [line.split()[0] for line in lock.splitlines() if line.strip() and not line.startswith("#")]


def flaw(nodes: object, wanted: list[str]) -> str | None:
    """What is wrong, as a sentence. An engine that does not say which module its nodes are from is believed."""
    if not isinstance(nodes, dict) or not nodes:
        return "The engine knows no nodes."
    modules = {node["python_module"] for node in nodes.values() if isinstance(node, dict) and "python_module" in node}
    missing = [pack for pack in wanted if modules and f"custom_nodes.{pack}" not in modules]
    return f"The engine started without the nodes of {', '.join(missing)}." if missing else None


def main() -> None:
    info, lock = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:3])
    try:
        found = flaw(json.loads(info), packs(lock))
    except ValueError as error:
        found = f"What the engine says about its nodes cannot be read: {error}"
    if found:
        sys.exit(found)


if __name__ == "__main__":
    main()
