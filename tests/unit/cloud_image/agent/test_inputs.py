"""Input pictures arrive whole or not at all, and nowhere but in their folder."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud_image.agent.inputs import MIB, BadName, Inputs, OtherContent, TooLong


async def body(*blocks: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block
    if error is not None:
        raise error


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    (tmp_path / "input").mkdir()
    return Inputs(tmp_path / "input", 1)


@pytest.fixture
def folder(inputs: Inputs, tmp_path: Path) -> Path:
    return tmp_path / "input/wakebrush"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder that the engine may not write to, with a file that it may not read."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret").write_bytes(b"picture")
    return tmp_path / "elsewhere"


@pytest.fixture
def led_astray(folder: Path, elsewhere: Path) -> None:
    """The folder of inputs is a link."""
    folder.symlink_to(elsewhere)


@pytest.fixture
def baited(folder: Path, elsewhere: Path) -> None:
    """A picture's name is a link."""
    folder.mkdir()
    (folder / "a.png").symlink_to(elsewhere / "secret")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def test_a_picture_is_put_where_load_image_finds_it(inputs: Inputs, folder: Path) -> None:
    assert await inputs.put("a.png", body(b"pict", b"", b"ure")) == "wakebrush/a.png"
    assert (folder / "a.png").read_bytes() == b"picture" and (folder / "a.png").stat().st_mode & 0o777 == 0o664
    assert names(folder) == ["a.png"]


async def test_the_same_again_is_fine_and_another_is_not(inputs: Inputs, folder: Path) -> None:
    for _ in range(2):
        assert await inputs.put("a.png", body(b"picture")) == "wakebrush/a.png"
    for other in (b"pictuRe", b"picture!", b""):
        with pytest.raises(OtherContent):
            await inputs.put("a.png", body(other))
    assert (folder / "a.png").read_bytes() == b"picture" and names(folder) == ["a.png"]


async def test_a_picture_as_long_as_allowed_is_taken_and_a_longer_one_is_not(inputs: Inputs, folder: Path) -> None:
    await inputs.put("a.png", body(bytes(MIB)))
    with pytest.raises(TooLong, match="1 MiB"):
        await inputs.put("b.png", body(bytes(MIB), b"!"))
    assert names(folder) == ["a.png"]


async def test_a_connection_that_breaks_leaves_nothing(inputs: Inputs, folder: Path) -> None:
    with pytest.raises(ConnectionError):
        await inputs.put("a.png", body(b"half", error=ConnectionError()))
    assert names(folder) == []


@pytest.mark.parametrize("name", ["../a", "a/b", ".hidden", "..", "", "a" * 129, "a\0", "a\n", "ä.png"])
async def test_a_name_that_is_not_plain_is_refused(inputs: Inputs, folder: Path, name: str) -> None:
    with pytest.raises(BadName):
        await inputs.put(name, body(b"picture"))
    assert not names(folder)


@pytest.mark.usefixtures("led_astray")
async def test_a_link_in_the_engines_folder_leads_no_picture_elsewhere(inputs: Inputs, elsewhere: Path) -> None:
    with pytest.raises(OSError):
        await inputs.put("a.png", body(b"picture"))
    assert names(elsewhere) == ["secret"]


@pytest.mark.usefixtures("baited")
async def test_a_link_under_the_pictures_own_name_is_neither_read_nor_replaced(inputs: Inputs, elsewhere: Path) -> None:
    for content in (b"picture", b"other"):
        with pytest.raises(OSError):
            await inputs.put("a.png", body(content))
    assert (elsewhere / "secret").read_bytes() == b"picture"


async def test_old_pictures_and_drafts_go_and_others_stay(inputs: Inputs, folder: Path) -> None:
    inputs.sweep(0)
    for name in ("old.png", "new.png"):
        await inputs.put(name, body(b"picture"))
    (folder / ".draft-1").write_bytes(b"half")
    for name in ("old.png", ".draft-1"):
        os.utime(folder / name, (1000, 1000))
    inputs.sweep(2000)
    assert names(folder) == ["new.png"]
