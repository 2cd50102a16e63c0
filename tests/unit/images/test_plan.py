"""The plan of new machines is changed through its stack, whatever the stack is doing just then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from wake_service.aws.errors import AwsError, AwsNotFound
from wake_service.aws.stack import image_of
from wake_service.clock import ManualClock
from wake_service.errors import ProviderError, ProviderTimeout, SetupError
from wake_service.images.plan import STACK_SECONDS, parameters, switch

PARAMETERS = [
    {"ParameterKey": "ImageId", "ParameterValue": "ami-old"},
    {"ParameterKey": "InstanceType", "ParameterValue": "g6.xlarge"},
]


class Formation:
    """One stack. `states` are what it is at each look, the last one for ever; `refusals` what updates are answered."""

    def __init__(self, *states: str, refusals: tuple[str, ...] = (), takes: bool = True) -> None:
        self.clock = ManualClock()
        self.region = "us-east-1"
        self.states = list(states)
        self.refusals = list(refusals)
        self.takes = takes
        self.image = "ami-old"
        self.updates: list[Mapping[str, Any]] = []

    async def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        if operation == "describe_stacks":
            if not self.states:
                raise AwsNotFound(operation, "ValidationError", "does not exist")
            state = self.states[0] if len(self.states) == 1 else self.states.pop(0)
            described = [{"ParameterKey": "ImageId", "ParameterValue": self.image}, *PARAMETERS[1:]]
            return {"Stacks": [{"StackName": "studio", "StackStatus": state, "Parameters": described}]}
        assert operation == "update_stack"
        if self.refusals:
            raise AwsError(operation, "ValidationError", self.refusals.pop(0))
        self.updates.append(arguments)
        if self.takes:
            self.image = next(one["ParameterValue"] for one in arguments["Parameters"] if one["ParameterKey"] == "ImageId")
        return {}

    async def switch(self, image: str = "ami-new") -> bool:
        task = asyncio.ensure_future(switch(self, "studio", image))  # type: ignore[arg-type]
        while not task.done():
            await self.clock.advance(5)
        return await task


def test_all_parameters_but_the_image_stay_as_they_are() -> None:
    assert parameters({"Parameters": PARAMETERS}, "ami-new") == [
        {"ParameterKey": "InstanceType", "UsePreviousValue": True},
        {"ParameterKey": "ImageId", "ParameterValue": "ami-new"},
    ]


def test_a_stack_whose_parameter_is_empty_names_no_image() -> None:
    assert image_of({"Parameters": [{"ParameterKey": "ImageId", "ParameterValue": ""}]}) is None


async def test_the_template_of_the_stack_stays_as_it_is() -> None:
    formation = Formation("CREATE_COMPLETE")
    assert await formation.switch()
    (update,) = formation.updates
    assert update["UsePreviousTemplate"] is True and "TemplateBody" not in update


async def test_an_image_that_is_in_the_plan_already_is_no_update() -> None:
    formation = Formation("UPDATE_COMPLETE")
    assert not await formation.switch("ami-old") and formation.updates == []


async def test_an_update_of_somebody_else_is_waited_for() -> None:
    formation = Formation("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    assert await formation.switch() and len(formation.updates) == 1


async def test_a_stack_that_was_taken_just_now_is_asked_again() -> None:
    taken = "Stack:studio is in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS state and can not be updated."
    formation = Formation("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", refusals=(taken, taken))
    assert await formation.switch() and len(formation.updates) == 1


async def test_an_update_whose_answer_was_lost_is_as_good_as_asked() -> None:
    formation = Formation("UPDATE_COMPLETE", refusals=("No updates are to be performed.",))
    with pytest.raises(ProviderError, match="took the update of the stack studio back"):
        await formation.switch()  # AWS had nothing to update, and the image is still the one before
    assert formation.updates == []


async def test_another_refusal_is_passed_on() -> None:
    with pytest.raises(AwsError, match="must have values"):
        await Formation("UPDATE_COMPLETE", refusals=("Parameters: [Mail] must have values",)).switch()


async def test_an_update_that_aws_takes_back_is_said() -> None:
    with pytest.raises(ProviderError, match=r"took the update of the stack studio back \(UPDATE_ROLLBACK_COMPLETE\)"):
        await Formation("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", takes=False).switch()


@pytest.mark.parametrize("state", ["UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE"])
async def test_a_stack_in_trouble_is_said_and_left_alone(state: str) -> None:
    formation = Formation(state)
    with pytest.raises(ProviderError, match=state):
        await formation.switch()
    assert formation.updates == []


async def test_a_stack_that_never_comes_to_rest_is_given_up() -> None:
    formation = Formation("UPDATE_IN_PROGRESS")
    began = formation.clock.now()
    with pytest.raises(ProviderTimeout, match="Say the same again later"):
        await formation.switch()
    assert formation.clock.now() - began <= STACK_SECONDS + 10


async def test_without_a_stack_there_is_no_plan_to_change() -> None:
    with pytest.raises(SetupError, match="no plan of a machine to change"):
        await Formation().switch()
