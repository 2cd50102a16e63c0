"""Nodes that could reach another artist's files, told from what an engine says of its inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wake_service.comfy.catalogue import Catalogue
from wake_service.workflows.paths import PathInput, forbidden_nodes

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures/comfyui/object_info-0.3.64.json"
REAL = Catalogue.parse(json.loads(FIXTURE.read_text(encoding="utf-8")))


def graph(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"7": {"class_type": class_type, "inputs": inputs}}


def catalogue(**inputs: list[Any]) -> Catalogue:
    return Catalogue.parse({"Pack": {"input": {"required": inputs}, "output": ["IMAGE"]}})


def found(class_type: str, known: Catalogue | None = REAL, **inputs: Any) -> list[str]:
    return [path.input for path in forbidden_nodes(graph(class_type, **inputs), known, ())]


def found_of_comfyuis_own() -> list[tuple[str, str]]:
    told = []
    for name in json.loads(FIXTURE.read_text(encoding="utf-8")):
        node = REAL.node(name)
        assert node is not None
        told += [(name, input) for input in found(name, REAL, **dict.fromkeys(node.inputs, "x"))]
    return sorted(told)


def test_of_comfyuis_own_nodes_exactly_those_are_found_that_read_or_write_beside_the_artists_files() -> None:
    assert found_of_comfyuis_own() == [
        ("GeminiInputFiles", "file"),
        ("LoadImageSetFromFolderNode", "folder"),
        ("LoadImageTextSetFromFolderNode", "folder"),
        ("OpenAIInputFiles", "file"),
        ("SaveLoRANode", "prefix"),
    ]


def test_the_page_on_security_names_them() -> None:
    page = (FIXTURE.parents[3] / "docs/security.md").read_text(encoding="utf-8")
    assert [f"`{name}.{input}`" for name, input in found_of_comfyuis_own() if f"`{name}.{input}`" not in page] == []
    assert f"Of the {len(json.loads(FIXTURE.read_text(encoding='utf-8')))} classes" in page


@pytest.mark.parametrize(
    "name",
    [
        "path",
        "video_path",
        "imagePath",
        "image path 2",
        "directory",
        "save_dir",
        "outputdir",
        "url",
        "image_url",
        "FILE",
        "root_folder",
    ],
)
def test_a_text_that_is_named_like_a_place_is_refused(name: str) -> None:
    assert found("Pack", catalogue(**{name: ["STRING", {}]}), **{name: "/etc"}) == [name]


@pytest.mark.parametrize("name", ["prompt", "filename_prefix", "direction", "profile", "text", "filter", "dirty"])
def test_a_text_that_is_named_like_none_is_let_through(name: str) -> None:
    assert found("Pack", catalogue(**{name: ["STRING", {}]}), **{name: "x"}) == []


def test_a_place_is_no_better_for_coming_from_another_node_or_being_empty() -> None:
    known = catalogue(path=["STRING", {}])
    assert found("Pack", known, path=["3", 0]) == ["path"]
    assert found("Pack", known, path="") == ["path"]


def test_what_is_no_text_is_no_place() -> None:
    assert found("Pack", catalogue(path=["INT", {}], file=["PDF_PAGES", {}]), path=3, file=["2", 0]) == []


def test_uploads_are_fine_as_long_as_their_name_can_be_rewritten() -> None:
    assert found("LoadImage", image="hers.png") == []
    assert found("LoadVideo", file="hers.mp4") == []
    assert found("LoadLatent", latent="hers.latent") == []
    assert found("LoadImage", image=["3", 0]) == ["image"], "a text of another node names any file"
    assert found("LoadLatent", latent=["3", 0]) == ["latent"]
    assert found("LoadImage", image={"__value__": "noors.png"}) == ["image"]
    assert found("ETN_LoadImageCache", id="hers") == [] and found("ETN_LoadImageCache", id=["3", 0]) == ["id"]
    assert found("SaveImage", filename_prefix={"__value__": "../x"}) == ["filename_prefix"]


def test_a_list_of_files_without_uploads_shows_everybodys_files() -> None:
    files = catalogue(picture=[["noors.png", "miras.png"]], audio=[[]], model=[["sd15.safetensors"]], sampler=[[]])
    assert found("Pack", files, picture="noors.png", audio="x.wav", model="sd15.safetensors", sampler="euler") == [
        "picture",
        "audio",
    ]


def test_an_allowed_class_may_have_them_and_no_other() -> None:
    two = graph("OpenAIInputFiles", file="a") | {"8": {"class_type": "GeminiInputFiles", "inputs": {"file": "b"}}}
    assert forbidden_nodes(two, REAL, ["OpenAIInputFiles"]) == [PathInput("8", "GeminiInputFiles", "file")]


def test_a_class_that_nobody_knows_is_judged_by_its_inputs_names() -> None:
    assert found("LoadAnything", image_path="/etc/x.png", strength=1.0) == ["image_path"]
    assert found("LoadAnything", None, image_path="/etc/x.png", image="x.png") == ["image_path"]
    assert found("LoadVideo", None, file="hers.mp4") == [], "an upload of ComfyUI's own"


def test_what_the_graph_leaves_out_is_not_held_against_it() -> None:
    assert found("Pack", catalogue(path=["STRING", {}], text=["STRING", {}]), text="x") == []


@pytest.mark.parametrize(
    "wrong", [{"1": 5}, {"1": {}}, {"1": {"class_type": 3}}, {"1": {"class_type": "LoadLatent", "inputs": [1]}}]
)
def test_what_is_no_node_is_left_to_others(wrong: dict[str, Any]) -> None:
    assert forbidden_nodes(wrong, REAL, ()) == []
