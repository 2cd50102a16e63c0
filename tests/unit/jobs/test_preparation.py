"""What a machine that boots is given for the jobs that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from tests.unit.jobs.studio import job, request
from wake_service.blobs.memory import MemoryBlobs
from wake_service.clock import ManualClock, settle
from wake_service.comfy.request import Mode
from wake_service.comfy.styles import PRACTICE_STYLES, needed_models
from wake_service.errors import ProviderError
from wake_service.jobs.model import Job
from wake_service.jobs.preparation import JOBS, PAUSE_SECONDS, Hands, Preparation

STYLES = {style.name: style for style in PRACTICE_STYLES}


class Booting:
    """A machine that boots; `deaf` while it hears nothing, `takes` whether it takes pictures yet."""

    def __init__(self) -> None:
        self.deaf = False
        self.takes = True
        self.booting = True
        self.models: list[tuple[str, ...]] = []
        self.pictures: list[str] = []
        self.hands = Hands(self.prefetch, self.deliver, lambda: self.booting)

    async def prefetch(self, models: Sequence[str]) -> None:
        self._hear()
        self.models.append(tuple(models))

    async def deliver(self, name: str, data: bytes) -> str | None:
        self._hear()
        self.pictures.append(name)
        return f"given/{name}" if self.takes else None

    def _hear(self) -> None:
        if self.deaf:
            raise ProviderError("It does not hear yet.")


class Scene:
    """One machine, pictures, and a clock."""

    def __init__(self) -> None:
        self.clock, self.blobs, self.machine = ManualClock(), MemoryBlobs(), Booting()
        self.preparation = Preparation(self.blobs, self.clock, STYLES.get)

    async def picture(self, content: bytes) -> str:
        return (await self.blobs.put(content)).sha256

    async def prepare(self, *jobs: Job) -> None:
        await self.preparation.prepare("m1", "b1", lambda: jobs, self.machine.hands)

    @property
    def given(self) -> dict[str, str]:
        return self.preparation.of("m1", "b1").inputs


async def repaint(scene: Scene, style: str = "practice-gouache", image: bytes = b"image", mask: bytes = b"mask") -> Job:
    image_id, mask_id = await scene.picture(image), await scene.picture(mask)
    return job(request=request(mode=Mode.INPAINT, image=image_id, mask=mask_id, style=style))


async def test_it_is_given_the_models_and_pictures_of_the_first_jobs() -> None:
    scene = Scene()
    first = await repaint(scene)
    await scene.prepare(first)
    assert scene.machine.models == [tuple(f"{folder}/{name}" for folder, name in needed_models(STYLES["practice-gouache"]))]
    wanted = [first.request.image, first.request.mask]
    assert scene.given == {sha256: f"given/{sha256}.png" for sha256 in wanted}


async def test_no_more_jobs_are_prepared_for_than_the_engine_takes_at_first() -> None:
    scene = Scene()
    jobs = [await repaint(scene, image=bytes([n]), mask=b"the same") for n in range(5)]
    await scene.prepare(*jobs)
    assert len(scene.machine.pictures) == JOBS + 1, "the mask they share is given once"


async def test_a_machine_that_does_not_hear_yet_is_asked_again_until_it_does() -> None:
    scene = Scene()
    scene.machine.deaf = True
    preparing = asyncio.create_task(scene.prepare(await repaint(scene)))
    await scene.clock.advance(3 * PAUSE_SECONDS)
    assert scene.given == {} and not preparing.done()
    scene.machine.deaf = False
    await scene.clock.advance(PAUSE_SECONDS)
    assert len(scene.given) == 2 and preparing.done()


async def test_it_ends_when_the_machine_boots_no_more() -> None:
    scene = Scene()
    scene.machine.deaf = True
    preparing = asyncio.create_task(scene.prepare(await repaint(scene)))
    await settle()
    scene.machine.booting = False
    await scene.clock.advance(PAUSE_SECONDS)
    assert preparing.done() and scene.machine.pictures == []


async def test_where_no_picture_is_taken_before_the_engine_answers_none_counts_as_given() -> None:
    scene = Scene()
    scene.machine.takes = False
    await scene.prepare(await repaint(scene))
    assert scene.given == {}


async def test_what_another_life_of_the_machine_was_given_is_not_believed() -> None:
    scene = Scene()
    await scene.prepare(await repaint(scene))
    assert scene.given and scene.preparation.of("m1", "b2").inputs == {}


async def test_a_picture_that_cannot_be_read_is_left_to_the_job_itself() -> None:
    scene = Scene()
    good = await repaint(scene)
    await scene.prepare(job(request=replace(good.request, image="f" * 64)), good)
    assert "f" * 64 not in scene.given


async def test_a_style_that_is_gone_needs_no_models() -> None:
    scene = Scene()
    await scene.prepare(job(request=request(style="gone")))
    assert scene.machine.models == []
