"""Nobody's link leads the agent anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloud_image.agent.files import open_below, read_fields, remove_below


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "root/sub").mkdir(parents=True)
    (tmp_path / "root/sub/a.png").write_bytes(b"picture")
    return tmp_path / "root"


def test_a_plain_file_below_is_opened(root: Path) -> None:
    fd = open_below(root, "sub/a.png")
    try:
        assert os.read(fd, 10) == b"picture"
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    "name", ["../secret.txt", "sub/../../secret.txt", "", ".", "/etc/passwd", "sub", "no/where", "a\0b", "..\\x"]
)
def test_what_does_not_lead_to_a_plain_file_below_is_not_opened(root: Path, name: str) -> None:
    with pytest.raises(OSError):
        open_below(root, name)


def test_links_are_not_followed_whether_file_or_folder(root: Path) -> None:
    (root / "file").symlink_to(root.parent / "secret.txt")
    (root / "folder").symlink_to(root.parent)
    for name in ("file", "folder/secret.txt"):
        with pytest.raises(OSError):
            open_below(root, name)
        with pytest.raises(OSError):
            remove_below(root, "folder/secret.txt")
    assert (root.parent / "secret.txt").exists()


def test_a_pipe_does_not_hold_the_agent_up(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(FileNotFoundError):
        open_below(root, "pipe")


def test_removing_what_is_gone_is_fine(root: Path) -> None:
    remove_below(root, "sub/a.png")
    remove_below(root, "sub/a.png")
    remove_below(root, "nowhere/a.png")
    assert not (root / "sub/a.png").exists()


def test_what_holds_no_object_is_said_to_hold_none(root: Path) -> None:
    (root / "a.json").write_text("[]")
    with pytest.raises(ValueError, match="no JSON object"):
        read_fields(root / "a.json")
    assert read_fields(root / "nowhere.json") is None
