"""EC2 machines as the reaper sees them."""

from __future__ import annotations

import pytest

from tests.aws.cloud import Cloud
from tests.aws.studio import studio
from wake_service.agent.wire import Hold
from wake_service.aws import tags
from wake_service.clock import ManualClock
from wake_service.errors import ProviderError
from wake_service.providers.base import Power
from wake_service.providers.leases import Probe


async def test_the_inventory_is_of_the_clouds_own_moment(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine(pool="paint")
    cloud.skew = 90.0
    async with studio(clock, cloud) as s:
        inventory = await s.provider.inventory()
        assert inventory.at == clock.now() + 90
        (holding,) = inventory.machines
        assert (holding.machine_id, holding.pool, holding.power) == (machine, "paint", Power.STOPPED)
        assert (holding.lease_until, holding.hold_until) == (None, None)


async def test_a_renewed_lease_is_read_back_from_the_machine(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        now = clock.now()
        await s.provider.renew(machine, lease_until=now + 600.9, hold_until=now + 3600)
        (holding,) = (await s.provider.inventory()).machines
        assert (holding.lease_until, holding.hold_until) == (now + 600, now + 3600)
        await s.provider.renew(machine, lease_until=now + 900, hold_until=None)
        (holding,) = (await s.provider.inventory()).machines
        assert (holding.lease_until, holding.hold_until) == (now + 900, None)


async def test_a_lease_that_nobody_can_read_is_none(clock: ManualClock, cloud: Cloud) -> None:
    cloud.add_machine(tags={tags.LEASE_UNTIL: "tomorrow"})
    async with studio(clock, cloud) as s:
        assert (await s.provider.inventory()).machines[0].lease_until is None


async def test_the_agent_hears_of_a_hold_too(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        until = clock.now() + 3600
        await s.provider.renew(machine, lease_until=clock.now() + 600, hold_until=until)
        await clock.advance(1)
        assert [order.until for order in cloud.machine(machine).obeyed if isinstance(order, Hold)] == [until]


async def test_renewing_what_is_gone_is_refused_with_a_sentence(clock: ManualClock, cloud: Cloud) -> None:
    cloud.fail("CreateTags", "InvalidInstanceID.NotFound")
    async with studio(clock, cloud) as s:
        with pytest.raises(ProviderError, match=r'There is no machine "i-0123456789abcdef0"'):
            await s.provider.renew("i-0123456789abcdef0", lease_until=clock.now(), hold_until=None)


async def test_a_probe_tells_work_from_rest_and_from_silence(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        assert await s.during(s.provider.probe(machine)) is Probe.SILENT
        await s.wake(machine)
        assert await s.during(s.provider.probe(machine)) is Probe.EMPTY
        cloud.machine(machine).set_queue(running=1)
        assert await s.during(s.provider.probe(machine)) is Probe.WORKING
        cloud.machine(machine).silent = True
        assert await s.during(s.provider.probe(machine)) is Probe.SILENT
        cloud.silent = True
        assert await s.during(s.provider.probe(machine)) is Probe.SILENT
        assert await s.during(s.provider.probe("i-0123456789abcdef0")) is Probe.SILENT


async def test_a_probe_needs_no_service_that_knows_the_machine(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.machine(machine).set_queue(running=1)
        await s.restart()
        assert await s.during(s.provider.probe(machine)) is Probe.WORKING


async def test_an_inventory_that_cannot_be_had_says_so(clock: ManualClock, cloud: Cloud) -> None:
    async with studio(clock, cloud) as s:
        cloud.silent = True
        with pytest.raises(ProviderError, match="did not answer"):
            await s.during(s.provider.inventory())
