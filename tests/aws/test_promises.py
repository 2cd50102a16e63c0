"""Whatever happens, in whatever order: no busy machine is stopped, no picture wakes two, none outlives its lease for long."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.aws.cloud import STUDIO, Cloud
from tests.aws.workshop import Scene, open_provider
from wake_service.aws import tags
from wake_service.clock import ManualClock
from wake_service.machines.autoscaler import Policy
from wake_service.machines.model import MachineState
from wake_service.machines.reaper import Reaper
from wake_service.machines.verdicts import ReaperPolicy
from wake_service.providers.ec2.options import Ec2Options

T = TypeVar("T")
UP = frozenset({MachineState.WAKING, MachineState.READY, MachineState.BUSY})
#: Two readings half a period apart, the first a period after the lease's end at the latest, and what a guard that is silent
#: takes to be given up (seconds).
REAPED_WITHIN = 1.5 * 60.0 + 15.0
#: After a fault was due, this long (seconds) the cloud's own delays excuse a machine that should have gone.
EXCUSED = 420.0

operations = st.sampled_from(
    ["StartInstances", "StopInstances", "DescribeInstances", "CreateTags", "PutParameter", "GetParameter", "*"]
)
codes = st.sampled_from(["RequestLimitExceeded", "InternalError", "SomethingNew"])


class Promises(RuleBasedStateMachine):
    """One studio with an on-demand and a spot machine, a service that may die, and a reaper that runs by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.troubled_at = 0.0
        self.alive = True
        self.console: set[str] = set()
        self.stopped_busy: list[str] = []
        self.launched: dict[str, float] = {}
        self.run(self._begin())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _begin(self) -> None:
        self.clock = ManualClock()
        self.cloud = Cloud(self.clock)
        self.machines = [self.cloud.add_machine(), self.cloud.add_machine(spot=True)]
        options = Ec2Options(deployment=STUDIO, security_group=self.cloud.setting.security_group())
        self.scene = Scene(self.cloud, Policy(maximum=1), options)
        self.cloud.listen(self._heard)
        await self.scene.studio.start()
        self.alone = open_provider(self.cloud, options)
        self.reaping = asyncio.ensure_future(Reaper(self.alone, self.clock).run())
        await self.clock.advance(5)

    def _heard(self, instance_id: str, state: str, forced: bool) -> None:
        """Somebody at the service's end has stopped a machine: was it at work?"""
        if state == "pending":
            self.launched[instance_id] = self.clock.now()
        last = self.cloud.calls[-1] if self.cloud.calls else None
        ordered = last is not None and last.operation == "StopInstances" and instance_id in last.arguments["InstanceIds"]
        picture = self.scene.easel.held.get(instance_id)
        if state == "stopping" and ordered and picture is not None and not picture.painted.is_set() and picture.life is not None:
            self.stopped_busy.append(instance_id)

    @initialize()
    def everything_sleeps(self) -> None:
        assert self.cloud.running() == []

    @rule(work=st.sampled_from([5.0, 60.0, 300.0]))
    def an_artist_asks(self, work: float) -> None:
        async def ask() -> None:
            self.scene.easel.ask(work=work)
            await self.clock.advance(0)

        self.run(ask())

    @rule()
    def an_artist_is_in_the_middle_of_a_long_picture(self) -> None:
        async def paint() -> None:
            self.scene.easel.ask(work=900.0)
            await self.clock.advance(50)

        self.run(paint())

    @rule(seconds=st.sampled_from([1.0, 7.0, 30.0, 45.0, 120.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    @rule(operation=operations, code=codes, times=st.integers(1, 6), acted=st.booleans())
    def aws_fails(self, operation: str, code: str, times: int, acted: bool) -> None:
        self.cloud.fail(operation, code, times=times, acted=acted)
        self.troubled_at = self.clock.now()

    @rule()
    def faults_end(self) -> None:
        self.cloud.heal()

    @rule(taken=st.booleans())
    def capacity_comes_and_goes(self, taken: bool) -> None:
        (self.cloud.take if taken else self.cloud.give_back)("g5.xlarge")

    @rule(kind=st.sampled_from(["interrupt", "rebalance"]))
    def the_cloud_wants_its_machine_back(self, kind: str) -> None:
        if self.cloud.state(self.machines[1]) == "running":
            self.run(self._call(getattr(self.cloud, kind), self.machines[1]))

    @rule(number=st.integers(0, 1))
    def somebody_starts_one_in_the_console(self, number: int) -> None:
        machine = self.machines[number]
        there_is_one = self.cloud.capacity.has("g5.xlarge", "us-east-1a", "spot" if number else "on-demand")
        if self.cloud.state(machine) == "stopped" and there_is_one and not self.cloud.ec2.life(machine).interrupted:
            self.console.add(machine)
            self.run(self._call(self.cloud.start, machine))

    @rule(number=st.integers(0, 1))
    def one_falls_over(self, number: int) -> None:
        if self.cloud.state(self.machines[number]) == "running":
            self.run(self._call(self.cloud.power_off, self.machines[number]))

    @rule(address=st.sampled_from(["198.51.100.9", "203.0.113.5"]))
    def the_service_moves(self, address: str) -> None:
        self.run(self._call(self.cloud.move, address))

    @precondition(lambda self: self.alive)
    @rule(seconds=st.sampled_from([60.0, 900.0]))
    def somebody_keeps_one_awake(self, seconds: float) -> None:
        up = [machine.id for machine in self.scene.studio.fleet.all() if machine.state in UP]
        if up:
            self.run(self.scene.studio.controller.hold(up[0], self.clock.now() + seconds))

    @precondition(lambda self: self.alive)
    @rule()
    def the_service_dies(self) -> None:
        self.alive = False
        self.run(self.scene.kill())

    @precondition(lambda self: not self.alive)
    @rule()
    def the_next_service_begins(self) -> None:
        self.alive = True
        self.run(self.scene.revive())

    @precondition(lambda self: not self.alive)
    @rule()
    def nobody_looks_for_an_hour(self) -> None:
        """All that is left is the reaper: what has no work is asleep within the hour."""
        self.cloud.heal()
        self.run(self.clock.advance(3600))
        held = self.scene.easel.held
        idle = [id for id in self.cloud.running() if id not in held or held[id].painted.is_set() or held[id].life is None]
        assert [id for id in idle if self._covered_until(id) + REAPED_WITHIN < self.clock.now()] == []

    @invariant()
    def no_busy_machine_was_stopped(self) -> None:
        assert self.stopped_busy == []

    @invariant()
    def no_more_machines_are_awake_than_may_be(self) -> None:
        if not self.alive:
            return
        there = self.scene.studio.fleet.all()
        self.console &= set(self.cloud.running())
        awake = [machine.id for machine in there if machine.state in UP and machine.notice is None]
        assert len(set(awake) - self.console) <= 1

    @invariant()
    def none_outlives_its_lease_for_long(self) -> None:
        if self.clock.now() < self.troubled_at + EXCUSED or self.cloud.front.faults:
            return
        for machine_id in self.cloud.in_state("running"):
            picture = self.scene.easel.held.get(machine_id)
            if picture is None or picture.painted.is_set():
                assert self.clock.now() <= self._covered_until(machine_id) + REAPED_WITHIN

    def _covered_until(self, machine_id: str) -> float:
        """Until when its tags let it run; without a lease the reaper takes the start and its grace for one."""
        said = self.cloud.tags(machine_id)
        moments = [tags.read_moment(said.get(name)) or 0.0 for name in (tags.LEASE_UNTIL, tags.HOLD_UNTIL)]
        return max(*moments, self.launched.get(machine_id, 0.0) + (0.0 if any(moments) else ReaperPolicy().grace))

    async def _call(self, what: Any, *arguments: object) -> None:
        what(*arguments)
        await self.clock.advance(0)

    def teardown(self) -> None:
        """In the end, when nothing fails any more, every picture is painted and nothing runs."""
        self.run(self._end())
        self.loop.close()

    async def _end(self) -> None:
        try:
            self.cloud.heal()
            self.cloud.give_back("g5.xlarge")
            if not self.alive:
                await self.scene.revive()
            work = sum(picture.work for picture in self.scene.easel.unfinished)
            await self.scene.until_done(4000 + 2 * work, step=20.0)
            assert await self.scene.asleep(seconds=4000, step=30.0) == []
            self.no_busy_machine_was_stopped()
        finally:
            await self.scene.kill()
            self.reaping.cancel()
            await asyncio.gather(self.reaping, return_exceptions=True)
            await self.alone.close()
            await self.cloud.close()


TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=12, stateful_step_count=20)
