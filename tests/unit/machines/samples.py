"""Fleets, demands and policies, of every kind that the service can meet."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from wake_service.machines import model
from wake_service.machines.autoscaler import Action, Demand, Member, Order, Policy
from wake_service.machines.curfew import Curfew
from wake_service.machines.model import Machine, MachineState, WakeStage
from wake_service.providers.base import NoticeKind

NOW = 1_800_000_000.0

#: NOW is 08:00 UTC: one curfew is over, the other begins in a minute, which is one of the moments below.
NIGHT, DAY = Curfew.parse("22:00 - 07:00", "UTC"), Curfew.parse("07:59 - 08:01", "UTC")

#: Around NOW, so that what is due, what is not, and what is due exactly now all come up.
moments = st.sampled_from([0.0, NOW - 1000.0, NOW - 60.0, NOW - 1.0, NOW, NOW + 1.0, NOW + 60.0, NOW + 1000.0])
states = st.sampled_from(list(MachineState))


UP = {MachineState.WAKING, MachineState.READY, MachineState.BUSY, MachineState.DRAINING}


@st.composite
def machines(draw: st.DrawFn, machine_id: str = "m1") -> Machine:
    state = draw(states)
    return Machine(
        id=machine_id,
        pool="default",
        provider="fake",
        price_micros_per_hour=draw(st.sampled_from([0, 400_000, 1_006_000])),
        state=state,
        stage=draw(st.sampled_from(list(WakeStage))) if state is MachineState.WAKING else None,
        generation=draw(st.integers(0, 50)),
        since=draw(moments.filter(lambda at: at <= NOW)),
        lease_until=draw(moments),
        retry_at=draw(moments),
        failures=draw(st.integers(0, 4)),
        hold_until=draw(moments),
        awake_since=draw(moments.filter(lambda at: at <= NOW)) if state in UP else None,
        notice=draw(st.sampled_from([None, None, None, *NoticeKind])) if state in UP else None,
        stuck=draw(st.booleans()) if state is MachineState.FAILED else False,
    )


@st.composite
def fleets(draw: st.DrawFn, most: int = 5) -> list[Member]:
    size = draw(st.integers(0, most))
    return [Member(draw(machines(f"m{n}")), draw(st.sampled_from([0, 0, 1, 3, 9]))) for n in range(size)]


demands = st.builds(Demand, queued=st.sampled_from([0, 0, 1, 4, 5, 40]), wished_until=moments)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    maximum = draw(st.integers(1, 4))
    return Policy(
        maximum=maximum,
        minimum=draw(st.integers(0, maximum)),
        jobs_per_machine=draw(st.integers(1, 4)),
        max_uptime=draw(st.sampled_from([60.0, 1000.0, 1e9, 2e9])),
        longest_job=draw(st.sampled_from([0.0, 60.0, 1e9])),
        curfew=draw(st.sampled_from([None, None, None, NIGHT, DAY])),
    )


BECOMES = {
    Order.WAKE: MachineState.WAKING,
    Order.DRAIN: MachineState.DRAINING,
    Order.STOP: MachineState.STOPPING,
    Order.EVICT: MachineState.STOPPING,
    Order.GIVE_UP: MachineState.FAILED,
}


def target(action: Action, member: Member) -> MachineState:
    """The state that an order asks for."""
    if action.order is Order.KEEP:
        return MachineState.BUSY if member.work else MachineState.READY
    return BECOMES[action.order]


def carried_out(fleet: list[Member], actions: list[Action], now: float) -> list[Member]:
    """The fleet once every order was accepted. Raises IllegalOrder for one that the table does not allow."""
    ordered = {action.machine_id: action for action in actions}
    after = []
    for member in fleet:
        action = ordered.get(member.machine.id)
        if action is None:
            after.append(member)
            continue
        assert action.generation == member.machine.generation
        changed = model.order(member.machine, target(action, member), now)
        if action.order is Order.GIVE_UP:
            stuck = member.machine.state is MachineState.STOPPING
            failures, retry_at = changed.failures + 1, now if stuck else now + 2.0
            changed = replace(changed, retry_at=retry_at, stuck=stuck, failures=failures)
        after.append(replace(member, machine=changed))
    return after
