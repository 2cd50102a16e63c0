"""The plan of one press, for every scene, setting and model there may be."""

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wakebrush.canvas.plan import (
    Context,
    Fill,
    Mask,
    ModelSize,
    NothingToPaint,
    PlanSettings,
    Rect,
    Scene,
    Task,
    fitting_feather,
    plan,
)
from wakebrush.canvas.sizes import COMPOSED_STRENGTH, LARGEST_SIDE, OVERSHOOT, SMALLEST_SIDE, most_pixels

canvases = st.tuples(st.integers(1, 12_000), st.integers(1, 12_000))
boxes = st.builds(
    Rect, x=st.integers(-500, 12_500), y=st.integers(-500, 12_500), width=st.integers(0, 12_000), height=st.integers(0, 12_000)
)
margins = st.just((0, 0, 0, 0)) | st.tuples(*[st.sampled_from([0, 0, 1, 64, 500, 3000])] * 4)
settings = st.builds(
    PlanSettings,
    task=st.sampled_from(Task),
    context=st.sampled_from(Context),
    fill=st.sampled_from(Fill),
    strength=st.floats(0.01, 1.0),
    feather=st.floats(0, 50),
    feather_least=st.integers(0, 100),
    grow=st.floats(0, 50),
    padding=st.floats(0, 200),
    least_size=st.sampled_from([0, 64, 512, 1024]),
    multiplier=st.sampled_from([0.25, 0.5, 1.0, 1.5, 4.0]),
    megapixels=st.sampled_from([None, 0.3, 1.0, 6.0]),
    margins=margins,
    mask_from_layer=st.booleans(),
    keep_transparency=st.booleans(),
    match_colours=st.booleans(),
    split_islands=st.booleans(),
)
models = st.builds(
    ModelSize,
    width=st.sampled_from([512, 768, 1024]),
    height=st.sampled_from([512, 768, 1024]),
    multiple=st.sampled_from([8, 16, 64]),
    max_pixels=st.sampled_from([None, 300 * 300, 512 * 512, 4096 * 4096]),
)


@st.composite
def scenes(draw):
    islands = draw(st.lists(boxes, min_size=0, max_size=10))
    islands = [island for island in islands if not island.is_empty]
    selection = None
    for island in islands:
        selection = island if selection is None else selection.united(island)
    optional = st.none() | boxes.filter(lambda box: not box.is_empty)
    canvas = draw(canvases)
    inside = optional.map(lambda box: None if box is None or not box.meets(Rect(0, 0, *canvas)) else box)
    return Scene(canvas, selection, tuple(islands), draw(optional), draw(inside), draw(inside), draw(st.booleans()))


def planned(scene, chosen, model):
    try:
        return plan(scene, chosen, model)
    except NothingToPaint as sentence:
        assert str(sentence).endswith(".")
        assume(False)
        raise


STABLE_DIFFUSION = ModelSize(512, 512)
CANVAS = (2000, 1500)


def selected(*boxes: Rect, canvas: tuple[int, int] = CANVAS) -> Scene:
    around = boxes[0]
    for box in boxes[1:]:
        around = around.united(box)
    return Scene(canvas, around, boxes)


@given(scenes(), settings, models)
def test_a_region_never_leaves_the_canvas_that_will_be_and_is_never_empty(scene, chosen, model):
    made = planned(scene, chosen, model)
    assert made.regions
    for region in made.regions:
        assert made.canvas.contains(region.area)
        assert region.area.width > 0 and region.area.height > 0


@given(scenes(), settings, models)
def test_only_expand_makes_the_canvas_larger_and_nothing_makes_it_smaller(scene, chosen, model):
    made = planned(scene, chosen, model)
    assert made.now == scene.whole
    assert made.canvas.contains(made.now)
    if chosen.task is not Task.EXPAND or not any(chosen.margins):
        assert made.canvas == made.now


