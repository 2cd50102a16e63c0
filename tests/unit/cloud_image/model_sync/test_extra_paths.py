"""The file that tells ComfyUI where models are, read as ComfyUI reads it."""

from __future__ import annotations

import posixpath
from pathlib import Path

import yaml

from cloud_image.model_sync.extra_paths import write_paths
from cloud_image.model_sync.names import FOLDERS
from cloud_image.paths import Paths

#: ComfyUI's own name for a folder of an older name (folder_paths.py, map_legacy).
LEGACY = {"unet": "diffusion_models", "clip": "text_encoders"}


def searched(text: str) -> dict[str, list[str]]:
    """Where ComfyUI looks, by folder, first place first (utils/extra_config.py, add_model_folder_path)."""
    places: dict[str, list[str]] = {}
    for section in yaml.safe_load(text).values():
        base, first = section.pop("base_path"), section.pop("is_default")
        for folder, lines in section.items():
            for line in filter(None, lines.split("\n")):
                found = places.setdefault(LEGACY.get(folder, folder), [])
                found.insert(0 if first else len(found), posixpath.join(base, line))
    return places


def test_the_fast_disk_is_looked_into_first_then_the_models_disk_then_the_mount(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    places = searched(write_paths(paths).read_text())
    assert places["checkpoints"] == [f"{base}/checkpoints" for base in (paths.fast_models, paths.models, paths.shared_models)]


def test_every_folder_of_a_store_is_looked_into_under_the_name_that_comfyui_gives_it(tmp_path: Path) -> None:
    places = searched(write_paths(Paths(tmp_path)).read_text())
    for folder in FOLDERS:
        assert f"{Paths(tmp_path).models}/{folder}" in places[LEGACY.get(folder, folder)]
    assert not set(LEGACY) & set(places)


def test_the_engines_user_may_read_it_and_nothing_half_written_is_left(tmp_path: Path) -> None:
    place = write_paths(Paths(tmp_path))
    assert place.stat().st_mode & 0o777 == 0o644
    assert list(place.parent.iterdir()) == [place]
