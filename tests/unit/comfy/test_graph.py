from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.graph import build
from wake_service.comfy.request import Base, Lora, Mode
from wake_service.comfy.validation import validate
from wake_service.comfy.workflow import Workflow
from wake_service.errors import SetupError

from .samples import ALL_REQUESTS, FLUX, GOUACHE, SKETCH, request


def nodes_of(workflow: Workflow, class_type: str) -> list[dict[str, Any]]:
    """The inputs of each node of one class."""
    return [node["inputs"] for node in workflow.nodes.values() if node["class_type"] == class_type]


def only(workflow: Workflow, class_type: str) -> dict[str, Any]:
    (inputs,) = nodes_of(workflow, class_type)
    return inputs


def source(workflow: Workflow, link: list[Any]) -> str:
    """The class of the node a link comes from."""
    return workflow.nodes[link[0]]["class_type"]


@given(ALL_REQUESTS, st.booleans())
def test_every_graph_is_one_that_a_real_engine_takes(catalogue: Catalogue, asked: Any, knows_engine: bool) -> None:
    workflow = build(asked, catalogue if knows_engine else None)
    assert validate(workflow, catalogue) == []


@given(ALL_REQUESTS)
def test_the_saved_picture_has_the_asked_size(asked: Any) -> None:
    workflow = build(asked)
    saved = workflow.nodes[only(workflow, "SaveImage")["images"][0]]
    if saved["class_type"] == "ImageScale":
        assert (saved["inputs"]["width"], saved["inputs"]["height"]) == (asked.width, asked.height)
    else:
        grain = 16 if asked.style.base is Base.FLUX else 8
        assert saved["class_type"] == ("VAEDecodeTiled" if asked.frugal else "VAEDecode")
        assert asked.width % grain == asked.height % grain == 0


@given(ALL_REQUESTS)
def test_equal_requests_make_equal_graphs(asked: Any) -> None:
    assert build(asked) == build(replace(asked))


@given(ALL_REQUESTS)
def test_every_node_feeds_the_picture(asked: Any) -> None:
    workflow = build(asked)
    reached, waiting = set(), [workflow.output_node]
    while waiting:
        node = waiting.pop()
        reached.add(node)
        waiting.extend(value[0] for value in workflow.nodes[node]["inputs"].values() if isinstance(value, list))
    assert reached == set(workflow.nodes)


def test_a_picture_from_text_starts_from_nothing() -> None:
    workflow = build(request(seed=2**64 - 1))
    assert only(workflow, "EmptyLatentImage") == {"width": 512, "height": 384, "batch_size": 1}
    sampler = only(workflow, "KSampler")
    assert (sampler["seed"], sampler["denoise"], sampler["steps"]) == (2**64 - 1, 1.0, SKETCH.steps)


def test_strength_has_no_meaning_without_an_image() -> None:
    assert only(build(request(strength=0.3)), "KSampler")["denoise"] == 1.0


def test_an_image_is_scaled_and_changed_by_strength() -> None:
    workflow = build(request(Mode.IMAGE_TO_IMAGE, strength=0.4, width=640, height=320))
    sampler = only(workflow, "KSampler")
    assert sampler["denoise"] == 0.4
    assert source(workflow, sampler["latent_image"]) == "VAEEncode"
    scale = only(workflow, "ImageScale")
    assert (scale["width"], scale["height"]) == (640, 320)
    assert source(workflow, scale["image"]) == "LoadImage"
    assert only(workflow, "LoadImage")["image"] == "wakebrush/image.png"


def test_inpainting_a_little_keeps_the_latent_under_a_noise_mask() -> None:
    workflow = build(request(Mode.INPAINT, strength=0.5))
    sampler = only(workflow, "KSampler")
    assert sampler["denoise"] == 0.5
    assert source(workflow, sampler["latent_image"]) == "SetLatentNoiseMask"
    assert source(workflow, only(workflow, "SetLatentNoiseMask")["samples"]) == "VAEEncode"


