"""Which models the engine most likely has in memory."""

from __future__ import annotations

from cloud_image.agent.loaded import MOST, Loaded
from cloud_image.agent.prompts import Waiting, Work


def test_the_model_used_last_is_the_last_and_each_is_named_once() -> None:
    loaded = Loaded()
    for name in ("a", "b", "a"):
        loaded.used([], Work(running=(Waiting("p", (name,)),)))
    assert loaded.names() == ("b", "a")


def test_a_prompt_that_waits_has_loaded_nothing() -> None:
    loaded = Loaded()
    loaded.used([], Work(pending=(Waiting("p", ("a",)),)))
    assert loaded.names() == ()


def test_only_as_many_are_named_as_may_be_in_memory() -> None:
    loaded = Loaded()
    for number in range(MOST + 3):
        loaded.used([], Work(running=(Waiting("p", (str(number),)),)))
    assert loaded.names() == tuple(str(number) for number in range(3, MOST + 3))
