"""Names on the way to an engine and back: artists who share one cannot meet there."""

from __future__ import annotations

import posixpath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.comfy.catalogue import Catalogue
from wake_service.workflows import naming
from wake_service.workflows.model import GraphRefused

FOLDER = "wakebrush/0d9f"
CATALOGUE = Catalogue.parse(
    {"PackLoader": {"input": {"required": {"clip": [["a.mp4"], {"video_upload": True}], "name": ["STRING"]}}, "output": []}}
)


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def test_results_go_below_the_prompts_own_folder_and_the_clients_graph_stays_as_it_was() -> None:
    graph = {"1": node("SaveImage", filename_prefix="anime/pic", images=["0", 0]), "2": node("PreviewImage", images=["0", 0])}
    sent = naming.for_engine(graph, FOLDER, {}, None)
    assert sent["1"]["inputs"] == {"filename_prefix": f"{FOLDER}/anime/pic", "images": ["0", 0]}
    assert sent["2"] == graph["2"]
    assert graph["1"]["inputs"]["filename_prefix"] == "anime/pic"


def test_files_get_the_names_that_the_engine_has_for_them() -> None:
    graph = {
        "1": node("LoadImage", image="my.png"),
        "2": node("LoadImage", image="old.png [output]"),
        "3": node("PackLoader", clip="b.mp4", name="my.png"),
        "4": node("LoadImage", image=["9", 0]),
    }
    named = list(naming.file_inputs(graph, CATALOGUE))
    assert named == [("1", "image", "my.png"), ("2", "image", "old.png [output]"), ("3", "clip", "b.mp4")]
    sent = naming.for_engine(graph, FOLDER, {"my.png": "wakebrush/aa.png", "b.mp4": "wakebrush/bb.mp4"}, CATALOGUE)
    assert sent["1"]["inputs"]["image"] == "wakebrush/aa.png"
    assert sent["3"]["inputs"] == {"clip": "wakebrush/bb.mp4", "name": "my.png"}
    assert sent["2"] == graph["2"] and sent["4"] == graph["4"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.PNG", "cc.png"),
        ("a", "cc"),
        ("a.b.webp [output]", "cc.webp"),
        ("a.../x", "cc"),
        ("a.p/ng", "cc"),
        ("a." + "x" * 20, "cc"),
    ],
)
def test_an_upload_keeps_its_extension_and_nothing_else_of_its_name(name: str, expected: str) -> None:
    assert naming.input_name("cc", name) == expected


@pytest.mark.parametrize("prefix", ["../a", "a/../../b", "/a", "\\a", "a\\..\\b", "C:\\a", "~/a", "a\0b"])
def test_results_do_not_leave_their_folder(prefix: str) -> None:
    with pytest.raises(GraphRefused) as refused:
        naming.check_prefixes({"1": node("SaveImage", filename_prefix=prefix)})
    (error,) = refused.value.node_errors["1"]["errors"]
    assert error["extra_info"]["input_name"] == "filename_prefix"


@given(st.text(alphabet="ab./\\~:C\0 %", max_size=12))
def test_a_prefix_that_is_taken_stays_below_the_folder_on_any_disk(prefix: str) -> None:
    graph = {"1": node("SaveImage", filename_prefix=prefix)}
    try:
        naming.check_prefixes(graph)
    except GraphRefused:
        return
    sent = naming.for_engine(graph, FOLDER, {}, None)["1"]["inputs"]["filename_prefix"]
    for separator in ("/", "\\"):
        path = posixpath.normpath(posixpath.join("/out", sent.replace(separator, "/")))
        assert path.startswith(f"/out/{FOLDER}")


@pytest.mark.parametrize(
    ("subfolder", "shown"), [(FOLDER, ""), (f"{FOLDER}/a/b", "a/b"), ("", ""), ("other", "other"), (f"{FOLDER}\\a", "a")]
)
def test_clients_do_not_see_the_folder(subfolder: str, shown: str) -> None:
    assert naming.subfolder_shown(subfolder, FOLDER) == shown


def test_files_are_found_in_whatever_a_node_puts_out() -> None:
    output = {
        "images": [{"filename": "a.png", "subfolder": FOLDER, "type": "output"}, {"source": "http", "id": "x"}],
        "gifs": [{"filename": "b.mp4", "subfolder": "", "type": "temp", "format": "video/h264-mp4"}],
        "text": ["a.png"],
        "animated": (True,),
    }

    def rename(item: dict[str, Any]) -> None:
        item["filename"] = item["filename"].upper()

    shown = naming.map_outputs(output, rename)
    assert [each["filename"] for each in naming.file_references(shown)] == ["A.PNG", "B.MP4"]
    assert output["images"][0]["filename"] == "a.png"  # type: ignore[index]
    assert shown["text"] == ["a.png"] and shown["gifs"][0]["format"] == "video/h264-mp4"
