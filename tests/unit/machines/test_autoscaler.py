"""What every plan promises, whatever the fleet, the demand and the policy."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.machines.samples import DAY, NOW, carried_out, demands, fleets, policies, target
from wake_service.machines.autoscaler import Demand, Member, Order, Policy, must_go, next_change, plan, wanted
from wake_service.machines.model import ORDERS, Machine, MachineState

AWAKE = {MachineState.WAKING, MachineState.READY, MachineState.BUSY}


def awake(fleet: list[Member]) -> int:
    return sum(member.machine.state in AWAKE for member in fleet)


def going(fleet: list[Member], policy: Policy) -> set[str]:
    """Machines whose time is over, whoever needs them."""
    return {member.machine.id for member in fleet if must_go(member.machine, policy, NOW) is not None}


@given(fleets(), demands, policies())
def test_a_machine_with_work_is_not_ordered_to_drain_before_its_time_is_over_and_never_to_stop(
    fleet: list[Member], demand: Demand, policy: Policy
) -> None:
    work = {member.machine.id: member.work for member in fleet}
    gone = going(fleet, policy)
    for action in plan(fleet, demand, policy, NOW):
        assert action.order is not Order.STOP or work[action.machine_id] == 0
        assert action.order is not Order.DRAIN or work[action.machine_id] == 0 or action.machine_id in gone


@given(fleets(), demands, policies())
def test_only_a_machine_far_beyond_its_longest_time_is_stopped_with_work(
    fleet: list[Member], demand: Demand, policy: Policy
) -> None:
    members = {member.machine.id: member.machine for member in fleet}
    for action in plan(fleet, demand, policy, NOW):
        if action.order is Order.EVICT:
            machine = members[action.machine_id]
            assert machine.state is MachineState.DRAINING, "it was drained first"
            assert machine.awake_since is not None
            assert NOW - machine.awake_since >= policy.max_uptime + policy.longest_job


@given(fleets(), demands, policies())
def test_a_machine_whose_time_is_over_is_on_its_way_to_sleep_and_is_not_kept(
    fleet: list[Member], demand: Demand, policy: Policy
) -> None:
    orders = {action.machine_id: action.order for action in plan(fleet, demand, policy, NOW)}
    members = {member.machine.id: member for member in fleet}
    for machine_id in going(fleet, policy):
        member = members[machine_id]
        if member.machine.state is not MachineState.DRAINING:
            late = member.machine.state is MachineState.WAKING and orders[machine_id] is Order.GIVE_UP
            assert late or orders[machine_id] is Order.DRAIN
        elif not member.work:
            assert orders[machine_id] is Order.STOP
        else:
            assert orders.get(machine_id) in (None, Order.EVICT)


@given(fleets(), demands, policies())
def test_every_order_is_one_that_the_table_allows(fleet: list[Member], demand: Demand, policy: Policy) -> None:
    members = {member.machine.id: member for member in fleet}
    for action in plan(fleet, demand, policy, NOW):
        member = members[action.machine_id]
        assert target(action, member) in ORDERS[member.machine.state]


@given(fleets(), demands, policies())
def test_a_machine_gets_one_order_at_most_for_the_generation_it_has(fleet: list[Member], demand: Demand, policy: Policy) -> None:
    actions = plan(fleet, demand, policy, NOW)
    generations = {member.machine.id: member.machine.generation for member in fleet}
    assert all(count == 1 for count in Counter(action.machine_id for action in actions).values())
    assert all(action.generation == generations[action.machine_id] for action in actions)


@given(fleets(), demands, policies())
def test_once_carried_out_only_the_next_step_of_a_stop_follows(fleet: list[Member], demand: Demand, policy: Policy) -> None:
    """Draining is followed by stopping, giving up by stopping; nothing is kept or drained twice at one moment.

    Only what does not stop by force either is woken then, as the last resort.
    """
    after = carried_out(fleet, plan(fleet, demand, policy, NOW), NOW)
    machines = {member.machine.id: member.machine for member in after}
    for action in plan(after, demand, policy, NOW):
        machine = machines[action.machine_id]
        assert machine.state in (MachineState.DRAINING, MachineState.FAILED)
        assert action.order in (Order.STOP, Order.EVICT) or (action.order is Order.WAKE and machine.stuck)


@given(fleets(), demands, policies())
def test_never_more_than_the_maximum_are_ordered_awake(fleet: list[Member], demand: Demand, policy: Policy) -> None:
    """Those that must go are on their way out, and are not counted."""
    actions = plan(fleet, demand, policy, NOW)
    if any(action.order in (Order.WAKE, Order.KEEP) for action in actions):
        gone = going(fleet, policy)
        staying = [member for member in carried_out(fleet, actions, NOW) if member.machine.id not in gone]
        assert awake(staying) <= policy.maximum


@given(fleets(), demands, policies())
def test_what_is_needed_stays_awake(fleet: list[Member], demand: Demand, policy: Policy) -> None:
    actions = plan(fleet, demand, policy, NOW)
    gone = going(fleet, policy)
    if any(action.order is Order.DRAIN and action.machine_id not in gone for action in actions):
        assert awake(carried_out(fleet, actions, NOW)) >= wanted(fleet, demand, policy, NOW)


@given(fleets(), demands, policies())
def test_a_lease_and_a_hold_are_honoured(fleet: list[Member], demand: Demand, policy: Policy) -> None:
    kept = {member.machine.id: max(member.machine.lease_until, member.machine.hold_until) for member in fleet}
    gone = going(fleet, policy)
    for action in plan(fleet, demand, policy, NOW):
        assert action.order is not Order.DRAIN or kept[action.machine_id] <= NOW or action.machine_id in gone


@given(fleets(), demands, policies())
def test_a_draining_machine_is_kept_before_another_is_woken(fleet: list[Member], demand: Demand, policy: Policy) -> None:
    actions = plan(fleet, demand, policy, NOW)
    if any(action.order is Order.WAKE for action in actions):
        kept = {action.machine_id for action in actions if action.order is Order.KEEP}
        draining = {member.machine.id for member in fleet if member.machine.state is MachineState.DRAINING}
        assert draining - going(fleet, policy) <= kept


@given(fleets(), demands, policies())
def test_a_machine_that_does_not_stop_is_the_last_to_be_woken(fleet: list[Member], demand: Demand, policy: Policy) -> None:
    woken = {action.machine_id for action in plan(fleet, demand, policy, NOW) if action.order is Order.WAKE}
    machines = [member.machine for member in fleet]
    if any(machine.stuck for machine in machines if machine.id in woken):
        asleep = {m.id for m in machines if m.state is MachineState.ASLEEP and m.retry_at <= NOW}
        assert asleep <= woken


@given(fleets(), demands, policies())
def test_no_wake_is_tried_before_its_pause_is_over(fleet: list[Member], demand: Demand, policy: Policy) -> None:
    pauses = {member.machine.id: member.machine.retry_at for member in fleet}
    for action in plan(fleet, demand, policy, NOW):
        assert action.order is not Order.WAKE or pauses[action.machine_id] <= NOW


@given(fleets(), demands, policies(), st.floats(0, 1))
def test_nothing_changes_before_the_next_moment_that_is_announced(
    fleet: list[Member], demand: Demand, policy: Policy, share: float
) -> None:
    """The loop sleeps until `next_change`: a plan that changed before would be carried out too late."""
    due = next_change(fleet, demand, policy, NOW)
    assert due is None or due > NOW
    before = math.nextafter(due, NOW) if due is not None else NOW + 1e6
    between = NOW + (before - NOW) * share
    orders = [(action.order, action.machine_id) for action in plan(fleet, demand, policy, NOW)]
    assert [(action.order, action.machine_id) for action in plan(fleet, demand, policy, between)] == orders


WAKE_SECONDS, STOP_SECONDS = 40.0, 30.0


def lived(fleet: list[Member], demand: Demand, policy: Policy, seconds: float) -> list[Member]:
    """The fleet after `seconds` in a cloud that does what it is told, with a loop that sleeps from moment to moment."""
    now, end = NOW, NOW + seconds
    while now < end:
        fleet = [replace(member, machine=in_the_cloud(member, now)) for member in fleet]
        for _ in range(3):  # an order, the one that follows from it, and nothing
            fleet = carried_out(fleet, plan(fleet, demand, policy, now), now)
        ends = [moment for member in fleet if (moment := next_sighting(member)) > now]
        now = min([next_change(fleet, demand, policy, now) or end, end, *ends])
    return fleet


def next_sighting(member: Member) -> float:
    takes = {MachineState.WAKING: WAKE_SECONDS, MachineState.STOPPING: STOP_SECONDS}.get(member.machine.state)
    return 0.0 if takes is None else member.machine.since + takes


def in_the_cloud(member: Member, now: float) -> Machine:
    machine = member.machine
    changes = {"since": now, "generation": machine.generation + 1, "stage": None}
    if machine.state is MachineState.BUSY and not member.work:
        return replace(machine, state=MachineState.READY, **changes)
    if machine.state is MachineState.WAKING and now >= next_sighting(member):
        return replace(machine, state=MachineState.BUSY if member.work else MachineState.READY, **changes)
    if machine.state is MachineState.STOPPING and now >= next_sighting(member):
        return replace(machine, state=MachineState.ASLEEP, awake_since=None, notice=None, stuck=False, **changes)
    return machine


@settings(max_examples=60)
@given(fleets(3).filter(lambda fleet: any(m.machine.state is not MachineState.GONE for m in fleet)), policies())
def test_a_machine_that_is_wanted_is_awake_in_the_end(fleet: list[Member], policy: Policy) -> None:
    idle = [replace(member, work=0) for member in fleet]
    assert awake(lived(idle, Demand(queued=1), replace(policy, max_uptime=2e9, curfew=None), 3000)) >= 1


@settings(max_examples=60)
@given(fleets(3), demands, policies())
def test_a_machine_that_nobody_wants_is_asleep_in_the_end(fleet: list[Member], demand: Demand, policy: Policy) -> None:
    idle = [replace(member, work=0) for member in fleet]
    after = lived(idle, replace(demand, queued=0), replace(policy, minimum=0), 3000)
    assert {member.machine.state for member in after} <= {MachineState.ASLEEP, MachineState.GONE}


def test_the_cheapest_machine_that_did_not_fail_is_woken_first() -> None:
    dear = Machine("dear", "default", "fake", 2_000_000)
    failed = Machine("failed", "default", "fake", 100_000, failures=1)
    cheap = Machine("cheap", "default", "fake", 500_000)
    fleet = [Member(machine) for machine in (dear, failed, cheap)]
    (action,) = plan(fleet, Demand(queued=1), Policy(maximum=3), NOW)
    assert (action.order, action.machine_id) == (Order.WAKE, "cheap")


def test_one_machine_is_wanted_for_every_so_many_jobs() -> None:
    policy = Policy(maximum=3, jobs_per_machine=4)
    assert [wanted([], Demand(queued=n), policy, NOW) for n in (0, 1, 4, 5, 8, 9, 100)] == [0, 1, 1, 2, 2, 3, 3]


def test_a_wish_wants_one_machine_until_it_ends() -> None:
    assert wanted([], Demand(wished_until=NOW + 1), Policy(), NOW) == 1
    assert wanted([], Demand(wished_until=NOW), Policy(), NOW) == 0


def test_during_the_curfew_nothing_is_wanted_and_nothing_is_kept() -> None:
    policy = Policy(minimum=1, curfew=DAY)
    fleet = [Member(Machine("m1", "default", "fake", 0, state=MachineState.BUSY, hold_until=NOW + 900), work=1)]
    assert wanted(fleet, Demand(queued=5, wished_until=NOW + 60), policy, NOW) == 0
    assert [action.order for action in plan(fleet, Demand(queued=5), policy, NOW)] == [Order.DRAIN]
    assert next_change(fleet, Demand(), policy, NOW) == NOW + 60