@given(scenes(), settings, models)
def test_everything_that_is_selected_is_painted(scene, chosen, model):
    made = planned(scene, chosen, model)
    painted = [region.target for region in made.regions if region.target is not None]
    if any(region.mask is Mask.SELECTION for region in made.regions):
        for island in scene.islands:
            inside = island.clipped(scene.whole)
            assert inside.is_empty or any(target.contains(inside) for target in painted)


@given(scenes(), settings, models)
def test_the_soft_edge_lies_inside_its_region_or_at_the_border_of_the_canvas(scene, chosen, model):
    made = planned(scene, chosen, model)
    for region in made.regions:
        if region.selected:
            assert region.area.contains(region.target.grown(region.feather).clipped(made.canvas))


@given(scenes(), settings, models)
def test_no_pixel_of_a_selection_is_painted_by_two_pictures(scene, chosen, model):
    made = planned(scene, chosen, model)
    if made.regions[0].mask is Mask.SELECTION:
        soft = [region.target.grown(region.feather) for region in made.regions]
        assert not any(a.meets(b) for number, a in enumerate(soft) for b in soft[:number])


@given(scenes(), settings, models)
def test_sizes_are_multiples_that_the_service_takes(scene, chosen, model):
    for region in planned(scene, chosen, model).regions:
        for size in filter(None, ((region.width, region.height), region.first_pass)):
            for side in size:
                assert side % model.multiple == 0
                assert SMALLEST_SIDE <= side <= LARGEST_SIDE


@given(scenes(), settings, models)
def test_the_shape_is_kept_within_rounding(scene, chosen, model):
    for region in planned(scene, chosen, model).regions:
        area = region.area
        sides = sorted((area.width, area.height))
        if sides[1] * SMALLEST_SIDE > sides[0] * LARGEST_SIDE:
            continue  # more extreme than the service's sizes allow
        for width, height in filter(None, ((region.width, region.height), region.first_pass)):
            stretched = (width / area.width) / (height / area.height)
            rounding = (1 + model.multiple / min(width, height)) ** 2
            assert 1 / rounding <= stretched <= rounding


@given(scenes(), settings, models)
def test_a_model_is_never_asked_for_more_than_the_limits(scene, chosen, model):
    for region in planned(scene, chosen, model).regions:
        if min(region.width, region.height) > math.ceil(SMALLEST_SIDE / model.multiple) * model.multiple:
            assert region.width * region.height <= most_pixels(model, chosen.megapixels)


@given(scenes(), settings, models)
def test_what_a_model_would_repeat_itself_in_is_painted_in_two_passes(scene, chosen, model):
    made = planned(scene, chosen, model)
    for region in made.regions:
        large = region.width * region.height > OVERSHOOT * model.trained_pixels
        if region.first_pass is not None:
            assert large and made.strength >= COMPOSED_STRENGTH
            assert region.first_pass[0] < region.width and region.first_pass[1] < region.height
        elif large and made.strength >= COMPOSED_STRENGTH:
            smallest = math.ceil(SMALLEST_SIDE / model.multiple) * model.multiple
            assert min(region.width, region.height) <= 2 * smallest, "too narrow for a smaller first pass"


@given(scenes(), settings, models)
def test_a_mode_has_what_it_needs(scene, chosen, model):
    made = planned(scene, chosen, model)
    assert made.mode in ("text_to_image", "image_to_image", "inpaint")
    assert 0 < made.strength <= 1
    assert made.needs_mask == (made.mode == "inpaint")
    if made.mode == "inpaint":
        assert all(region.selected for region in made.regions)
    else:
        assert all(region.fill is Fill.NONE and not region.match_colours for region in made.regions)


@given(scenes(), settings, models)
def test_a_plan_can_be_read(scene, chosen, model):
    made = planned(scene, chosen, model)
    sentence = made.describe()
    assert sentence.startswith(made.task.label)
    for region in made.regions:
        assert f"{region.area.width} × {region.area.height}" in sentence
        assert (region.first_pass is None) or "in two passes" in sentence


