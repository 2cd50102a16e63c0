"""A client's prompt goes through the gateway, and the engine ends in the middle of it, again and again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.follower import Follower
from tests.faults.front import fronted
from tests.faults.machine import Machine
from tests.faults.painter import Painter

#: Ten times over takes its time on a busy computer.
pytestmark = pytest.mark.timeout(400)

Start = Callable[..., Follower]
TIMES = 10


@pytest.mark.parametrize("moment", ["execution_start", "progress", "executed", "execution_success"])
def test_a_prompt_whose_engine_is_killed_is_painted_by_the_next_and_told_once(start: Start, tmp_path: Path, moment: str) -> None:
    kills = tmp_path / "kills"
    her = start(idle_seconds=5, **fronted(tmp_path / "machine", f'--kill-at "{moment}" --kills {kills}'))
    with Painter(her.service) as painter:
        prompts = []
        for _ in range(TIMES):
            kills.write_text("1")
            prompts.append(painter.send())
            painter.until_ended(prompts[-1:])
            assert kills.read_text() == "0", "the engine was not killed"
        painter.assert_delivered_once(prompts)


def test_prompts_that_waited_behind_a_killed_one_keep_their_order(start: Start, tmp_path: Path) -> None:
    kills = tmp_path / "kills"
    her = start(idle_seconds=5, **fronted(tmp_path / "machine", f'--kill-at "executed" --kills {kills}'))
    kills.write_text("2")
    with Painter(her.service) as painter:
        prompts = [painter.send() for _ in range(TIMES)]
        painter.assert_delivered_once(prompts)
        ends = [data["prompt_id"] for event, data in painter.frames if event == "execution_success"]
        assert ends == [prompt.id for prompt in prompts]


def test_a_machine_killed_while_it_wakes_costs_no_prompt(start: Start) -> None:
    her = start(practice_args="--startup-seconds 0.3")
    with Painter(her.service) as painter:
        prompts = []
        for _ in range(TIMES):
            prompts.append(painter.send())
            her.until_machine("waking", "booting")
            Machine(her.service).kill_engine()
            painter.until_ended(prompts[-1:])
            her.until_machine("asleep")
        painter.assert_delivered_once(prompts)


def test_a_prompt_that_is_lost_for_good_ends_with_execution_error_and_its_id(start: Start) -> None:
    her = start(practice_args="--fail crash@1")
    with Painter(her.service) as painter:
        prompt = painter.send()
        painter.until_told("execution_error", prompt)
        told = [data for event, data in painter.frames if event == "execution_error"]
        assert len(told) == 1
        assert "3 times" in told[0]["exception_message"]
        entry = painter.json(f"/history/{prompt.id}")[prompt.id]
        assert entry["status"]["status_str"] == "error"
        assert painter.json("/queue") == {"queue_running": [], "queue_pending": []}
