"""What ComfyUI's web page is made of on disk: its own files and the scripts of node packs."""

from __future__ import annotations

from pathlib import Path

from . import pack
from .options import Options


class Page:
    """`root` is where the page's own files are, None for an engine without one; `packs` maps a pack's name to its scripts."""

    def __init__(self, options: Options) -> None:
        self.root = options.front_end_root
        self.packs: dict[str, Path] = {pack.NAME: pack.WEB} if options.pack else {}

    def scripts(self) -> list[str]:
        """The addresses of all scripts that the page loads as extensions: its own, then those of packs."""
        own = [] if self.root is None else [f"/{script.relative_to(self.root)}" for script in _scripts(self.root / "extensions")]
        return own + [
            f"/extensions/{name}/{script.relative_to(folder)}"
            for name, folder in self.packs.items()
            for script in _scripts(folder)
        ]


def _scripts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.js"))
