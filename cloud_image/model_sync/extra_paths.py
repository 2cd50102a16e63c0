"""ComfyUI's `extra_model_paths.yaml`: the disks of models, in the order in which it looks into them.

A section whose `is_default` is true goes before all that came earlier in the file, the others go behind; so the file names
the models' disk, then the fast one, then the shared mount, and ComfyUI looks into the fast one first (utils/extra_config.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cloud_image.paths import Paths

from .names import FOLDERS

#: Folders that ComfyUI reads under a newer name; both are looked into.
RENAMED = {"clip": "text_encoders", "unet": "diffusion_models"}
_HEAD = "# Written by `wakebrush-models paths`; changes are lost.\n"


def extra_model_paths(paths: Paths) -> str:
    """The file's text. Folders need not exist: ComfyUI finds those that are made later, too."""
    tiers = {
        "wakebrush": _section(paths.models, first=True),
        "wakebrush_fast": _section(paths.fast_models, first=True),
        "wakebrush_shared": _section(paths.shared_models, first=False),
    }
    return _HEAD + yaml.safe_dump(tiers, sort_keys=False)


def _section(base: Path, *, first: bool) -> dict[str, Any]:
    places: dict[str, list[str]] = {}
    for folder in FOLDERS:
        places.setdefault(RENAMED.get(folder, folder), []).append(folder)
    folders = {name: "\n".join(sorted(inside, key=lambda folder: folder != name)) for name, inside in places.items()}
    return {"base_path": str(base), "is_default": first, **folders}


def write_paths(paths: Paths) -> Path:
    """Writes the file in one step; where it is. Raises OSError."""
    place = paths.model_paths
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.part")
    part.write_text(extra_model_paths(paths), encoding="utf-8")
    part.chmod(0o644)
    part.replace(place)
    return place
