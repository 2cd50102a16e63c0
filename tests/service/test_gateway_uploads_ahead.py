"""An upload goes to the engine that is awake as it arrives, and to none that its artist may not fill."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.service.house import House, accepted
from tests.support.forms import upload_image
from tests.support.pictures import png
from wake_service.files.folders import LARGEST_HELD, MOST_HELD
from wake_service.machines.model import MachineState

RED, BLUE = png(8, 8, (255, 0, 0)), png(8, 8, (0, 0, 255))


async def wake(house: House) -> None:
    await accepted(house.mira)
    await house.until(MachineState.BUSY)


def is_at_engine(folder: Path, data: bytes) -> bool:
    return (folder / "engine" / "input" / "wakebrush" / f"{hashlib.sha256(data).hexdigest()}.png").exists()


async def test_an_upload_is_at_an_awake_engine_before_any_prompt_wants_it(painting_house: House, tmp_path: Path) -> None:
    await wake(painting_house)
    assert (await upload_image(painting_house.at_gateway(painting_house.mira), "a.png", RED)).status == 200
    await painting_house.service.workflows.uploads.settled()
    assert is_at_engine(tmp_path, RED)
    assert painting_house.service.folders.held_room == MOST_HELD


async def test_what_is_large_goes_with_its_prompt(painting_house: House, tmp_path: Path) -> None:
    await wake(painting_house)
    large, small = bytes(LARGEST_HELD + 1), BLUE
    for data in (large, small):
        assert (await upload_image(painting_house.at_gateway(painting_house.mira), "a.png", data)).status == 200
    await painting_house.service.workflows.uploads.settled()
    assert is_at_engine(tmp_path, small) and not is_at_engine(tmp_path, large)
    assert painting_house.service.folders.held_room == MOST_HELD


async def test_an_upload_over_the_quota_reaches_no_engine(practice_address: str, tmp_path: Path) -> None:
    async with House(tmp_path / "data", practice_address, quota_bytes=len(RED) + 10).open() as house:
        await wake(house)
        mira = house.at_gateway(house.mira)
        answers = [(await upload_image(mira, "a.png", data)).status for data in (RED, BLUE)]
        await house.service.workflows.uploads.settled()
        assert answers == [200, 413] and is_at_engine(tmp_path, RED) and not is_at_engine(tmp_path, BLUE)
