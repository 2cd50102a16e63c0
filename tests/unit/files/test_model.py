"""No name leads out of an artist's folders, whatever was sent."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wake_service.files.model import BadName, FileName, checked_subfolder, file_name, parse, tamed

PIECES = st.sampled_from(["..", ".", "/", "\\", "a", "b.png", " ", "[output]", "C:", "\0", "\n", "é", "~", "%2e", "…", "\ud800"])
NASTY = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=8).map("".join))


def assert_stays_inside(name: FileName) -> None:
    path = PurePosixPath(name.path)
    assert not path.is_absolute() and ".." not in path.parts and "\\" not in name.path and "\0" not in name.path
    assert path.name == name.name and name.name not in ("", ".", "..")
    assert name.folder in ("input", "output", "temp")
    assert len(name.path.encode()) <= 1024


@given(folder=st.sampled_from(["input", "output", "temp", "models", ""]) | NASTY, subfolder=NASTY, name=NASTY)
@example(folder="input", subfolder="a/../..", name="b.png")
@example(folder="input", subfolder="", name="..")
def test_whatever_is_sent_stays_inside_or_is_refused(folder: str, subfolder: str, name: str) -> None:
    try:
        assert_stays_inside(file_name(folder, subfolder, name))
    except BadName:
        return


@given(st.sampled_from(["input", "output", "temp"]), NASTY, NASTY)
@example("output", "..", "../..")
@example("output", "/".join(["ä" * 200] * 9), "ä" * 200 + ".png")
@example("output", "", "a.png [output] [output]")
def test_whatever_an_engine_names_gets_a_name_inside(folder: str, subfolder: str, name: str) -> None:
    given_name = tamed(folder, subfolder, name)
    assert_stays_inside(given_name)
    assert tamed(folder, given_name.subfolder, given_name.name) == given_name
    assert parse(given_name.annotated) == given_name


@given(NASTY)
@example("a/../b.png [output]")
def test_whatever_a_graph_names_stays_inside_or_is_refused(text: str) -> None:
    try:
        assert_stays_inside(parse(text))
    except BadName:
        return


@given(st.sampled_from(["input", "output", "temp"]), NASTY, NASTY)
def test_an_annotated_name_means_the_same_file_again(folder: str, subfolder: str, name: str) -> None:
    try:
        given_name = file_name(folder, subfolder, name)
    except BadName:
        return
    assert parse(given_name.annotated) == given_name


@pytest.mark.parametrize(
    ("text", "folder", "subfolder", "name"),
    [
        ("a.png", "input", "", "a.png"),
        ("a.png [output]", "output", "", "a.png"),
        ("sub/b/a.png[temp]", "temp", "sub/b", "a.png"),
        ("sub//./a.png", "input", "sub", "a.png"),
        ("a [b].png", "input", "", "a [b].png"),
    ],
)
def test_names_in_graphs_are_read_as_comfyui_reads_them(text: str, folder: str, subfolder: str, name: str) -> None:
    assert parse(text) == FileName(folder, subfolder, name)  # type: ignore[arg-type]


ELSEWHERE = ["", "/a.png", "../a.png", "a/../b.png", "a\\b.png", "C:a.png", "sub/", ".", "a.png [output] [temp]x/.."]
ON_NO_DISK = ["a\0.png", "a\n.png", "x" * 256, "ä" * 128, "a/" * 17 + "a", "\ud800.png", ("d" * 250 + "/") * 4 + "f" * 255]


@pytest.mark.parametrize("text", [*ELSEWHERE, *ON_NO_DISK])
def test_what_leads_elsewhere_or_fits_no_disk_is_refused(text: str) -> None:
    with pytest.raises(BadName):
        parse(text)


def test_a_subfolder_is_written_in_one_way() -> None:
    assert checked_subfolder("a//b/./c/") == "a/b/c"
    assert checked_subfolder("") == checked_subfolder(".") == ""
