"""The network breaks: between the client and the gateway, or between the service and the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.engine_behind_wire import Trouble, make, start_behind_wire
from tests.faults.follower import Follower
from tests.faults.machine import Machine
from tests.faults.painter import Painter
from tests.faults.proxy import Wire
from tests.faults.test_engine_killed import fails

#: Ten times over takes its time on a busy computer.
pytestmark = pytest.mark.timeout(400)

Start = Callable[..., Follower]
TIMES = 10


@pytest.mark.parametrize("moment", ["execution_start", "progress", "executed"])
def test_a_connection_to_the_engine_that_breaks_costs_no_prompt_and_paints_none_twice(
    start: Start, tmp_path: Path, moment: str
) -> None:
    her = start_behind_wire(start, tmp_path / "ComfyUI", "--step-seconds 0.05", idle_seconds=5)
    with Painter(her.service) as painter:
        prompts = []
        for _ in range(TIMES):
            prompts.append(painter.send(8))
            painter.until_told(moment, prompts[-1])
            make(Trouble.CUT, Machine(her.service))
            painter.until_ended(prompts[-1:])
        assert Machine(her.service).prompts_given() == TIMES
        painter.assert_delivered_once(prompts)


def test_prompts_of_an_engine_that_cannot_be_reached_any_more_are_painted_by_the_next(start: Start, tmp_path: Path) -> None:
    her = start_behind_wire(start, tmp_path / "ComfyUI", fails("hang", 1, tmp_path), idle_seconds=5)
    machine = Machine(her.service)
    with Painter(her.service) as painter:
        prompts = [painter.send(8) for _ in range(TIMES)]
        painter.until_told("progress", prompts[0])
        machine.hangs()
        make(Trouble.DOWN, machine)
        painter.assert_delivered_once(prompts)


def test_a_wire_to_the_gateway_that_breaks_every_few_kilobytes_loses_no_prompt(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.02", idle_seconds=5)
    gateway = urlsplit(her.service.gateway)
    with Wire((gateway.hostname or "", gateway.port or 0)) as wire, Painter(her.service, wire.endpoint) as painter:
        wire.cut_every(6000)
        prompts = [painter.send(8) for _ in range(TIMES)]
        painter.until_ended(prompts)
        wire.cut_every(2**40)
        assert wire.cuts > TIMES
        painter.assert_delivered_once(prompts, all_heard=False)


def test_a_client_that_goes_away_after_sending_finds_its_picture_when_it_comes_back(start: Start) -> None:
    her = start(practice_args="", idle_seconds=5)
    with Painter(her.service) as painter, Painter(her.service) as witness:
        prompts = []
        for _ in range(TIMES):
            prompts.append(painter.send())
            painter.leave()
            witness.until_ended(prompts[-1:])
            painter.come_back()
        painter.assert_delivered_once(prompts, all_heard=False)


def test_a_client_that_comes_back_in_time_hears_the_end(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.1", idle_seconds=5)
    with Painter(her.service) as painter:
        prompts = []
        for _ in range(TIMES):
            prompts.append(painter.send(10))
            painter.until_told("progress", prompts[-1])
            painter.leave()
            painter.come_back()
            painter.until_told("execution_success", prompts[-1])
        painter.assert_delivered_once(prompts)