def test_filling_conditions_on_the_picture_around_the_hole() -> None:
    workflow = build(request(Mode.INPAINT))
    sampler = only(workflow, "KSampler")
    fill = only(workflow, "InpaintModelConditioning")
    assert {source(workflow, sampler[name]) for name in ("positive", "negative", "latent_image")} == {"InpaintModelConditioning"}
    assert [sampler[name][1] for name in ("positive", "negative", "latent_image")] == [0, 1, 2]
    assert fill["noise_mask"] is True


def test_the_mask_is_read_from_red_and_scaled_with_the_image() -> None:
    workflow = build(request(Mode.INPAINT, width=640, height=320))
    assert only(workflow, "LoadImageMask") == {"image": "wakebrush/mask.png", "channel": "red"}
    scales = nodes_of(workflow, "ImageScale")
    assert [(scale["width"], scale["height"]) for scale in scales] == [(640, 320), (640, 320)]
    assert source(workflow, only(workflow, "ImageToMask")["image"]) == "ImageScale"


def test_soft_masks_are_honoured_where_the_engine_can(catalogue: Catalogue) -> None:
    workflow = build(request(Mode.INPAINT), catalogue)
    assert source(workflow, only(workflow, "KSampler")["model"]) == "DifferentialDiffusion"
    assert nodes_of(build(request(Mode.INPAINT)), "DifferentialDiffusion") == []


def test_an_engine_without_inpaint_conditioning_still_fills() -> None:
    workflow = build(request(Mode.INPAINT), Catalogue.parse({}))
    assert source(workflow, only(workflow, "KSampler")["latent_image"]) == "SetLatentNoiseMask"


@given(ALL_REQUESTS)
def test_a_frugal_picture_has_the_same_sampler_and_never_holds_the_whole_picture_in_the_vae(asked: Any) -> None:
    plain, frugal = build(replace(asked, frugal=False)), build(replace(asked, frugal=True))
    settings = ("seed", "steps", "cfg", "sampler_name", "scheduler", "denoise")
    samplers = [
        [[sampler[name] for name in settings] for sampler in nodes_of(workflow, "KSampler")] for workflow in (plain, frugal)
    ]
    assert samplers[0] == samplers[1]
    classes = {node["class_type"] for node in frugal.nodes.values()}
    assert "VAEDecodeTiled" in classes
    assert not classes & {"VAEDecode", "VAEEncode", "InpaintModelConditioning"}


def test_a_frugal_flux_holds_small_weights_where_the_engine_offers_them(catalogue: Catalogue) -> None:
    asked = request(style=FLUX, frugal=True)
    assert only(build(asked, catalogue), "UNETLoader")["weight_dtype"] == "fp8_e4m3fn"
    assert only(build(asked, Catalogue.parse({})), "UNETLoader")["weight_dtype"] == "default"
    assert only(build(request(style=FLUX), catalogue), "UNETLoader")["weight_dtype"] == "default"


def test_an_engine_without_tiles_is_given_what_it_has() -> None:
    workflow = build(request(Mode.IMAGE_TO_IMAGE, frugal=True), Catalogue.parse({}))
    assert len(nodes_of(workflow, "VAEDecode")) == len(nodes_of(workflow, "VAEEncode")) == 1


def test_a_picture_above_the_models_size_is_painted_small_enlarged_and_sampled_again() -> None:
    workflow = build(request(width=1024, height=768, first_pass=(512, 384)))
    first, second = nodes_of(workflow, "KSampler")
    assert only(workflow, "EmptyLatentImage") == {"width": 512, "height": 384, "batch_size": 1}
    assert (first["denoise"], second["denoise"]) == (1.0, 0.4)
    assert second["steps"] == math.ceil(SKETCH.steps * 0.4) < first["steps"]
    assert first["seed"] == second["seed"]
    enlarged = only(workflow, "ImageScale")
    assert (enlarged["width"], enlarged["height"]) == (1024, 768)
    assert source(workflow, enlarged["image"]) == "VAEDecode"
    assert source(workflow, second["latent_image"]) == "VAEEncode"
    assert workflow.nodes[only(workflow, "SaveImage")["images"][0]]["inputs"]["samples"][0] == str(
        next(id for id, node in workflow.nodes.items() if node["inputs"] is second)
    )


