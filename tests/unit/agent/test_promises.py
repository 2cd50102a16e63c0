"""Whatever is ordered in whatever order, a machine keeps to the promises about stopping (DESIGN: nothing stops it with work)."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from wake_service.agent.memory import MachineTimes, MemoryMachine
from wake_service.agent.wire import Acknowledge, Drain, Hold, Order, Prefetch, Reply, Stop, Undrain
from wake_service.clock import ManualClock

ids = st.sampled_from("abcdef")
orders = st.one_of(
    st.builds(Drain, id=ids),
    st.builds(Undrain, id=ids),
    st.builds(Stop, id=ids),
    st.builds(Hold, id=ids, until=st.none() | st.floats(0, 2_000_000_000)),
    st.builds(Prefetch, id=ids, models=st.just(())),
    st.builds(Acknowledge, id=ids, results=st.just(("p",))),
)
queues = st.tuples(st.integers(0, 1), st.integers(0, 2))
passing = st.sampled_from((0.5, 30.0, 700.0))
#: Each kind as often as the others.
steps = st.sampled_from((orders, queues, passing)).flatmap(lambda kind: kind)


@settings(deadline=None)
@given(st.lists(steps, max_size=25))
def test_a_machine_with_work_never_stops_and_takes_prompts_unless_it_was_told_to_drain(
    course: list[Order | tuple[int, int] | float],
) -> None:
    asyncio.run(live(course))


async def live(course: list[Order | tuple[int, int] | float]) -> None:
    clock = ManualClock()
    machine = MemoryMachine(clock, times=MachineTimes(guard=1, booting=1, engine=1, idle=600))
    machine.power_on("token")
    await clock.advance(3)
    link = machine.link("token", machine.fingerprint)
    working, draining = False, False
    replies: dict[str, Reply] = {}
    for step in course:
        if isinstance(step, tuple):
            machine.set_queue(*step)
            working = step != (0, 0)
        elif isinstance(step, float):
            await clock.advance(step)
        else:
            first = step.id not in replies
            reply = await link.order(step)
            assert replies.setdefault(step.id, reply) == reply
            if first:
                assert reply.done != (isinstance(step, Stop) and working)
                draining = isinstance(step, Drain) or (draining and not isinstance(step, Undrain))
        if machine.life is None:
            assert not working
            break
        assert (machine.refuse_prompt() is not None) == draining
    await link.close()
    await machine.close()
