"""The hours at which nothing may run, as an artist meets them."""

from __future__ import annotations

from pathlib import Path

from tests.service.house import House, accepted
from wake_service.machines.model import MachineState

#: The house's clock begins on a Friday at 08:00 UTC.
SAID = "The studio's machines rest until Friday 09:00. Your picture is safe in the queue."


async def test_a_job_of_the_curfew_waits_and_is_told_until_when_and_then_goes_on_by_itself(tmp_path: Path) -> None:
    async with House(tmp_path / "data", curfew="Fri 07:00 - Fri 09:00").open() as house:
        job = await accepted(house.mira)
        assert job["waiting_for"] == "paused"
        (machine,) = (await house.mira.ask("GET", "/v1/machines")).json["machines"]
        assert machine["message"] == SAID
        await house.clock.advance(3590)
        assert house.state is MachineState.ASLEEP
        await house.clock.advance(10)
        assert house.state is MachineState.WAKING
