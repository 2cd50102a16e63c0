"""The service's share of a wake of an EC2 machine, in real time: AWS is the stand-in behind HTTP, whose own times are known."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import botocore.session

from tests.aws.cloud import STUDIO, Cloud, Times
from tests.aws.cloud.server import Server
from tests.aws.workshop import Easel, Studio
from tests.benchmarks.report import Metric, median, percentile
from wake_service.aws.clients import Aws
from wake_service.clock import SystemClock
from wake_service.machines.autoscaler import Policy
from wake_service.machines.model import Machine, MachineState
from wake_service.providers.ec2.options import Ec2Options
from wake_service.store.store import Store
from wake_service.store.tables import metadata

WAKES, WARM_UP = 30, 2
#: The engine takes longer than the 2 s between two looks at AWS's list, as every real one does.
TIMES = Times(pending=0.3, guard=0.2, booting=0.1, engine=2.6, stopping=0.2)
IDLE_SECONDS, WORK_SECONDS = 0.2, 0.05
LONGEST_WAKE = 60.0


class Remote(Cloud):
    """The same account, called as a service calls Amazon's: over HTTP, in threads."""

    endpoint: str

    def aws(self, kind: type[Aws] = Aws) -> Aws:
        session: Any = botocore.session.Session()
        session.set_credentials("AKIASTANDINSTANDIN00", "not a secret")
        return kind(self.region, self.clock, endpoint=self.endpoint, session=session)


class Watched(Studio):
    """Tells when its machine sleeps."""

    def __init__(self, *what: Any) -> None:
        super().__init__(*what)
        self.asleep = asyncio.Event()

    def _changed(self, machine: Machine) -> None:
        super()._changed(machine)
        if machine.state is MachineState.ASLEEP:
            self.asleep.set()


def measure(folder: Path) -> dict[str, Metric]:
    """Wakes of one machine, one after the other, each from asleep."""
    shares, late = asyncio.run(wakes(folder))
    how = (
        f"{WAKES} wakes of one machine of the EC2 provider: picture asked for to prompt on the engine, minus the stand-in's own "
        f"{TIMES.wake:g} s; its answers over HTTP, from the same process, count as ours. Noise: how late its own timers are"
    )
    return {
        "wake_share_ms_median": Metric(median(shares), "ms", 250, "lower", WAKES, how, median(late)),
        "wake_share_ms_p99": Metric(percentile(shares, 99), "ms", 500, "lower", WAKES, how, max(late)),
    }


async def wakes(folder: Path) -> tuple[list[float], list[float]]:
    """For each wake, milliseconds that are the service's, and those by which the stand-in itself was late to be `running`."""
    clock = SystemClock()
    cloud, store = Remote(clock, times=TIMES), Store.sqlite(folder / "wakes.sqlite")
    server, easel, heard = Server(cloud), Easel(cloud), dict[str, float]()
    cloud.endpoint = await server.start()
    try:
        cloud.add_machine()
        await asyncio.sleep(TIMES.stopping + TIMES.pending)
        metadata.create_all(store.engine)
        cloud.listen(lambda _id, state, _forced: heard.update({state: clock.now()}))
        options = Ec2Options(deployment=STUDIO, security_group=cloud.setting.security_group())
        studio = Watched(cloud, easel, store, Policy(), options, IDLE_SECONDS)
        await studio.start()
        shares, late = [], []
        for _ in range(WAKES + WARM_UP):
            shares.append(await one_wake(easel, studio))
            late.append((heard["running"] - heard["pending"] - TIMES.pending) * 1000)
        await studio.stop()
        return shares[WARM_UP:], late[WARM_UP:]
    finally:
        await server.stop()
        await cloud.close()
        store.close()


async def one_wake(easel: Easel, studio: Watched) -> float:
    """Milliseconds of one wake that are the service's; returns when the machine sleeps again."""
    studio.asleep.clear()
    picture = easel.ask(work=WORK_SECONDS)
    await asyncio.wait_for(studio.asleep.wait(), LONGEST_WAKE)
    assert picture.begun_at is not None and picture.done_at is not None, "the machine slept again before it had painted"
    return (picture.begun_at - picture.asked_at - TIMES.wake) * 1000
