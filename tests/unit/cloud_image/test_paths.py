"""One place for all paths: what units and configuration name is what the software means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloud_image.paths import Paths

ROOT = Path(__file__).resolve().parents[3] / "cloud_image"
PROPERTIES = [name for name, member in vars(Paths).items() if isinstance(member, property)]


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_path_is_below_the_root_it_was_given(tmp_path: Path, name: str) -> None:
    assert tmp_path in getattr(Paths(tmp_path), name).parents
    assert getattr(Paths(), name).is_absolute()


def test_every_folder_of_this_boot_is_made_at_boot() -> None:
    made = {
        Path(found)
        for found in re.findall(r"^d (\S+)", (ROOT / "systemd/tmpfiles.conf").read_text(encoding="utf-8"), re.MULTILINE)
    }
    paths = Paths()
    needed = {
        paths.run,
        paths.door,
        paths.stop_order.parent,
        paths.marks,
        paths.activity_log.parent,
        paths.idle,
        paths.engine_exit.parent,
    }
    needed |= {paths.guard, paths.kept.parent, paths.models, paths.fast_models, paths.engine_data, paths.shared_models}
    assert needed <= made


def test_the_guards_configuration_names_these_files() -> None:
    guard = (ROOT / "guard/nginx.conf").read_text(encoding="utf-8")
    paths = Paths()
    for path in (paths.prompt_socket, paths.upload_socket, paths.agent_socket, paths.activity_log):
        assert str(path) in guard
    assert str(paths.stop_order) in (ROOT / "systemd/wakebrush-stop.path").read_text(encoding="utf-8")
    assert str(paths.wipe_order) in (ROOT / "systemd/wakebrush-wipe.path").read_text(encoding="utf-8")