def test_a_plan_says_where_and_how_large_it_paints():
    chosen = PlanSettings(Task.FILL, grow=0, padding=0, feather=0, feather_least=0, least_size=0)
    made = plan(selected(Rect(120, 80, 1024, 768)), chosen, STABLE_DIFFUSION)
    assert made.describe() == "Fill 1024 × 768 at (120, 80), painted at 1024 × 768 in two passes"
    small = plan(selected(Rect(120, 80, 512, 384)), chosen, STABLE_DIFFUSION)
    assert small.describe() == "Fill 512 × 384 at (120, 80), painted at 592 × 448"
    assert plan(Scene((512, 512)), PlanSettings(), STABLE_DIFFUSION).describe() == "Generate 512 × 512"


@pytest.mark.parametrize(
    ("task", "fill"),
    [
        (Task.REFINE, Fill.NONE),
        (Task.FILL, Fill.BLUR),
        (Task.ADD, Fill.NEUTRAL),
        (Task.REMOVE, Fill.MODEL),
        (Task.BACKGROUND, Fill.REPLACE),
        (Task.CUSTOM, Fill.BORDER),
    ],
)
def test_each_task_knows_what_may_shine_through(task, fill):
    chosen = PlanSettings(task, fill=Fill.BORDER, strength=0.5)
    made = plan(selected(Rect(100, 100, 400, 400)), chosen, STABLE_DIFFUSION)
    assert (made.mode, made.regions[0].fill) == ("inpaint", fill)
    assert made.strength == (0.5 if task in (Task.REFINE, Task.CUSTOM) else 1.0)


def test_distant_parts_of_a_selection_are_painted_at_their_own_resolution():
    scene = selected(Rect(100, 100, 200, 200), Rect(3500, 3500, 300, 200), canvas=(4000, 4000))
    apart = plan(scene, PlanSettings(Task.FILL), STABLE_DIFFUSION)
    assert len(apart.regions) == 2
    assert all(region.width >= region.area.width for region in apart.regions)
    together = plan(scene, PlanSettings(Task.FILL, split_islands=False), STABLE_DIFFUSION)
    assert len(together.regions) == 1


def test_near_parts_of_a_selection_are_one_picture():
    scene = selected(Rect(100, 100, 200, 200), Rect(320, 100, 200, 200))
    assert len(plan(scene, PlanSettings(Task.FILL), STABLE_DIFFUSION).regions) == 1


def test_parts_whose_soft_edges_meet_are_one_picture_however_large_it_gets():
    scene = selected(Rect(0, 0, 4000, 20), Rect(0, 24, 20, 3900), canvas=(4000, 4000))
    chosen = PlanSettings(Task.FILL, padding=0, least_size=0)
    assert len(plan(scene, chosen, STABLE_DIFFUSION).regions) == 1


def test_a_selection_of_many_parts_is_a_pattern():
    scene = selected(*[Rect(600 * n, 0, 10, 10) for n in range(9)], canvas=(6000, 6000))
    assert len(plan(scene, PlanSettings(Task.FILL), STABLE_DIFFUSION).regions) == 1


@pytest.mark.parametrize(
    ("context", "area"),
    [
        (Context.IMAGE, Rect(0, 0, 2000, 1500)),
        (Context.LAYER, Rect(490, 490, 824, 824)),
        (Context.MASK, Rect(492, 492, 416, 416)),
        (Context.AUTOMATIC, Rect(400, 400, 600, 600)),
    ],
)
def test_she_chooses_how_much_the_model_sees(context, area):
    chosen = PlanSettings(
        Task.CUSTOM, context, grow=0, feather=0, feather_least=8, padding=23, least_size=0, strength=0.5, split_islands=False
    )
    scene = replace(selected(Rect(500, 500, 400, 400)), layer=Rect(800, 800, 512, 512))
    assert plan(scene, chosen, ModelSize(512, 512, multiple=8)).regions[0].area == area


