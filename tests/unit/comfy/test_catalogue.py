from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wake_service.comfy.catalogue import Catalogue

from .test_events import JSON


def test_a_real_engines_nodes_are_all_read(object_info: dict[str, Any]) -> None:
    catalogue = Catalogue.parse(object_info)
    assert all(catalogue.has(name) for name in object_info)
    assert not catalogue.has("UNETLoaderGGUF")


def test_inputs_keep_type_range_and_whether_they_are_needed(object_info: dict[str, Any]) -> None:
    sampler = Catalogue.parse(object_info).node("KSampler")
    assert sampler is not None
    seed = sampler.inputs["seed"]
    assert (seed.type, seed.required, seed.minimum, seed.maximum) == ("INT", True, 0, 2**64 - 1)
    assert sampler.inputs["model"].type == "MODEL"
    assert sampler.outputs == ("LATENT",)
    assert not sampler.is_output


def test_optional_inputs_are_known_and_hidden_ones_left_out(object_info: dict[str, Any]) -> None:
    catalogue = Catalogue.parse(object_info)
    loader, save = catalogue.node("DualCLIPLoader"), catalogue.node("SaveImage")
    assert loader is not None
    assert save is not None
    assert not loader.inputs["device"].required
    assert set(save.inputs) == {"images", "filename_prefix"}
    assert save.is_output


def test_both_ways_of_writing_choices_are_one() -> None:
    catalogue = Catalogue.parse(
        {
            "Old": {"input": {"required": {"x": [["a", "b"], {}]}}},
            "New": {"input": {"required": {"x": ["COMBO", {"options": ["a", "b"]}]}}},
        }
    )
    assert catalogue.choices("Old", "x") == catalogue.choices("New", "x") == ("a", "b")


def test_a_list_that_is_not_told_offers_nothing_and_forbids_nothing() -> None:
    catalogue = Catalogue.parse({"New": {"input": {"required": {"x": ["COMBO", {"remote": {"route": "/x"}}]}}}})
    node = catalogue.node("New")
    assert catalogue.choices("New", "x") == ()
    assert node is not None
    assert node.inputs["x"].choices is None
    assert not node.inputs["x"].checked


def test_models_are_listed_by_folder_without_doubles(catalogue: Catalogue) -> None:
    assert catalogue.models() == {
        "checkpoints": ["practice-sd15.safetensors", "practice-sdxl.safetensors"],
        "loras": ["practice-ink.safetensors", "practice-gouache.safetensors", "practice-night.safetensors"],
        "vae": ["practice-vae.safetensors"],
        "diffusion_models": ["practice-flux.safetensors"],
        "text_encoders": ["practice-clip-l.safetensors", "practice-t5.safetensors"],
        "inpaint": ["practice-fill.safetensors"],
    }


def test_an_engine_without_loaders_has_no_models() -> None:
    assert all(names == [] for names in Catalogue.parse({}).models().values())


@given(st.dictionaries(st.sampled_from(["KSampler", "CheckpointLoaderSimple", "X"]), JSON))
def test_nothing_an_engine_answers_raises(object_info: dict[str, Any]) -> None:
    Catalogue.parse(object_info).models()


@given(
    st.dictionaries(st.sampled_from(["a", "ckpt_name"]), JSON | st.lists(JSON | st.sampled_from(["COMBO", "INT"]), max_size=3)),
    JSON | st.lists(JSON, max_size=3),
)
def test_no_input_an_engine_describes_raises(inputs: dict[str, Any], output: Any) -> None:
    entry = {"input": {"required": inputs, "optional": inputs}, "output": output}
    Catalogue.parse({"CheckpointLoaderSimple": entry}).models()
