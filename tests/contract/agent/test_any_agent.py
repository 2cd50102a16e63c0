"""What every agent keeps to, whoever built it. Nothing here stops the machine or needs its engine."""

from __future__ import annotations

import json
import uuid
from typing import Any, Literal

import pytest

from tests.contract.agent.hearing import Hearing
from tests.contract.agent.worlds import World
from wake_service.agent.link import LinkBroken, LinkRefused
from wake_service.agent.wire import (
    ORDERS,
    WIRE,
    Acknowledge,
    Drain,
    Hold,
    OrderBase,
    Prefetch,
    Stage,
    Undrain,
)
from wake_service.errors import ProviderError, ProviderTimeout

PICTURE = b"\x89PNG\r\n\x1a\n not a whole one, which nobody looks at here"


class Dance(OrderBase):
    type: Literal["dance"] = "dance"


class Waltz(Drain):
    """An order of a later service: one that we know, with more to say."""

    tempo: str = "3/4"


class Crooked(OrderBase):
    type: Literal["prefetch"] = "prefetch"
    models: int = 5


class Garbage(OrderBase):
    type: Literal["garbage"] = "garbage"
    text: str = '{"type": '

    def model_dump_json(self, **_: Any) -> str:
        return self.text


async def test_the_first_message_is_a_whole_report(hearing: Hearing) -> None:
    report = await hearing.until(lambda report: True)
    assert (report.wire, report.stage in Stage) == (WIRE, True)
    assert report.machine and report.boot and report.agent.version
    assert set(ORDERS) <= set(report.agent.capabilities)


async def test_a_report_comes_at_least_at_every_heartbeat(hearing: Hearing) -> None:
    first = await hearing.until(lambda report: True)
    beats = len(hearing.reports)
    await hearing.until(lambda _: len(hearing.reports) >= beats + 2, seconds=4 * hearing.world.heartbeat)
    assert hearing.reports[-1].boot == first.boot
    moments = [report.at for report in hearing.reports]
    assert moments == sorted(moments)


async def test_a_draining_machine_says_so_and_takes_no_prompt(hearing: Hearing) -> None:
    assert (await hearing.order(Drain())).done
    await hearing.until(lambda report: report.draining)
    status, headers, body = await hearing.world.prompt()
    assert status == 503 and int(headers["Retry-After"]) > 0
    answer = json.loads(body)
    assert answer["error"]["message"] and answer["node_errors"] == {}

    assert (await hearing.order(Undrain())).done
    await hearing.until(lambda report: not report.draining)
    status, _, _ = await hearing.world.prompt()
    assert status != 503


async def test_draining_twice_is_draining(hearing: Hearing) -> None:
    assert (await hearing.order(Drain())).done and (await hearing.order(Drain())).done
    await hearing.until(lambda report: report.draining)
    assert (await hearing.order(Undrain())).done and (await hearing.order(Undrain())).done
    await hearing.until(lambda report: not report.draining)


async def test_an_order_sent_again_is_answered_again_and_not_carried_out_twice(hearing: Hearing) -> None:
    drain = Drain()
    first = await hearing.order(drain)
    await hearing.order(Undrain())
    await hearing.until(lambda report: not report.draining)
    assert await hearing.order(drain) == first
    async with Hearing(hearing.world, await hearing.world.dial()) as other:
        assert await other.order(drain) == first
        assert not (await other.until(lambda report: True)).draining


async def test_an_unknown_order_is_refused_with_a_sentence_that_names_the_known_ones(hearing: Hearing) -> None:
    reply = await hearing.order(Dance())  # type: ignore[arg-type]
    assert not reply.done and "dance" in reply.sentence and "prefetch" in reply.sentence


async def test_an_order_with_a_flaw_is_refused_with_a_sentence_that_names_it(hearing: Hearing) -> None:
    reply = await hearing.order(Crooked())  # type: ignore[arg-type]
    assert not reply.done and "models" in reply.sentence


async def test_an_order_of_another_version_is_refused_with_what_to_do(hearing: Hearing) -> None:
    reply = await hearing.order(Drain(wire=WIRE + 1))
    assert not reply.done and "Build a new machine image." in reply.sentence
    assert not (await hearing.until(lambda report: True)).draining