def test_a_small_selection_gets_a_region_in_which_something_can_be_seen():
    region = plan(selected(Rect(900, 700, 20, 20)), PlanSettings(Task.FILL), STABLE_DIFFUSION).regions[0]
    assert (region.area.width, region.area.height) == (512, 512)
    corner = plan(selected(Rect(0, 0, 20, 20)), PlanSettings(Task.FILL), STABLE_DIFFUSION).regions[0]
    assert corner.area == Rect(0, 0, 512, 512)


def test_the_edge_is_as_soft_as_the_selection_is_large():
    chosen = PlanSettings(Task.FILL, feather=5, grow=0)
    assert plan(selected(Rect(100, 100, 1000, 800)), chosen, STABLE_DIFFUSION).regions[0].feather == 40
    assert plan(selected(Rect(100, 100, 60, 60)), chosen, STABLE_DIFFUSION).regions[0].feather == 8
    assert plan(selected(Rect(100, 100, 20, 20)), chosen, STABLE_DIFFUSION).regions[0].feather == 5


def test_a_generated_selection_sees_nothing_around_it():
    made = plan(selected(Rect(100, 100, 512, 512)), PlanSettings(Task.GENERATE, grow=0, feather=0), STABLE_DIFFUSION)
    assert (made.mode, made.regions[0].area) == ("text_to_image", Rect(92, 92, 528, 528))
    assert made.regions[0].selected and not made.needs_image


def test_the_canvas_grows_by_its_margins_and_the_new_part_overlaps_the_old():
    made = plan(Scene((1000, 800)), PlanSettings(Task.EXPAND, margins=(0, 0, 256, 0)), STABLE_DIFFUSION)
    region = made.regions[0]
    assert made.canvas == Rect(0, 0, 1256, 800)
    assert region.mask is Mask.MARGINS and region.fill is Fill.BORDER
    assert region.area.right == 1256 and region.area.x <= 1000 - 256, "it sees as much of the picture as is new"
    assert region.grow == region.feather > 0, "the soft edge lies within what is painted already"
    assert made.kept_within(10) == Rect(0, 0, 990, 800)


def test_the_new_parts_overlap_the_old_canvas_on_the_sides_where_it_grows():
    made = plan(Scene((1000, 800)), PlanSettings(Task.EXPAND, margins=(64, 32, 0, 0)), STABLE_DIFFUSION)
    assert made.kept_within(10) == Rect(10, 10, 990, 790)
    made = plan(Scene((1000, 800)), PlanSettings(Task.EXPAND, margins=(0, 0, 64, 32)), STABLE_DIFFUSION)
    assert made.kept_within(10) == Rect(0, 0, 990, 790)


def test_opposite_margins_of_a_wide_canvas_are_two_pictures():
    made = plan(Scene((4000, 512)), PlanSettings(Task.EXPAND, margins=(256, 0, 256, 0)), STABLE_DIFFUSION)
    assert len(made.regions) == 2
    assert made.regions[0].area.x == -256
    around = plan(Scene((600, 600)), PlanSettings(Task.EXPAND, margins=(64, 64, 64, 64)), STABLE_DIFFUSION)
    assert [region.area for region in around.regions] == [Rect(-64, -64, 728, 728)]


def test_without_margins_the_transparent_parts_are_painted():
    made = plan(Scene((1000, 1000), holes=Rect(700, 0, 300, 1000)), PlanSettings(Task.EXPAND), STABLE_DIFFUSION)
    assert made.regions[0].mask is Mask.HOLES
    assert made.regions[0].area.contains(Rect(700, 0, 300, 1000))


