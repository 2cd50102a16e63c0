from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.comfy.events import (
    Executed,
    Executing,
    ExecutionCached,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionStart,
    ExecutionSuccess,
    NodeState,
    Preview,
    Progress,
    ProgressState,
    WireEvent,
    decode_text,
)
from wake_service.comfy.graph import build
from wake_service.comfy.progress import PromptProgress, Stage
from wake_service.comfy.workflow import Workflow

from .samples import request

#: The graph of the recorded runs: its ids as the traces use them.
RECORDED = Workflow(
    {
        node: {"class_type": name, "inputs": {}}
        for node, name in {
            "3": "KSampler",
            "4": "CheckpointLoaderSimple",
            "5": "EmptyLatentImage",
            "6": "CLIPTextEncode",
            "7": "CLIPTextEncode",
            "8": "VAEDecode",
            "9": "SaveImage",
            "10": "LoadImage",
            "11": "VAEEncodeForInpaint",
        }.items()
    },
    "9",
)
OURS = build(request())
SAMPLER = next(node for node, content in OURS.nodes.items() if content["class_type"] == "KSampler")
DECODE = next(node for node, content in OURS.nodes.items() if content["class_type"] == "VAEDecode")


def followed(trace: list[dict[str, Any]]) -> list[tuple[Stage, int, int | None, float, str | None]]:
    """What a tracker shows after each frame of a recorded run."""
    events = [decode_text(orjson.dumps(frame["msg"])) for frame in trace if frame["kind"] == "text"]
    prompt = next(event.prompt_id for event in events if isinstance(event, ExecutionStart))
    progress = PromptProgress(prompt, RECORDED)
    seen = []
    for event in events:
        progress.feed(event)
        seen.append((progress.stage, progress.step, progress.steps, progress.fraction, progress.node))
    return seen


def test_a_real_run_goes_through_the_stages_in_order(trace: list[dict[str, Any]]) -> None:
    stages = [stage for stage, *_ in followed(trace)]
    assert list(dict.fromkeys(stages)) == [Stage.MODELS, Stage.SAMPLING, Stage.SAVING]
    assert stages == sorted(stages, key=list(Stage).index)


def test_a_real_run_never_goes_back_and_ends_at_one(trace: list[dict[str, Any]]) -> None:
    fractions = [fraction for *_, fraction, _ in followed(trace)]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert fractions[-1] == 1.0


def test_a_real_run_counts_its_steps(trace: list[dict[str, Any]]) -> None:
    steps = [(step, steps) for stage, step, steps, *_ in followed(trace) if stage is Stage.SAMPLING]
    assert list(dict.fromkeys(steps)) == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_real_run_knows_its_node_while_previews_come(trace: list[dict[str, Any]]) -> None:
    assert {node for stage, *_, node in followed(trace) if stage is Stage.SAMPLING} == {"3"}


def test_reading_weights_before_the_first_step_is_still_models() -> None:
    progress = PromptProgress("p", OURS)
    progress.feed(Executing("p", SAMPLER))
    progress.feed(ProgressState("p", {SAMPLER: NodeState("running", 0.0, 1.0)}))
    assert progress.stage is Stage.MODELS
    assert progress.steps is None
    progress.feed(Progress("p", SAMPLER, 1, 20))
    assert (progress.stage, progress.step, progress.steps) == (Stage.SAMPLING, 1, 20)


def test_a_picture_of_one_step_is_sampled_before_it_is_saved() -> None:
    progress = PromptProgress("p", OURS)
    progress.feed(Executing("p", SAMPLER))
    progress.feed(Progress("p", SAMPLER, 1, 1))
    assert progress.stage is Stage.SAMPLING
    progress.feed(Executing("p", DECODE))
    assert progress.stage is Stage.SAVING


def test_the_steps_of_two_passes_are_counted_as_one_way() -> None:
    workflow = build(request(width=1024, height=768, first_pass=(512, 384)))
    first, second = (node for node, content in workflow.nodes.items() if content["class_type"] == "KSampler")
    progress = PromptProgress("p", workflow)
    progress.feed(Progress("p", first, 12, 12))
    assert (progress.stage, progress.step, progress.steps) == (Stage.SAMPLING, 12, 17)
    progress.feed(Executing("p", second))
    progress.feed(Progress("p", second, 1, 5))
    assert (progress.stage, progress.step, progress.steps) == (Stage.SAMPLING, 13, 17)


