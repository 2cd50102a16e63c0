"""The engine as the agent tells of it, from its start to its end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cloud_image.agent.engine_watch import ASK_AGAIN, LOOK_ANYWAY, REMEMBERED, RETRY, RETRY_FAILED, EngineWatch
from cloud_image.agent.prompts import Finished, Waiting
from cloud_image.agent.state import State
from cloud_image.agent.wire import Engine, EngineState, Queue, Stage
from tests.unit.cloud_image.agent.conftest import Background
from tests.unit.cloud_image.agent.fakes import FakeEngine, FakeProcess, ended, finished, nothing
from wake_service.clock import ManualClock, settle


class Watched:
    def __init__(self, state: State, clock: ManualClock) -> None:
        self.engine, self.process, self.state, self.clock = FakeEngine(), FakeProcess(), state, clock
        self.told: list[Finished] = []
        self.worked: list[float] = []
        self.watch = EngineWatch(
            self.engine, self.process, state, clock, finished=self._tell, worked=self.worked.append, beat=nothing
        )

    def _tell(self, prompts: Sequence[Finished]) -> None:
        self.told.extend(prompts)

    @property
    def said(self) -> Engine:
        return self.state.facts.engine

    async def boot(self) -> None:
        self.process.started = "start 1"
        self.engine.start()
        await self.clock.advance(RETRY)


@pytest.fixture
async def watched(state: State, clock: ManualClock, background: Background) -> Watched:
    watched = Watched(state, clock)
    background(watched.watch.run())
    await settle()
    return watched


async def test_a_boot_goes_from_booting_over_starting_to_ready(watched: Watched) -> None:
    facts = watched.state.facts
    assert (facts.stage, facts.engine.state) == (Stage.BOOTING, EngineState.STARTING)
    watched.process.started = "start 1"
    await watched.clock.advance(RETRY)
    assert (watched.state.facts.stage, watched.said.state) == (Stage.ENGINE, EngineState.STARTING)
    watched.engine.start()
    await watched.clock.advance(RETRY)
    assert (watched.state.facts.stage, watched.said.state) == (Stage.ENGINE, EngineState.READY)
    assert [happening.sentence for happening in watched.state.facts.happened] == ["The engine answers."]


async def test_work_is_known_as_soon_as_the_engine_says_so(watched: Watched) -> None:
    await watched.boot()
    watched.engine.pending.append(Waiting("p2", ()))
    watched.engine.begin("p1", "checkpoints/a.safetensors")
    await settle()
    facts = watched.state.facts
    assert (facts.engine.state, facts.queue) == (EngineState.WORKING, Queue(1, 1))
    assert facts.models.loaded == facts.models.hot == ("checkpoints/a.safetensors",) and watched.worked == [watched.clock.now()]


async def test_a_prompt_that_has_run_is_told_once(watched: Watched) -> None:
    await watched.boot()
    watched.engine.begin("p1")
    await settle()
    watched.engine.end(finished("p1", "a.png"))
    await settle()
    watched.engine.tell()
    await settle()
    assert [prompt.prompt_id for prompt in watched.told] == ["p1"]
    assert (watched.said.state, watched.state.facts.queue) == (EngineState.READY, Queue())


async def test_a_prompt_that_came_and_went_between_two_looks_is_told(watched: Watched) -> None:
    await watched.boot()
    watched.engine.history.append(finished("quick", "a.png"))
    watched.engine.tell()
    await settle()
    assert [prompt.prompt_id for prompt in watched.told] == ["quick"] and watched.worked == [1_800_000_000.0]


async def test_the_same_id_run_again_is_told_again(watched: Watched) -> None:
    await watched.boot()
    for turn in ("1", "2"):
        watched.engine.history = [finished("p1", f"{turn}.png", turn=turn)]
        watched.engine.tell()
        await settle()
    assert [prompt.turn for prompt in watched.told] == ["1", "2"]


async def test_what_ended_while_nobody_listened_is_made_good_however_much_it_is(watched: Watched) -> None:
    watched.engine.history = [finished(f"p{number}") for number in range(50)]
    await watched.boot()
    assert [prompt.prompt_id for prompt in watched.told] == [f"p{number}" for number in range(50)]


async def test_a_long_history_is_read_from_its_end_only(watched: Watched) -> None:
    await watched.boot()
    for number in range(40):
        watched.engine.end(finished(f"p{number}"))
        await settle()
    assert len(watched.told) == 40 and set(watched.engine.asked) == {4}


async def test_what_is_remembered_of_prompts_is_bounded(watched: Watched) -> None:
    await watched.boot()
    watched.watch._known = {(f"old {number}", ""): None for number in range(REMEMBERED)}
    watched.engine.end(finished("p1"))
    await settle()
    assert len(watched.watch._known) == REMEMBERED


async def test_an_engine_that_dies_has_failed_with_the_reason_and_has_no_work(watched: Watched) -> None:
    await watched.boot()
    watched.engine.begin("p1", "checkpoints/a.safetensors")
    await settle()
    watched.process.record = ended(5.0)
    watched.engine.die()
    await settle()
    facts = watched.state.facts
    assert facts.engine == Engine(EngineState.FAILED, watched.process.sentence, "memory")
    assert (facts.queue, facts.models.loaded, facts.happened[-1].sentence) == (Queue(), (), watched.process.sentence)


async def test_an_engine_that_failed_and_is_started_again_says_both_and_then_is_ready(watched: Watched) -> None:
    await watched.boot()
    watched.engine.begin("p1", "checkpoints/a.safetensors")
    await settle()
    watched.process.record = ended(5.0)
    watched.engine.die()
    await settle()
    watched.process.started = "start 2"
    await watched.clock.advance(RETRY_FAILED)
    assert (watched.said.state, watched.said.kind) == (EngineState.STARTING, "memory")
    assert watched.process.sentence in watched.said.sentence
    watched.engine.start()
    await watched.clock.advance(RETRY)
    assert watched.said == Engine(EngineState.READY) and watched.state.facts.models.loaded == ()
    watched.engine.die()
    await watched.clock.advance(RETRY)
    assert watched.said == Engine(EngineState.STARTING, "The engine does not answer."), "the old end was told again"


async def test_an_end_before_this_agent_began_is_not_taken_for_a_new_one(watched: Watched) -> None:
    watched.process.record = ended(5.0)
    watched.process.started = "start 2"
    watched.engine.start()
    await watched.clock.advance(RETRY_FAILED)
    assert watched.said.state is EngineState.READY
    watched.engine.die()
    await watched.clock.advance(RETRY)
    assert watched.said == Engine(EngineState.STARTING, "The engine does not answer.")


async def test_a_new_start_that_was_faster_than_our_look_is_seen(watched: Watched) -> None:
    await watched.boot()
    watched.process.record, watched.process.started = ended(5.0), "start 2"
    watched.engine.die()
    await settle()
    assert watched.said.state is EngineState.FAILED
    await watched.clock.advance(RETRY_FAILED)
    assert watched.said.state is EngineState.STARTING


async def test_an_engine_that_is_given_up_stays_failed(watched: Watched) -> None:
    await watched.boot()
    watched.process.record, watched.process.started = ended(5.0), None
    watched.engine.die()
    await watched.clock.advance(60)
    assert watched.said.state is EngineState.FAILED
    assert [happening.sentence for happening in watched.state.facts.happened].count(watched.process.sentence) == 1


async def test_an_engine_that_never_starts_says_why(watched: Watched) -> None:
    watched.process.started = "start 1"
    await watched.clock.advance(RETRY)
    watched.process.record, watched.process.started = ended(5.0), None
    await watched.clock.advance(RETRY)
    assert watched.said == Engine(EngineState.FAILED, watched.process.sentence, "memory")


async def test_a_busy_engine_that_says_nothing_for_a_while_keeps_what_was_known_and_is_asked_again(watched: Watched) -> None:
    await watched.boot()
    watched.engine.begin("p1")
    await settle()
    watched.engine.silent = True
    watched.engine.end(finished("p1", "a.png"))
    await settle()
    assert watched.state.facts.queue == Queue(1, 0)
    watched.engine.silent = False
    await watched.clock.advance(ASK_AGAIN)
    assert watched.state.facts.queue == Queue() and watched.told


async def test_a_change_that_was_never_said_is_seen_in_the_end(watched: Watched) -> None:
    await watched.boot()
    watched.engine.running.append(Waiting("p1", ()))
    await watched.clock.advance(LOOK_ANYWAY)
    assert watched.state.facts.queue == Queue(1, 0)


async def test_an_engine_that_is_not_there_has_no_work(watched: Watched) -> None:
    assert await watched.watch.fresh_work() is None