@pytest.mark.parametrize("task", [Task.EXPAND, Task.FILL, Task.ADD, Task.REMOVE, Task.BACKGROUND])
def test_a_task_without_anything_to_paint_says_what_it_needs(task):
    with pytest.raises(NothingToPaint, match=r"^(Select first|Nothing is transparent)"):
        plan(Scene(CANVAS), PlanSettings(task), STABLE_DIFFUSION)


def test_the_active_layers_paint_can_be_the_mask():
    scene = Scene(CANVAS, paint=Rect(300, 300, 200, 200))
    made = plan(scene, PlanSettings(Task.FILL, mask_from_layer=True), STABLE_DIFFUSION)
    assert made.regions[0].mask is Mask.PAINT
    assert made.regions[0].target.contains(Rect(300, 300, 200, 200))
    assert plan(scene, PlanSettings(Task.GENERATE, mask_from_layer=True), STABLE_DIFFUSION).regions[0].mask is Mask.ALL


def test_without_a_selection_strength_says_whether_the_picture_is_kept():
    assert plan(Scene(CANVAS), PlanSettings(Task.REFINE, strength=0.4), STABLE_DIFFUSION).mode == "image_to_image"
    assert plan(Scene(CANVAS), PlanSettings(Task.REFINE, strength=1.0), STABLE_DIFFUSION).mode == "text_to_image"


def test_without_a_selection_the_region_is_the_whole_canvas():
    region = plan(Scene((1020, 760)), PlanSettings(), STABLE_DIFFUSION).regions[0]
    assert region.area == Rect(0, 0, 1020, 760) and not region.selected


def test_a_selection_outside_the_canvas_counts_as_none():
    scene = selected(Rect(-100, -100, 50, 50), canvas=(512, 512))
    assert not plan(scene, PlanSettings(), STABLE_DIFFUSION).regions[0].selected


def test_a_region_of_the_models_own_steps_needs_no_scaling():
    chosen = PlanSettings(Task.FILL, least_size=0)
    region = plan(selected(Rect(300, 300, 401, 377)), chosen, ModelSize(384, 384)).regions[0]
    assert (region.width, region.height) == (region.area.width, region.area.height)


def test_a_large_canvas_is_painted_in_two_passes():
    region = plan(Scene((4096, 4096)), PlanSettings(), STABLE_DIFFUSION).regions[0]
    assert ((region.width, region.height), region.first_pass) == ((1024, 1024), (512, 512))
    refined = plan(Scene((4096, 4096)), PlanSettings(Task.REFINE, strength=0.4), STABLE_DIFFUSION).regions[0]
    assert ((refined.width, refined.height), refined.first_pass) == ((1024, 1024), None)


def test_she_chooses_the_resolution():
    scene = Scene((1024, 1024))
    assert plan(scene, PlanSettings(multiplier=0.75), STABLE_DIFFUSION).regions[0].width == 768
    assert plan(scene, PlanSettings(multiplier=2.0, megapixels=4.2), STABLE_DIFFUSION).regions[0].width == 2048
    assert plan(scene, PlanSettings(megapixels=0.5), STABLE_DIFFUSION).regions[0].width == 704


def test_new_parts_of_a_canvas_are_never_transparent():
    chosen = PlanSettings(Task.EXPAND, margins=(8, 0, 0, 0), keep_transparency=True)
    assert not plan(Scene(CANVAS), chosen, STABLE_DIFFUSION).keep_transparency


def test_a_small_selection_keeps_a_solid_middle():
    assert fitting_feather(16, Rect(0, 0, 20, 200)) == 5
    assert fitting_feather(16, Rect(0, 0, 200, 200)) == 16


def test_impossible_canvases_are_refused():
    with pytest.raises(ValueError, match="no region"):
        plan(Scene((0, 100)), PlanSettings(), STABLE_DIFFUSION)
    with pytest.raises(ValueError, match="cannot grow"):
        plan(Scene(CANVAS), PlanSettings(Task.EXPAND, margins=(-5, 0, 0, 8)), STABLE_DIFFUSION)