def test_the_bar_moves_without_node_states_too() -> None:
    progress = PromptProgress("p", OURS)
    fractions = []
    for node in OURS.nodes:
        progress.feed(Executing("p", node))
        fractions.append(progress.fraction)
    assert fractions == sorted(set(fractions))
    assert progress.feed(ExecutionSuccess("p"))
    assert progress.fraction == 1.0


def test_what_the_engine_still_has_is_no_part_of_the_way() -> None:
    progress = PromptProgress("p", OURS)
    cached = tuple(node for node in OURS.nodes if node not in (SAMPLER, DECODE, OURS.output_node))
    progress.feed(ExecutionCached("p", cached))
    assert progress.fraction == 0.0
    progress.feed(Progress("p", SAMPLER, 10, 20))
    assert 0.4 < progress.fraction < 0.5


def test_a_picture_the_engine_has_whole_is_at_its_end() -> None:
    progress = PromptProgress("p", OURS)
    progress.feed(ExecutionCached("p", tuple(OURS.nodes)))
    progress.feed(ExecutionSuccess("p"))
    assert (progress.stage, progress.fraction) == (Stage.SAVING, 1.0)


def test_steps_of_other_nodes_are_not_sampling_steps() -> None:
    progress = PromptProgress("p", OURS)
    progress.feed(Progress("p", "1", 3, 9))
    assert (progress.stage, progress.step) == (Stage.MODELS, 0)


@pytest.mark.parametrize("prompt", ["other", None])
def test_other_prompts_change_nothing(prompt: str | None) -> None:
    progress = PromptProgress("p", OURS)
    assert not progress.feed(Executing(prompt, SAMPLER))
    assert not progress.feed(Progress(prompt, SAMPLER, 5, 20))
    assert (progress.fraction, progress.node, progress.step) == (0.0, None, 0)


@pytest.mark.parametrize("end", [ExecutionError("p", SAMPLER, "KSampler", "Error", "no"), ExecutionInterrupted("p", SAMPLER)])
def test_a_prompt_that_ends_badly_runs_no_node_and_stays_where_it_was(end: WireEvent) -> None:
    progress = PromptProgress("p", OURS)
    progress.feed(Executing("p", SAMPLER))
    progress.feed(Progress("p", SAMPLER, 5, 20))
    reached = progress.fraction
    assert progress.feed(end)
    assert (progress.node, progress.fraction, progress.stage) == (None, reached, Stage.SAMPLING)


def test_feeding_says_whether_there_is_news() -> None:
    progress = PromptProgress("p", OURS)
    assert progress.feed(Progress("p", SAMPLER, 1, 20))
    assert not progress.feed(Progress("p", SAMPLER, 1, 20))
    assert not progress.feed(Preview("p", SAMPLER, "image/jpeg", b""))


NODES = st.sampled_from([*OURS.nodes, "99"])
NUMBERS = st.floats(-1, 30) | st.integers(0, 30)
EVENTS: st.SearchStrategy[WireEvent] = st.one_of(
    st.builds(ExecutionStart, st.just("p")),
    st.builds(ExecutionCached, st.just("p"), st.lists(NODES, max_size=4).map(tuple)),
    st.builds(Executing, st.just("p"), NODES | st.none()),
    st.builds(Progress, st.just("p"), NODES | st.none(), NUMBERS, NUMBERS),
    st.builds(
        ProgressState,
        st.just("p"),
        st.dictionaries(
            NODES, st.builds(NodeState, st.sampled_from(["pending", "running", "finished", "error"]), NUMBERS, NUMBERS)
        ),
    ),
    st.builds(Executed, st.just("p"), NODES, st.just(())),
    st.builds(ExecutionSuccess, st.just("p")),
)


@given(st.lists(EVENTS, max_size=30))
def test_no_order_of_events_makes_it_go_back(events: list[WireEvent]) -> None:
    progress = PromptProgress("p", OURS)
    stages = list(Stage)
    before = (0.0, 0, 0)
    for event in events:
        progress.feed(event)
        now = (progress.fraction, stages.index(progress.stage), progress.step)
        assert all(new >= old for new, old in zip(now, before, strict=True))
        assert progress.fraction <= 1.0
        before = now
