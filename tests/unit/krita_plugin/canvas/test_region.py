"""The region planner, for every selection, canvas and model there may be."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wakebrush.canvas.region import (
    LARGEST_SIDE,
    SMALLEST_SIDE,
    ModelSize,
    Rect,
    RegionSettings,
    fitting_feather,
    plan,
)

canvases = st.tuples(st.integers(1, 12_000), st.integers(1, 12_000))
settings = st.builds(RegionSettings, grow=st.integers(0, 200), feather=st.integers(0, 200), padding=st.integers(0, 500))
models = st.builds(
    ModelSize,
    width=st.sampled_from([512, 768, 1024]),
    height=st.sampled_from([512, 768, 1024]),
    multiple=st.sampled_from([8, 16, 64]),
    max_pixels=st.sampled_from([None, 300 * 300, 512 * 512, 4096 * 4096]),
)
selections = st.none() | st.builds(
    Rect, x=st.integers(-500, 12_500), y=st.integers(-500, 12_500), width=st.integers(0, 12_000), height=st.integers(0, 12_000)
)
STABLE_DIFFUSION = ModelSize(512, 512)


def whole(canvas: tuple[int, int]) -> Rect:
    return Rect(0, 0, *canvas)


@given(selections, canvases, settings, models)
def test_a_region_never_leaves_the_canvas_and_is_never_empty(selection, canvas, settings, model):
    area = plan(selection, canvas, settings, model).area
    assert whole(canvas).contains(area)
    assert area.width > 0 and area.height > 0


@given(selections, canvases, settings, models)
def test_a_region_contains_the_grown_selection_as_far_as_the_canvas_goes(selection, canvas, settings, model):
    planned = plan(selection, canvas, settings, model)
    if planned.selected:
        assert planned.area.contains(selection.grown(settings.grow).clipped(whole(canvas)))
    else:
        assert planned.area == whole(canvas)


@given(selections, canvases, settings, models)
def test_the_soft_edge_lies_inside_the_region_or_at_the_border_of_the_canvas(selection, canvas, settings, model):
    planned = plan(selection, canvas, settings, model)
    if planned.selected:
        soft = selection.grown(planned.grow).clipped(whole(canvas)).grown(planned.feather)
        assert planned.area.contains(soft.clipped(whole(canvas)))


@given(selections, canvases, settings, models)
def test_sizes_are_multiples_that_the_service_takes(selection, canvas, settings, model):
    planned = plan(selection, canvas, settings, model)
    for side in (planned.width, planned.height):
        assert side % model.multiple == 0
        assert SMALLEST_SIDE <= side <= LARGEST_SIDE


@given(selections, canvases, settings, models)
def test_the_shape_is_kept_within_rounding(selection, canvas, settings, model):
    planned = plan(selection, canvas, settings, model)
    area = planned.area
    sides = sorted((area.width, area.height))
    assume(sides[1] * SMALLEST_SIDE <= sides[0] * LARGEST_SIDE)  # otherwise more extreme than the service's sizes allow
    stretched = (planned.width / area.width) / (planned.height / area.height)
    rounding = (1 + model.multiple / min(planned.width, planned.height)) ** 2
    assert 1 / rounding <= stretched <= rounding


@given(selections, canvases, settings, models)
def test_a_model_is_never_asked_for_more_than_it_can_do(selection, canvas, settings, model):
    planned = plan(selection, canvas, settings, model)
    assume(min(planned.width, planned.height) > math.ceil(SMALLEST_SIDE / model.multiple) * model.multiple)
    assert planned.width * planned.height <= model.most_pixels


def test_a_region_of_the_models_own_steps_needs_no_scaling():
    planned = plan(Rect(300, 300, 301, 277), (2000, 1500), RegionSettings(), ModelSize(384, 384))
    assert (planned.width, planned.height) == (planned.area.width, planned.area.height)


def test_without_a_selection_the_region_is_the_whole_canvas():
    planned = plan(None, (1020, 760), RegionSettings(), STABLE_DIFFUSION)
    assert planned.area == Rect(0, 0, 1020, 760)
    assert not planned.selected


def test_a_selection_outside_the_canvas_counts_as_none():
    assert not plan(Rect(-100, -100, 50, 50), (512, 512), RegionSettings(), STABLE_DIFFUSION).selected


def test_a_small_region_is_asked_for_in_the_trained_size():
    planned = plan(Rect(500, 500, 16, 16), (2000, 2000), RegionSettings(), STABLE_DIFFUSION)
    assert (planned.width, planned.height) == (512, 512)


def test_a_large_canvas_is_asked_for_in_a_size_the_model_can_do():
    planned = plan(None, (4096, 4096), RegionSettings(), STABLE_DIFFUSION)
    assert (planned.width, planned.height) == (720, 720)


def test_a_small_selection_keeps_a_solid_middle():
    assert fitting_feather(16, Rect(0, 0, 20, 200)) == 5
    assert fitting_feather(16, Rect(0, 0, 200, 200)) == 16


def test_a_canvas_without_pixels_is_refused():
    with pytest.raises(ValueError, match="no region"):
        plan(None, (0, 100), RegionSettings(), STABLE_DIFFUSION)