def test_a_second_pass_changes_no_more_than_she_asked_for() -> None:
    workflow = build(request(Mode.IMAGE_TO_IMAGE, strength=0.2, width=1024, height=768, first_pass=(512, 384)))
    assert [sampler["denoise"] for sampler in nodes_of(workflow, "KSampler")] == [0.2, 0.2]


@pytest.mark.parametrize("frugal", [False, True])
def test_a_second_pass_fits_the_new_part_to_what_she_sent_at_full_size(catalogue: Catalogue, frugal: bool) -> None:
    asked = request(Mode.INPAINT, width=1024, height=768, first_pass=(512, 384), frugal=frugal)
    workflow = build(asked, catalogue)
    composite = only(workflow, "ImageCompositeMasked")
    kept = workflow.nodes[composite["destination"][0]]["inputs"]
    assert (kept["width"], kept["height"]) == (1024, 768) and source(workflow, kept["image"]) == "LoadImage"
    scaled = [(scale["width"], scale["height"]) for scale in nodes_of(workflow, "ImageScale")]
    assert scaled.count((512, 384)) == 2 and scaled.count((1024, 768)) == 3
    second = nodes_of(workflow, "KSampler")[1]
    assert source(workflow, second["latent_image"]) == "SetLatentNoiseMask"
    assert workflow.nodes[second["latent_image"][0]]["inputs"]["mask"] == composite["mask"]
    assert source(workflow, second["model"]) == "DifferentialDiffusion" and only(workflow, "DifferentialDiffusion")


def test_a_first_pass_of_the_pictures_own_size_is_the_only_one() -> None:
    assert build(request(first_pass=(512, 384))) == build(request())


def test_an_engine_that_cannot_composite_still_makes_two_passes() -> None:
    asked = request(Mode.INPAINT, width=1024, height=768, first_pass=(512, 384))
    workflow = build(asked, Catalogue.parse({}))
    assert len(nodes_of(workflow, "KSampler")) == 2 and not nodes_of(workflow, "ImageCompositeMasked")


def test_a_hole_is_filled_by_the_inpaint_model_before_anything_is_sampled(catalogue: Catalogue) -> None:
    asked = request(Mode.INPAINT, fill_model="practice-fill.safetensors")
    workflow = build(asked, catalogue)
    fill = only(workflow, "INPAINT_InpaintWithModel")
    assert (source(workflow, fill["image"]), source(workflow, fill["mask"])) == ("LoadImage", "LoadImageMask")
    assert only(workflow, "INPAINT_LoadInpaintModel") == {"model_name": "practice-fill.safetensors"}
    pixels = only(workflow, "InpaintModelConditioning")["pixels"]
    assert source(workflow, workflow.nodes[pixels[0]]["inputs"]["image"]) == "INPAINT_InpaintWithModel"


@pytest.mark.parametrize("knows", [None, Catalogue.parse({})])
def test_an_engine_that_is_not_known_to_have_an_inpaint_model_goes_without(knows: Catalogue | None) -> None:
    asked = request(Mode.INPAINT, fill_model="practice-fill.safetensors")
    assert build(asked, knows) == build(replace(asked, fill_model=None), knows)


def test_loras_are_chained_in_order_for_model_and_text() -> None:
    style = replace(SKETCH, loras=(Lora("first", 0.5), Lora("second", -1.0)))
    workflow = build(request(style=style))
    first, second = nodes_of(workflow, "LoraLoader")
    assert (first["lora_name"], first["strength_model"], first["strength_clip"]) == ("first", 0.5, 0.5)
    assert source(workflow, first["model"]) == "CheckpointLoaderSimple"
    assert workflow.nodes[second["model"][0]]["inputs"] is first
    assert second["clip"] == [second["model"][0], 1]
    assert source(workflow, only(workflow, "KSampler")["model"]) == "LoraLoader"
    assert {encode["clip"][1] for encode in nodes_of(workflow, "CLIPTextEncode")} == {1}


