from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.graph import build
from wake_service.comfy.request import Base, Lora, Style
from wake_service.comfy.styles import PRACTICE_STYLES, default_styles, guessed_base, load_styles, missing_models
from wake_service.comfy.validation import validate
from wake_service.errors import SetupError

from .samples import FLUX, GOUACHE, SKETCH, request


def written(folder: Path, text: str) -> Path:
    path = folder / "styles.toml"
    path.write_text(text, encoding="utf-8")
    return path


def engine_with(*checkpoints: str) -> Catalogue:
    return Catalogue.parse({"CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [list(checkpoints), {}]}}}})


@pytest.mark.parametrize("style", PRACTICE_STYLES, ids=lambda style: style.name)
def test_every_practice_style_makes_a_graph_an_engine_with_its_files_takes(style: Style, catalogue: Catalogue) -> None:
    assert missing_models(style, catalogue) == []
    assert validate(build(request(style=style)), catalogue) == []


def test_practice_styles_say_that_they_are_no_ai() -> None:
    assert all("No AI" in style.description and style.name.startswith("practice-") for style in PRACTICE_STYLES)


def test_a_style_file_gives_its_styles_in_order(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [[style]]
        name = "ink"
        title = "Ink"
        base = "sdxl"
        checkpoint = "house.safetensors"
        loras = [{ name = "ink.safetensors", strength = 0.8 }, { name = "paper.safetensors" }]
        prompt_template = "ink drawing of {prompt}"
        steps = 30

        [[style]]
        name = "fast"
        base = "flux"
        unet = "flux.safetensors"
        text_encoders = ["clip_l.safetensors", "t5.safetensors"]
        vae = "ae.safetensors"
        """,
    )
    ink, fast = load_styles(path)
    assert (ink.title, ink.base, ink.steps, ink.width) == ("Ink", Base.SDXL, 30, 1024)
    assert ink.loras == (Lora("ink.safetensors", 0.8), Lora("paper.safetensors", 1.0))
    assert (fast.title, fast.cfg, fast.scheduler) == ("fast", 1.0, "simple")
    assert fast.text_encoders == ("clip_l.safetensors", "t5.safetensors")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("style = ", "cannot be read"),
        ("", "style: Field required"),
        ("style = []", "style: .*at least 1"),
        ("style = [7]", "style 1: "),
        ('[[style]]\nname = "ink"\nbase = "sd15"', "style “ink”: .*needs a checkpoint"),
        ('[[style]]\nname = "ink"\nbase = "sd3"\ncheckpoint = "a"', "style “ink”, base: "),
        ('[[style]]\nbase = "sd15"\ncheckpoint = "a"', "style 1, name: Field required"),
        ('[[style]]\nname = "ink"\nbase = "flux"\nunet = "a"', "style “ink”: .*two text_encoders and vae"),
        ('[[style]]\nname = "ink"\nbase = "sd15"\ncheckpoint = "a"\nsteps = 0', "style “ink”, steps: "),
        ('[[style]]\nname = "ink"\nbase = "sd15"\ncheckpoint = "a"\nwidth = 513', "style “ink”, width: "),
        ('[[style]]\nname = "ink"\nbase = "sd15"\ncheckpoint = "a"\nsampeler = "euler"', "style “ink”, sampeler: Extra"),
        ('[[style]]\nname = "ink"\nbase = "sd15"\ncheckpoint = "a"\nloras = [{ strength = 1 }]', "style “ink”, loras.0.name: "),
        ('[[style]]\nname = "ink"\nbase = "sd15"\ncheckpoint = "a"\n' * 2, "ink is there more than once"),
    ],
)
def test_a_flawed_style_file_says_which_style_and_what(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint) as raised:
        load_styles(written(tmp_path, text))
    assert "styles.toml" in str(raised.value)


def test_a_missing_style_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"nowhere\.toml cannot be read"):
        load_styles(tmp_path / "nowhere.toml")


def test_missing_models_are_named_whatever_their_kind() -> None:
    nothing = Catalogue.parse({})
    assert missing_models(GOUACHE, nothing) == ["practice-sd15.safetensors", "practice-gouache.safetensors"]
    assert missing_models(FLUX, nothing) == [
        "practice-vae.safetensors",
        "practice-flux.safetensors",
        "practice-clip-l.safetensors",
        "practice-t5.safetensors",
    ]


def test_a_model_in_another_folder_does_not_count(catalogue: Catalogue) -> None:
    style = replace(SKETCH, vae="practice-sd15.safetensors")
    assert missing_models(style, catalogue) == ["practice-sd15.safetensors"]


def test_an_engine_without_written_styles_offers_one_for_each_checkpoint() -> None:
    styles = default_styles(engine_with("dreams_v8.safetensors", "xl\\House XL.safetensors", "flux1-dev-fp8.safetensors"))
    assert [(style.name, style.title, style.base, style.width) for style in styles] == [
        ("dreams-v8", "dreams_v8", Base.SD15, 512),
        ("house-xl", "House XL", Base.SDXL, 1024),
        ("flux1-dev-fp8", "flux1-dev-fp8", Base.FLUX, 1024),
    ]
    assert styles[1].checkpoint == "xl\\House XL.safetensors"


def test_checkpoints_whose_names_differ_only_in_signs_get_styles_of_their_own() -> None:
    names = [style.name for style in default_styles(engine_with("a_b.safetensors", "a-b.safetensors", "x/A B.ckpt", "ü.ckpt"))]
    assert names == ["a-b", "a-b-2", "a-b-3", "style"]


def test_default_styles_make_graphs_the_engine_takes(object_info: dict[str, Any]) -> None:
    recorded = Catalogue.parse(object_info)
    styles = default_styles(recorded)
    assert [style.base for style in styles] == [Base.SD15, Base.SD15]
    assert all(validate(build(request(style=style)), recorded) == [] for style in styles)


@pytest.mark.parametrize(
    ("name", "base"),
    [("v1-5-pruned-emaonly", Base.SD15), ("sd_xl_base_1.0", Base.SDXL), ("ponyXL_v6", Base.SDXL), ("FLUX1-schnell", Base.FLUX)],
)
def test_the_base_is_guessed_from_the_files_name(name: str, base: Base) -> None:
    assert guessed_base(name) is base