async def test_fields_that_the_agent_does_not_know_are_skipped(hearing: Hearing) -> None:
    assert (await hearing.order(Waltz())).done
    await hearing.until(lambda report: report.draining)
    assert (await hearing.order(Undrain())).done


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"drain"', "{}", "\x00", "[" * 10_000])
async def test_what_is_no_order_harms_nothing(hearing: Hearing, text: str) -> None:
    with pytest.raises(ProviderTimeout):
        await hearing.world.within(hearing.link.order(Garbage(text=text), seconds=0.2))  # type: ignore[arg-type]
    assert (await hearing.order(Undrain())).done


async def test_a_hold_is_reported_until_it_is_let_go(hearing: Hearing) -> None:
    until = (await hearing.until(lambda report: True)).at + 600
    assert (await hearing.order(Hold(until=until))).done
    await hearing.until(lambda report: report.hold_until == pytest.approx(until, abs=1) and report.sleeps_at is None)
    assert (await hearing.order(Hold(until=None))).done
    await hearing.until(lambda report: report.hold_until is None)


async def test_prefetching_what_is_not_there_is_advice_and_no_failure(hearing: Hearing) -> None:
    assert (await hearing.order(Prefetch(models=("checkpoints/nowhere.safetensors",)))).done
    assert (await hearing.order(Prefetch(models=()))).done


async def test_acknowledging_what_is_not_kept_is_fine(hearing: Hearing) -> None:
    assert (await hearing.order(Acknowledge(results=(str(uuid.uuid4()),)))).done


async def test_nothing_is_kept_of_a_prompt_that_never_was(hearing: Hearing) -> None:
    nobody = str(uuid.uuid4())
    assert await hearing.world.within(hearing.link.kept(nobody)) is None
    assert await hearing.world.within(hearing.link.fetch(nobody, 0)) is None


async def test_an_input_picture_can_be_put_there_again_but_not_replaced(hearing: Hearing) -> None:
    name = f"{uuid.uuid4().hex}.png"
    for _ in range(2):
        assert await hearing.world.within(hearing.link.put_input(name, PICTURE)) == f"wakebrush/{name}"
    with pytest.raises(ProviderError, match="there already"):
        await hearing.world.within(hearing.link.put_input(name, PICTURE + b"!"))


@pytest.mark.parametrize("name", ["../escape.png", "a/b.png", ".hidden", "..", "", "a" * 129, "nul\x00.png", "a\n"])
async def test_an_input_picture_needs_a_plain_name(hearing: Hearing, name: str) -> None:
    with pytest.raises(ProviderError):
        await hearing.world.within(hearing.link.put_input(name, PICTURE))


async def test_everybody_who_listens_hears_of_a_change(hearing: Hearing) -> None:
    async with Hearing(hearing.world, await hearing.world.dial()) as other:
        assert (await hearing.order(Drain())).done
        await other.until(lambda report: report.draining)
        assert (await other.order(Undrain())).done
        await hearing.until(lambda report: not report.draining)


async def test_reports_end_quietly_when_we_close_and_orders_cannot_be_sent(world: World) -> None:
    async with Hearing(world, await world.dial()) as hearing:
        await hearing.until(lambda report: True)
        await world.within(hearing.link.close())
        assert await hearing.end() is None
        with pytest.raises(LinkBroken):
            await hearing.link.order(Undrain())
        await world.within(hearing.link.close())


async def test_a_wrong_token_is_not_let_in(world: World) -> None:
    with pytest.raises(LinkRefused, match="refused our token"):
        await world.dial(token="the token of last week")


async def test_a_wrong_certificate_is_no_machine_of_ours(world: World) -> None:
    with pytest.raises(LinkRefused, match="another certificate"):
        await world.dial(fingerprint="00" * 32)


async def test_a_service_of_another_version_is_told_what_to_do(world: World) -> None:
    with pytest.raises(LinkRefused, match=f"version {WIRE} of the wire and the wake service version {WIRE + 8}"):
        await world.dial(wire=WIRE + 8)
