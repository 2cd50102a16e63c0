"""The service ends in the middle of a client's prompt. The client comes back every 300 ms, and notices no more than a pause."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.follower import Follower
from tests.faults.painter import Painter, Prompt

#: Ten lives of a service take their time on a busy computer.
pytestmark = pytest.mark.timeout(400)

Start = Callable[..., Follower]
TIMES = 10
STEPS = 4


def _accepted(_her: Follower, _painter: Painter, _prompt: Prompt) -> None:
    """Right after the answer to the POST."""


def _waking(her: Follower, _painter: Painter, _prompt: Prompt) -> None:
    her.until_machine("waking", "booting")


def _running(_her: Follower, painter: Painter, prompt: Prompt) -> None:
    painter.until_told("progress", prompt)


def _storing(_her: Follower, painter: Painter, prompt: Prompt) -> None:
    """Right after the last step: the picture is fetched and stored within the next milliseconds."""
    painter.until(lambda event, data: event == "progress" and data["prompt_id"] == prompt.id and data["value"] == data["max"])


MOMENTS = {"accepted": _accepted, "waking": _waking, "running": _running, "storing": _storing}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_prompt_outlives_the_service_and_is_delivered_once(start: Start, moment: str) -> None:
    her = start(practice_args="--step-seconds 0.05", idle_seconds=0.5 if moment == "waking" else 5)
    with Painter(her.service) as painter:
        prompts = []
        for _ in range(TIMES):
            prompts.append(painter.send(STEPS))
            MOMENTS[moment](her, painter, prompts[-1])
            her.service.kill()
            her.restart_service()
            painter.until_ended(prompts[-1:])
            if moment == "waking":
                her.until_machine("asleep")
        painter.assert_delivered_once(prompts, all_heard=False)


def test_a_client_that_was_connected_again_before_the_end_hears_of_it(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.3", idle_seconds=5)
    with Painter(her.service) as painter:
        prompts = []
        for _ in range(3):
            prompts.append(painter.send(12))
            painter.until_told("progress", prompts[-1])
            her.service.kill()
            her.restart_service()
            painter.until_told("execution_success", prompts[-1])
        painter.assert_delivered_once(prompts)


def test_the_same_prompt_sent_again_after_a_kill_is_the_same_prompt(start: Start) -> None:
    her = start(idle_seconds=5)
    with Painter(her.service) as painter:
        prompts = []
        for _ in range(TIMES):
            prompts.append(painter.send())
            her.service.kill()
            her.restart_service()
            painter.send_again(prompts[-1])
        painter.assert_delivered_once(prompts, all_heard=False)
