"""What is believed of a machine while AWS's list is behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wake_service.providers.base import Power
from wake_service.providers.ec2.belief import Expectation, believed
from wake_service.providers.ec2.instance import Instance

NOW = 1_800_000_000.0
ASLEEP = Instance(
    "i-1", "arn", Power.STOPPED, "stopped", "default", "g5.xlarge", "us-east-1a", False, launched_at=NOW - 9000, word="old"
)
AWAKE = replace(ASLEEP, power=Power.RUNNING, state="running")
STARTED = Expectation(Power.STARTING, ASLEEP, NOW + 10, "new")
STOPPED = Expectation(Power.STOPPING, AWAKE, NOW + 10)


def test_a_list_that_is_behind_a_start_does_not_put_the_machine_to_sleep() -> None:
    seen = believed(ASLEEP, STARTED, NOW)
    assert (seen.power, seen.behind) == (Power.STARTING, True)


def test_a_list_that_is_behind_a_stop_does_not_wake_the_machine() -> None:
    assert believed(AWAKE, STOPPED, NOW).power is Power.STOPPING


def test_a_start_that_came_to_nothing_is_believed_as_soon_as_it_shows() -> None:
    failed = replace(ASLEEP, launched_at=NOW, reason="Server.InsufficientInstanceCapacity")
    assert believed(failed, STARTED, NOW).power is Power.STOPPED


def test_the_word_of_a_start_counts_before_aws_shows_it() -> None:
    pending = replace(ASLEEP, power=Power.STARTING, launched_at=NOW)
    assert believed(pending, STARTED, NOW).boot == believed(replace(pending, word="new"), None, NOW).boot


@pytest.mark.parametrize(("listed", "expected"), [(ASLEEP, STARTED), (AWAKE, STOPPED)])
def test_after_a_while_the_list_is_believed_whatever_it_says(listed: Instance, expected: Expectation) -> None:
    assert believed(listed, expected, NOW + 10) == listed


@pytest.mark.parametrize("power", [Power.STOPPED, Power.TERMINATED])
def test_the_end_of_a_stop_is_believed_at_once(power: Power) -> None:
    assert believed(replace(AWAKE, power=power), STOPPED, NOW).power is power
