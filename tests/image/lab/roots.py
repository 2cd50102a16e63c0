"""Root file systems in layers: a base that many share, an image's own files above it, and what one machine wrote on top."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layers:
    """Folders, the upper ones first. They are never written to again."""

    folders: tuple[Path, ...]

    def below(self, upper: Path) -> Layers:
        """These with one more above them."""
        return Layers((upper, *self.folders))


class Disk:
    """One machine's disk in `folder`: what is written to its `root` outlives unmounting."""

    def __init__(self, folder: Path, layers: Layers) -> None:
        self.folder = folder
        self.layers = layers
        self.root = folder / "root"

    def mount(self) -> Path:
        """Its root."""
        upper, work = self.folder / "upper", self.folder / "work"
        for path in (upper, work, self.root):
            path.mkdir(parents=True, exist_ok=True)
        lower = ":".join(str(path) for path in self.layers.folders)
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(self.root)], check=True, timeout=30)
        return self.root

    def unmount(self) -> None:
        """Nothing is using it any more."""
        subprocess.run(["umount", str(self.root)], check=True, timeout=30)

    def freeze(self, image: Path) -> Layers:
        """What it holds now, as layers for others; it goes on above them. It must not be mounted."""
        image.parent.mkdir(parents=True, exist_ok=True)
        (self.folder / "upper").rename(image)
        self.layers = self.layers.below(image)
        return self.layers
