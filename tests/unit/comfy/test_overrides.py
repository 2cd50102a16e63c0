from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import orjson
import pytest

from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.graph import build
from wake_service.comfy.overrides import Overrides, fill_models, not_offered, own_style
from wake_service.comfy.request import Lora
from wake_service.comfy.styles import needed_models
from wake_service.comfy.validation import validate

from .samples import FLUX, GOUACHE, SKETCH, request

INK, NIGHT = Lora("practice-ink.safetensors", 0.8), Lora("practice-night.safetensors", 0.5)


def test_a_style_that_nobody_changed_is_as_it_was() -> None:
    assert own_style(GOUACHE, None, ()) == own_style(GOUACHE, Overrides(), ()) == GOUACHE


def test_what_she_changed_is_other_and_the_rest_stays() -> None:
    mine = own_style(
        SKETCH, Overrides(steps=4, cfg=0.0, sampler="euler", prompt_template="ink, {prompt}", negative_prompt=""), ()
    )
    assert mine == replace(SKETCH, steps=4, cfg=0.0, sampler="euler", prompt_template="ink, {prompt}", negative_prompt="")


def test_loras_come_on_top_of_the_styles_and_can_replace_them() -> None:
    assert own_style(GOUACHE, None, (INK,)).loras == (*GOUACHE.loras, INK)
    assert own_style(GOUACHE, Overrides(loras=(NIGHT,)), (INK,)).loras == (NIGHT, INK)
    assert own_style(GOUACHE, Overrides(loras=()), ()).loras == ()


def test_another_checkpoint_brings_its_own_encoders_and_vae_unless_one_is_named(catalogue: Catalogue) -> None:
    flux = own_style(FLUX, Overrides(checkpoint="practice-sdxl.safetensors"), ())
    assert needed_models(flux) == [("checkpoints", "practice-sdxl.safetensors")]
    named = own_style(FLUX, Overrides(checkpoint="practice-sdxl.safetensors", vae="practice-vae.safetensors"), ())
    assert ("vae", "practice-vae.safetensors") in needed_models(named)
    assert validate(build(request(style=flux), catalogue), catalogue) == []


@pytest.mark.parametrize("overrides", [Overrides(), Overrides(checkpoint="a", loras=(INK,)), Overrides(loras=())])
def test_what_is_stored_comes_back(overrides: Overrides) -> None:
    assert Overrides.from_stored(orjson.loads(orjson.dumps(overrides))) == overrides
    assert set(asdict(overrides)) == set(orjson.loads(orjson.dumps(overrides)))


def test_samplers_that_the_engine_lacks_are_named(catalogue: Catalogue) -> None:
    assert not_offered(SKETCH, catalogue) == []
    strange = replace(SKETCH, sampler="dream", scheduler="sometimes")
    assert not_offered(strange, catalogue) == [("sampler", "dream"), ("scheduler", "sometimes")]
    assert not_offered(strange, Catalogue.parse({})) == []


def test_parts_of_other_methods_fill_no_holes(catalogue: Catalogue, object_info: dict[str, Any]) -> None:
    assert fill_models(catalogue) == ["practice-fill.safetensors"]
    assert fill_models(Catalogue.parse(object_info)) == []
    files = ["fooocus_inpaint_head.pth", "inpaint_v26.fooocus.patch", "big-lama.pt"]
    loader = {"input": {"required": {"model_name": [files]}}, "output": ["INPAINT_MODEL"]}
    pack = {"INPAINT_LoadInpaintModel": loader, "INPAINT_InpaintWithModel": {"input": {}, "output": ["IMAGE"]}}
    assert fill_models(Catalogue.parse(pack)) == ["big-lama.pt"]
