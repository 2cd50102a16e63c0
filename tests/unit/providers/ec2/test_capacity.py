"""The capacity plan: what is tried, how often, and what never is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.providers.ec2.capacity import Kind, Means, Plan, Situation, Step, next_step

TYPES, ZONES = ("g5.xlarge", "g5.2xlarge", "g6.xlarge"), ("us-east-1a", "us-east-1b", "us-east-1c")
HOME = Kind("g5.xlarge", "us-east-1a", False)
SPOT = replace(HOME, spot=True)

kinds = st.builds(Kind, st.sampled_from(TYPES), st.sampled_from(ZONES), st.booleans())
plans = st.builds(
    Plan,
    tries=st.integers(1, 5),
    pause=st.floats(0, 30),
    types=st.lists(st.sampled_from(TYPES), max_size=4).map(tuple),
    zones=st.lists(st.sampled_from(ZONES), max_size=4).map(tuple),
    create=st.booleans(),
    on_demand=st.booleans(),
    most_machines=st.integers(1, 5),
)
situations = st.builds(
    Situation,
    kinds,
    fixed=st.booleans(),
    machines=st.integers(1, 6),
    others=st.frozensets(kinds, max_size=4),
    spare=st.booleans(),
    copy=st.booleans(),
)


def walk(plan: Plan, machine: Situation) -> list[Step]:
    """All that is tried when everything is taken."""
    tried: list[Step] = []
    while (step := next_step(plan, tried, machine)) is not None:
        tried.append(step)
        assert len(tried) < 200, "it does not end"
    return tried


@given(plans, situations)
def test_every_walk_ends_and_repeats_nothing_beyond_its_allowance(plan: Plan, machine: Situation) -> None:
    tried = Counter((step.means, step.kind) for step in walk(plan, machine))
    for (means, _), times in tried.items():
        assert times == (plan.tries if means is Means.AGAIN else 1)


@given(plans, situations)
def test_a_spot_machine_never_changes_its_type(plan: Plan, machine: Situation) -> None:
    if machine.kind.spot:
        assert all(step.means is not Means.OTHER_TYPE for step in walk(plan, machine))


@given(plans, situations)
def test_nothing_is_made_that_the_admin_has_not_allowed(plan: Plan, machine: Situation) -> None:
    made = [step for step in walk(plan, machine) if step.means is Means.NEW_MACHINE]
    if made:
        assert plan.create and machine.copy and machine.machines < plan.most_machines
    assert all(step.zone in (machine.kind.zone, *plan.zones) for step in made)
    assert all(step.instance_type in (machine.kind.instance_type, *plan.types) for step in made)
    assert all(step.spot == machine.kind.spot or plan.on_demand for step in made)


@given(plans, situations)
def test_no_machine_is_made_of_a_kind_that_the_pool_has_or_while_another_one_sleeps(plan: Plan, machine: Situation) -> None:
    made = [step for step in walk(plan, machine) if step.means is Means.NEW_MACHINE]
    assert not {step.kind for step in made} & machine.others
    assert not (made and machine.spare)


@given(plans, situations)
def test_an_on_demand_machine_never_becomes_spot(plan: Plan, machine: Situation) -> None:
    if not machine.kind.spot:
        assert not any(step.spot for step in walk(plan, machine))


@given(plans, situations)
def test_a_machine_that_cannot_be_started_is_not_tried(plan: Plan, machine: Situation) -> None:
    tried = walk(plan, replace(machine, fixed=True))
    assert all(step.means is Means.NEW_MACHINE for step in tried)


@given(plans, situations)
def test_the_machine_itself_comes_first_then_what_changes_least(plan: Plan, machine: Situation) -> None:
    order = [list(Means).index(step.means) for step in walk(plan, machine)]
    assert order == sorted(order)


@given(plans, situations)
def test_the_first_try_is_made_at_once(plan: Plan, machine: Situation) -> None:
    first = next_step(plan, [], machine)
    assert first is None or first.pause == 0


def test_without_a_word_from_the_admin_only_the_same_machine_is_asked_for() -> None:
    tried = walk(Plan(), Situation(HOME, copy=True))
    assert [(step.means, step.kind, step.pause) for step in tried] == [
        (Means.AGAIN, HOME, 0.0),
        (Means.AGAIN, HOME, 5.0),
        (Means.AGAIN, HOME, 5.0),
    ]


def test_a_generous_plan_is_walked_in_the_order_of_the_file() -> None:
    plan = Plan(tries=1, types=("g6.xlarge",), zones=("us-east-1b",), create=True)
    assert [(step.means, step.instance_type, step.zone) for step in walk(plan, Situation(HOME, copy=True))] == [
        (Means.AGAIN, "g5.xlarge", "us-east-1a"),
        (Means.OTHER_TYPE, "g6.xlarge", "us-east-1a"),
        (Means.NEW_MACHINE, "g5.xlarge", "us-east-1b"),
        (Means.NEW_MACHINE, "g6.xlarge", "us-east-1b"),
    ]


def test_spot_is_tried_everywhere_before_the_full_price_is_paid() -> None:
    plan = Plan(tries=1, types=("g6.xlarge",), zones=("us-east-1b",), create=True, on_demand=True)
    tried = walk(plan, Situation(SPOT, copy=True))
    made = [step for step in tried if step.means is Means.NEW_MACHINE]
    assert [step.spot for step in made] == [True] * 3 + [False] * 4
    assert Step(Means.NEW_MACHINE, "g5.xlarge", "us-east-1a", False, extra=plan.hydration_seconds) in made


@pytest.mark.parametrize(("gib", "speed", "seconds"), [(8.0, 100.0, 81.92), (0.0, 100.0, 0.0), (10.0, 1024.0, 10.0)])
def test_a_disk_from_a_snapshot_makes_the_first_picture_later(gib: float, speed: float, seconds: float) -> None:
    plan = Plan(create=True, zones=("us-east-1b",), first_gib=gib, disk_mib_per_second=speed)
    last = walk(plan, Situation(HOME, copy=True))[-1]
    assert last.extra == pytest.approx(seconds)
