"""`wakebrush image verify`: one machine is made, looked at, lets us see a picture, and is ended whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.aws.cloud import STUDIO, Cloud
from tests.aws.rolling import Pool, pool, practice_nodes
from wake_service.aws import tags
from wake_service.clock import ManualClock
from wake_service.errors import EngineError, EngineFailed, ProviderError, ProviderTimeout
from wake_service.images import record
from wake_service.images.facts import Image, find_image
from wake_service.providers.ec2.options import Ec2Options
from wake_service.providers.ec2.rule import WayIn


@pytest.fixture
async def studio(cloud: Cloud, clock: ManualClock) -> AsyncIterator[Pool]:
    async with pool(cloud, clock, machines=1) as made:
        yield made


async def found(studio: Pool, name: str = "next", **versions: str) -> Image:
    return await find_image(studio.cloud.aws(), STUDIO, studio.image(name, **versions))


async def verify(studio: Pool, image: Image) -> None:
    await studio.finish(studio.trials().canary(image))


def made(studio: Pool) -> list[dict[str, object]]:
    return [dict(call.arguments) for call in studio.cloud.asked("RunInstances")]


async def test_an_image_that_works_says_so_for_a_day(studio: Pool) -> None:
    image = await found(studio, comfyui="v0.45.2")
    await verify(studio, image)
    now = studio.clock.now()
    again = await find_image(studio.cloud.aws(), STUDIO, image.id)
    assert again.verified_lately(now) and not again.verified_lately(now + 86_400)
    assert any("It painted a picture of 512 x 512 with Sketch (practice)." in line for line in studio.said)


async def test_the_canary_is_of_the_image_apart_from_the_pool_and_ends_for_good_when_it_powers_off(studio: Pool) -> None:
    image = await found(studio)
    await verify(studio, image)
    (request,) = made(studio)
    assert request["ImageId"] == image.id and request["InstanceInitiatedShutdownBehavior"] == "terminate"
    tagged = {entry["ResourceType"]: tags.as_dict(entry["Tags"]) for entry in request["TagSpecifications"]}  # type: ignore[attr-defined]
    assert tagged["instance"][tags.POOL] == tags.CANARY_POOL and tagged["instance"][tags.DEPLOYMENT] == STUDIO
    lease = tags.read_moment(tagged["instance"][tags.LEASE_UNTIL])
    assert lease is not None and lease > studio.clock.now(), "the reaper would stop it while it boots"


async def test_nothing_of_the_check_is_left(studio: Pool) -> None:
    await verify(studio, await found(studio))
    await studio.clock.advance(60)
    assert studio.canaries() == [] and studio.disks() == 2 and studio.let_in() == []
    assert studio.cloud.client("ssm").describe_parameters()["Parameters"] == []


async def test_the_rule_of_the_service_stays_as_it_is(studio: Pool) -> None:
    async def elsewhere() -> str:
        return "203.0.113.99"

    options = Ec2Options(deployment=STUDIO, security_group=studio.stack.security_group)
    await WayIn(studio.cloud.aws(), options, elsewhere).open()
    before = studio.let_in()
    await verify(studio, await found(studio))
    assert studio.let_in() == before != []


async def test_the_pool_is_not_touched(studio: Pool) -> None:
    machine, *_ = await studio.sleepers()
    before = (await studio.sleepers())[machine]
    await verify(studio, await found(studio))
    assert (await studio.sleepers())[machine] == before and studio.in_plan() == studio.before


async def test_a_picture_that_fails_is_the_engines_own_sentence_and_the_canary_is_ended(studio: Pool) -> None:
    image = await found(studio)
    studio.broken.add(image.id)
    with pytest.raises(EngineFailed, match="no kernel image is available"):
        await verify(studio, image)
    await studio.clock.advance(60)
    assert studio.canaries() == [] and (await find_image(studio.cloud.aws(), STUDIO, image.id)).verified_at is None


async def test_another_engine_than_the_tags_say_is_said(studio: Pool) -> None:
    with pytest.raises(EngineError, match=r"tagged as ComfyUI 0\.44\.0, and the engine says that it is 0\.45\.2"):
        await verify(studio, await found(studio, comfyui="v0.44.0"))


async def test_a_node_that_the_build_had_and_the_machine_lacks_is_named(studio: Pool) -> None:
    image = await found(studio)
    body = b'{"INPAINT_ExpandMask": {}, "KSampler": {}}'
    studio.cloud.client("s3").put_object(Bucket=studio.stack.bucket, Key=record.catalogue_key(image.id), Body=body)
    with pytest.raises(EngineError, match="lacks nodes that it had when the image was built: INPAINT_ExpandMask"):
        await verify(studio, image)


async def test_an_engine_without_a_model_paints_one_colour(studio: Pool) -> None:
    studio.nodes = {name: node for name, node in practice_nodes().items() if "Loader" not in name}
    await verify(studio, await found(studio))
    assert any("of one colour, since it has no model" in line for line in studio.said)


async def test_a_machine_that_never_answers_is_said_and_ended(studio: Pool) -> None:
    studio.cloud.times.guard = 100_000.0
    with pytest.raises(ProviderTimeout, match="neither guard nor agent were reached"):
        await verify(studio, await found(studio))
    await studio.clock.advance(60)
    assert studio.canaries() == []


async def test_a_zone_that_is_taken_is_passed_over_and_if_all_are_nothing_was_made(studio: Pool) -> None:
    image = await found(studio)
    studio.cloud.take("g5.xlarge", "us-east-1a")
    await verify(studio, image)
    studio.cloud.take("g5.xlarge")
    with pytest.raises(ProviderError, match="Nothing was changed"):
        await verify(studio, image)


async def test_a_canary_that_cannot_be_ended_is_named_with_what_to_do(studio: Pool) -> None:
    studio.cloud.deny("ec2:TerminateInstances")
    with pytest.raises(ProviderError, match=r"The canary (i-\w+) could not be ended, and costs money .* --instance-ids \1"):
        await verify(studio, await found(studio))
    studio.cloud.allow("ec2:TerminateInstances")
    await verify(studio, await found(studio, "another"))
    assert studio.canaries() == []


async def test_what_failed_is_still_said_when_the_canary_cannot_be_ended_either(studio: Pool) -> None:
    image = await found(studio)
    studio.broken.add(image.id)
    studio.cloud.deny("ec2:TerminateInstances")
    with pytest.raises(ProviderError, match=r"no kernel image .* could not be ended"):
        await verify(studio, image)


async def test_whoever_presses_ctrl_c_leaves_no_canary(studio: Pool) -> None:
    task = asyncio.ensure_future(studio.trials().canary(await found(studio)))
    while not studio.canaries():
        await studio.clock.advance(1)
    await studio.clock.advance(10)
    task.cancel()
    await studio.clock.advance(60)
    assert task.cancelled() and studio.canaries() == [] and studio.let_in() == []


async def test_what_aws_shows_late_is_waited_for(studio: Pool) -> None:
    studio.cloud.times.visible = 12.0
    await verify(studio, await found(studio))
    await studio.clock.advance(60)
    assert studio.canaries() == []


async def test_a_canary_that_aws_does_not_list_yet_is_ended_as_well(studio: Pool) -> None:
    studio.cloud.times.visible = 30.0
    task = asyncio.ensure_future(studio.trials().canary(await found(studio)))
    while not studio.canaries():
        await studio.clock.advance(1)
    task.cancel()
    await studio.clock.advance(120)
    assert task.cancelled() and studio.canaries() == []