def test_a_vae_of_its_own_replaces_the_checkpoints() -> None:
    workflow = build(request(style=replace(SKETCH, vae="better.safetensors")))
    assert source(workflow, only(workflow, "VAEDecode")["vae"]) == "VAELoader"


def test_flux_loads_its_files_apart_and_is_steered_by_guidance_alone() -> None:
    workflow = build(request(style=replace(FLUX, cfg=7.0, guidance=2.5)))
    sampler = only(workflow, "KSampler")
    assert sampler["cfg"] == 1.0
    assert only(workflow, "FluxGuidance")["guidance"] == 2.5
    assert only(workflow, "UNETLoader")["unet_name"] == "practice-flux.safetensors"
    assert only(workflow, "DualCLIPLoader")["type"] == "flux"
    assert source(workflow, sampler["latent_image"]) == "EmptySD3LatentImage"
    assert len(nodes_of(workflow, "CLIPTextEncode")) == 1


def test_flux_from_one_file_needs_no_other() -> None:
    style = replace(FLUX, checkpoint="flux1-dev-fp8.safetensors", unet=None, text_encoders=(), vae=None)
    workflow = build(request(style=style))
    assert only(workflow, "CheckpointLoaderSimple")["ckpt_name"] == "flux1-dev-fp8.safetensors"
    assert only(workflow, "KSampler")["cfg"] == 1.0


def test_flux_paints_in_steps_of_16_and_gives_back_the_asked_size() -> None:
    workflow = build(request(Mode.INPAINT, FLUX, width=520, height=512))
    assert [(scale["width"], scale["height"]) for scale in nodes_of(workflow, "ImageScale")] == [
        (528, 512),
        (528, 512),
        (520, 512),
    ]


@pytest.mark.parametrize(
    ("template", "prompt", "text"),
    [
        ("{prompt}", "a boat", "a boat"),
        ("ink drawing of {prompt}, paper", "a boat", "ink drawing of a boat, paper"),
        ("gouache", "a boat", "a boat, gouache"),
        ("{prompt}, gouache", "", "gouache"),
        ("", "a {curly} boat", "a {curly} boat"),
        ("{prompt}", "{prompt}", "{prompt}"),
    ],
)
def test_the_prompt_is_set_into_the_styles_template(template: str, prompt: str, text: str) -> None:
    workflow = build(request(style=replace(SKETCH, prompt_template=template), prompt=prompt))
    positive = workflow.nodes[only(workflow, "KSampler")["positive"][0]]
    assert positive["inputs"]["text"] == text


def test_the_artists_negative_prompt_comes_before_the_styles() -> None:
    workflow = build(request(style=replace(SKETCH, negative_prompt="blurry"), negative_prompt="fog, "))
    negative = workflow.nodes[only(workflow, "KSampler")["negative"][0]]
    assert negative["inputs"]["text"] == "fog, blurry"


def test_the_result_is_saved_on_the_engines_disk_under_the_asked_prefix() -> None:
    workflow = build(request(style=GOUACHE, filename_prefix="wakebrush/job-1"))
    assert workflow.class_of(workflow.output_node) == "SaveImage"
    assert workflow.nodes[workflow.output_node]["inputs"]["filename_prefix"] == "wakebrush/job-1"


@pytest.mark.parametrize(
    ("style", "word"),
    [
        (replace(SKETCH, checkpoint=None), "checkpoint"),
        (replace(FLUX, unet=None), "unet"),
        (replace(FLUX, vae=None), "vae"),
        (replace(FLUX, text_encoders=("one",)), "two text encoders"),
    ],
)
def test_a_style_without_its_files_is_named(style: Any, word: str) -> None:
    with pytest.raises(SetupError, match=f"{style.name}.*{word}"):
        build(request(style=style))


@pytest.mark.parametrize(("mode", "missing"), [(Mode.IMAGE_TO_IMAGE, "image"), (Mode.INPAINT, "image"), (Mode.INPAINT, "mask")])
def test_a_mode_without_its_picture_is_a_mistake_of_the_caller(mode: Mode, missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        build(request(mode, **{missing: None}))
