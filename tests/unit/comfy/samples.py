"""Requests for tests: one sample, and every request that can be made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from wake_service.comfy.request import Base, Lora, Mode, PictureRequest, Style
from wake_service.comfy.styles import PRACTICE_STYLES

STYLES = {style.name: style for style in PRACTICE_STYLES}
SKETCH, GOUACHE, FLUX = STYLES["practice-sketch"], STYLES["practice-gouache"], STYLES["practice-flux"]


def request(mode: Mode = Mode.TEXT_TO_IMAGE, style: Style = SKETCH, **changes: Any) -> PictureRequest:
    """A lighthouse, 512 × 384."""
    image = None if mode is Mode.TEXT_TO_IMAGE else "wakebrush/image.png"
    mask = "wakebrush/mask.png" if mode is Mode.INPAINT else None
    return replace(PictureRequest(mode, style, "a lighthouse", "fog", 512, 384, 42, image=image, mask=mask), **changes)


def _styled(base: Base, **settings: Any) -> Style:
    template = next(style for style in PRACTICE_STYLES if style.base is base)
    return replace(template, **settings)


SIDES = st.integers(8, 1024).map(lambda eighths: eighths * 8)
LORAS = st.lists(
    st.builds(Lora, st.sampled_from(["practice-ink.safetensors", "practice-gouache.safetensors"]), st.floats(-10, 10)), max_size=3
).map(tuple)

ALL_STYLES = st.builds(
    _styled,
    st.sampled_from(Base),
    loras=LORAS,
    steps=st.integers(1, 1000),
    cfg=st.floats(0, 100),
    guidance=st.floats(0, 100),
    prompt_template=st.sampled_from(["{prompt}", "ink drawing of {prompt}, paper", "gouache", ""]),
    negative_prompt=st.sampled_from(["", "blurry"]),
) | st.sampled_from(PRACTICE_STYLES)

ALL_REQUESTS = st.builds(
    request,
    st.sampled_from(Mode),
    ALL_STYLES,
    prompt=st.text(max_size=40),
    negative_prompt=st.text(max_size=20),
    width=SIDES,
    height=SIDES,
    seed=st.integers(0, 2**64 - 1),
    strength=st.floats(0, 1, exclude_min=True),
    first_pass=st.none() | st.tuples(SIDES, SIDES),
    fill_model=st.none() | st.just("practice-fill.safetensors"),
    frugal=st.booleans(),
)
