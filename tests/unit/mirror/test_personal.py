"""A list of nodes offers an artist her own files, and nobody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wake_service.mirror.personal import Owned, with_files

REAL = json.loads((Path(__file__).parents[2] / "fixtures/comfyui/object_info-0.3.64.json").read_text())
HERS = [
    Owned("input", "a.png", "image/png"),
    Owned("input", "deep/b.png", "image/png"),
    Owned("input", "c.wav", "audio/wav"),
    Owned("input", "d.mp4", "video/mp4"),
    Owned("input", "3d/cup.glb", "model/gltf-binary"),
    Owned("output", "out.png", "image/png"),
]


def node(spec: list[Any]) -> dict[str, Any]:
    return {"N": {"input": {"required": {"x": spec}, "hidden": {"prompt": "PROMPT"}}, "output": []}}


def listed(spec: list[Any]) -> list[Any]:
    shown = with_files(node(spec), HERS)["N"]["input"]["required"]["x"]
    names: list[Any] = shown[0] if isinstance(shown[0], list) else shown[1]["options"]
    return names


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ([["theirs.png"], {"image_upload": True}], ["a.png"]),
        (["COMBO", {"options": ["theirs.png"], "image_upload": True}], ["a.png"]),
        ([["theirs.wav"], {"audio_upload": True}], ["c.wav", "d.mp4"]),
        (["COMBO", {"options": [], "video_upload": True}], ["d.mp4"]),
        ([["3d/theirs.glb"], {"file_upload": True}], ["3d/cup.glb"]),
        (["COMBO", {"options": ["theirs.png [output]"], "image_upload": True, "image_folder": "output"}], ["out.png [output]"]),
        ([["ink.safetensors"], {}], ["ink.safetensors"]),
        ([["ink.safetensors"]], ["ink.safetensors"]),
        ([["wakebrush", "wakebrush/abc.png", "x.latent"]], ["x.latent"]),
        (["COMBO", {"options": ["wakebrush/abc.png", 3, "x"]}], [3, "x"]),
    ],
)
def test_lists_of_uploads_are_hers_and_other_lists_stay(spec: list[Any], names: list[Any]) -> None:
    assert listed(spec) == names


def test_a_default_that_is_somebodys_file_is_none() -> None:
    spec = [["theirs.png"], {"image_upload": True, "default": "theirs.png", "tooltip": "x"}]
    assert with_files(node(spec), HERS)["N"]["input"]["required"]["x"][1] == {"image_upload": True, "tooltip": "x"}


def test_what_is_given_is_not_changed_and_what_is_the_same_is_shared() -> None:
    before = json.dumps(REAL)
    shown = with_files(REAL, HERS)
    assert json.dumps(REAL) == before
    assert shown["KSampler"] is REAL["KSampler"]
    assert shown["LoadImage"]["input"]["required"]["image"][0] == ["a.png"]
    assert "example.png" not in json.dumps(shown)


@pytest.mark.parametrize(
    "odd", [None, [], 3, {"input": None}, {"input": {"required": []}}, {"input": {"required": {"x": None, "y": [], "z": "w"}}}]
)
def test_an_odd_node_of_a_pack_is_shown_as_it_is(odd: Any) -> None:
    assert with_files({"N": odd}, HERS) == {"N": odd}
