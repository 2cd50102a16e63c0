"""An example of a node pack, of the kind that people install into ComfyUI: one node, two routes, a script for the web page.

It stands for the packs that a wake service knows nothing of. `--practice-pack` brings it.
"""

from __future__ import annotations

from pathlib import Path

#: The folder of it in `custom_nodes`; part of the addresses of its files.
NAME = "practice-pack"
WEB = Path(__file__).parent / "web"
