"""Every result is handed out at least once until it is acknowledged, to one at a time, and never after."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wake_service.workflows import delivery
from wake_service.workflows.delivery import DeliveryId, Task

NOW = 1_800_000_000.0


def task(place: int = 1, **changes: object) -> Task:
    plain = Task(f"job-{place}", f"task-{place}", place, finished_at=NOW)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_what_has_not_ended_is_not_handed_out() -> None:
    assert delivery.due([task(finished_at=None)], NOW, 10) == []


def test_results_come_in_the_order_of_finishing_and_of_arrival_where_that_is_the_same() -> None:
    late, second, first = task(1, finished_at=NOW + 1), task(3), task(2)
    assert delivery.due([late, second, first], NOW + 9, 10) == [first, second, late]


def test_no_more_are_handed_out_than_were_asked_for() -> None:
    assert delivery.due([task(n) for n in range(5)], NOW, 2) == [task(0), task(1)]


def test_what_is_out_comes_back_after_its_time() -> None:
    out = delivery.delivered(task(), NOW, 60)
    assert delivery.due([out], NOW + 59, 10) == []
    assert delivery.next_at([out], NOW + 59) == NOW + 60
    assert delivery.due([out], NOW + 60, 10) == [out]
    assert delivery.next_at([out], NOW + 60) is None


def test_whoever_got_a_result_however_long_ago_may_acknowledge_it() -> None:
    twice = delivery.delivered(delivery.delivered(task(), NOW, 60), NOW + 60, 60)
    assert delivery.was_delivered(twice, DeliveryId("job-1", 1)) and delivery.was_delivered(twice, DeliveryId("job-1", 2))
    assert not delivery.was_delivered(twice, DeliveryId("job-1", 3))
    assert not delivery.was_delivered(twice, DeliveryId("job-2", 1))


def test_acknowledging_again_changes_nothing() -> None:
    once = delivery.acknowledged(delivery.delivered(task(), NOW, 60), NOW + 1)
    assert delivery.acknowledged(once, NOW + 9) == once


def test_a_subscriber_that_has_gone_gives_back_only_what_nobody_else_has_by_now() -> None:
    first = delivery.delivered(task(), NOW, 60)
    assert delivery.due([delivery.returned(first, DeliveryId("job-1", 1), NOW + 1)], NOW + 1, 10)
    second = delivery.delivered(first, NOW + 60, 60)
    assert delivery.returned(second, DeliveryId("job-1", 1), NOW + 61) == second
    done = delivery.acknowledged(first, NOW + 1)
    assert delivery.returned(done, DeliveryId("job-1", 1), NOW + 2) == done


def test_an_id_of_a_delivery_reads_back_and_nothing_else_does() -> None:
    which = DeliveryId("0b0d6c52-4a5c-4d3a-a1f5-3f4f1c7e2f10", 12)
    assert DeliveryId.parse(str(which)) == which


@pytest.mark.parametrize(
    "text", ["", "job", "job.", "job.0", "job.-1", "job.1x", "../x.1", "job.1.1", "j" * 37 + ".1", "job.1\n"]
)
def test_what_is_no_id_of_a_delivery_is_told_apart(text: str) -> None:
    assert DeliveryId.parse(text) is None


@dataclass
class Out:
    """A delivery as its subscriber has it."""

    which: DeliveryId
    until: float
    kept: bool = True


class Subscribers(RuleBasedStateMachine):
    """Tasks end, and subscribers take, acknowledge, go away and dawdle, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.tasks: dict[str, Task] = {}
        self.outs: list[Out] = []
        self.done: set[str] = set()

    @rule()
    def a_task_is_accepted(self) -> None:
        new = task(len(self.tasks), finished_at=None)
        self.tasks[new.job_id] = new

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def a_task_ends(self, data: st.DataObject) -> None:
        chosen = self.tasks[data.draw(st.sampled_from(sorted(self.tasks)))]
        if chosen.finished_at is None:
            self.tasks[chosen.job_id] = replace(chosen, finished_at=self.now)

    @rule(most=st.integers(1, 3), visibility=st.sampled_from([1.0, 60.0]))
    def a_subscriber_takes(self, most: int, visibility: float) -> None:
        self.take(most, visibility)

    def take(self, most: int, visibility: float) -> list[Task]:
        taken = [delivery.delivered(each, self.now, visibility) for each in delivery.due(self.tasks.values(), self.now, most)]
        for each in taken:
            assert each.job_id not in self.done, "handed out after it was acknowledged"
            holders = [out for out in self.outs if out.which.job_id == each.job_id and out.kept and out.until > self.now]
            assert not holders, "two subscribers have it at once"
            self.tasks[each.job_id] = each
            self.outs.append(Out(DeliveryId.latest(each), self.now + visibility))
        return taken

    @precondition(lambda self: self.outs)
    @rule(data=st.data())
    def a_subscriber_acknowledges(self, data: st.DataObject) -> None:
        out = data.draw(st.sampled_from(self.outs))
        known = self.tasks[out.which.job_id]
        assert delivery.was_delivered(known, out.which)
        self.tasks[known.job_id] = delivery.acknowledged(known, self.now)
        self.done.add(known.job_id)

    @precondition(lambda self: self.outs)
    @rule(data=st.data())
    def a_subscriber_goes_away(self, data: st.DataObject) -> None:
        out = data.draw(st.sampled_from(self.outs))
        out.kept = False
        known = self.tasks[out.which.job_id]
        self.tasks[known.job_id] = delivery.returned(known, out.which, self.now)

    @rule(seconds=st.sampled_from([0.5, 30.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def what_was_acknowledged_stays_so(self) -> None:
        assert all(self.tasks[job_id].acknowledged_at is not None for job_id in self.done)

    def teardown(self) -> None:
        """Everything that ended is had by a subscriber who stays, and then nothing is left."""
        owed = {each.job_id for each in self.tasks.values() if each.finished_at is not None} - self.done
        self.now += 61
        while taken := self.take(3, 60.0):
            for each in taken:
                self.tasks[each.job_id] = delivery.acknowledged(each, self.now)
                self.done.add(each.job_id)
        assert owed <= self.done


TestSubscribers = Subscribers.TestCase
TestSubscribers.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
