"""The sleeping machine in real Krita: woken, kept awake, let go; told on the canvas where nothing else is seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .display import Waited
from .kritas import KritaVersion
from .running import Profile
from .studio import Studio, a_studio


@pytest.fixture(scope="module")
def studio(version: KritaVersion, profile: Profile) -> Iterator[Studio]:
    with a_studio(version, profile) as made:
        made.krita.ask("documents.create", width=600, height=400, paper=[255, 255, 255])
        made.krita.ask("docker.show")
        yield made


def test_on_the_canvas_alone_she_hears_of_the_wake_and_of_the_picture(studio: Studio) -> None:
    studio.until_it_says("state_line", "Asleep.")
    studio.write_prompt("a lighthouse in a storm")
    studio.until_it_says("price", "starts the machine: about $0.0")
    studio.krita.ask("canvas.read_messages")
    studio.press("generate")
    studio.krita.ask("window.trigger", action="view_show_canvas_only")
    try:
        for sentence in ("The machine is awake.", "Your picture is here."):
            studio.krita.until("canvas.messages_read", f"“{sentence}”", lambda said, sentence=sentence: sentence in said, 60)
        said = studio.krita.ask("canvas.messages_read")
        assert said.index("The machine is awake.") < said.index("Your picture is here.")
    except Waited as error:
        raise AssertionError(f"The docker says meanwhile: {studio.docker()}") from error
    finally:
        studio.krita.ask("window.trigger", action="view_show_canvas_only")
    studio.until_it_says("price", "painting the last one cost $0.00")


def test_it_is_woken_kept_awake_and_let_go_from_behind_the_state_line(studio: Studio) -> None:
    studio.until_it_says("state_line", "Asleep.")
    assert studio.docker()["wake"] == ""
    studio.press("state_line")
    studio.until_it_says("wake", "Wake now · about $0.0")
    studio.until_it_says("machines", "asleep · $1.01 an hour")
    studio.press("wake")
    studio.until_it_says("state_line", "Waking: ")
    studio.until_it_says("state_line", "The machine sleeps in")
    studio.until_it_says("hold", "Keep awake 1 h · up to $1.01")
    studio.press("hold")
    studio.until_it_says("state_line", ", no waiting.")
    studio.until_it_says("let_go", "Let it sleep")
    studio.press("let_go")
    studio.press("details")
    studio.krita.until("docker.look", "the details to go", lambda said: said["machines"] == "")
    studio.until_it_says("state_line", "The machine sleeps in")
