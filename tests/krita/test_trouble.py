"""What goes wrong is said in the docker, and closing Krita is always possible."""

import pytest

from .display import wait_for
from .running import running_krita
from .studio import a_service, a_studio, open_painting


@pytest.mark.screenshot
def test_a_wrong_token_is_said_with_what_to_do(version, profile, shoot):
    with (
        profile.lent() as own,
        a_service(own) as service,
        running_krita(version, own, KRITA_AI_ENDPOINT=service.endpoint, KRITA_AI_TOKEN="wrong") as krita,
    ):
        open_painting(krita)
        said = krita.until("docker.look", "the sentence", lambda said: said["error_title"])
        assert said["error_title"] == "This computer is no longer paired."
        assert said["error_hint"] == "Pair it again with an invitation. Your admin makes one with “wakebrush invite”."
        shoot(krita, "wrong-token")
        assert krita.complaints() == []


@pytest.mark.screenshot
def test_a_service_that_is_down_is_said_and_found_again_when_it_is_back(version, profile, shoot):
    with profile.lent() as own, running_krita(version, own) as krita:
        open_painting(krita)
        said = krita.until("docker.look", "what to do", lambda said: said["error_title"])
        assert said["error_title"] == "Krita is not connected to a Wakebrush service."
        assert said["state_line"] == "Not connected."
        assert "wakebrush serve" in said["error_hint"]
        shoot(krita, "service-down")
        with a_service(own) as service:
            krita.until("docker.look", "the service to be found", lambda said: said["state_line"].startswith("Asleep."), 60)
            service.kill()
            krita.until("docker.look", "the loss to be noticed", lambda said: "Offline" in said["state_line"], 60)
        assert krita.complaints() == []


def test_closing_krita_with_work_in_flight_ends_it_in_order_and_the_picture_waits(version, profile):
    with a_studio(version, profile) as studio:
        krita = studio.krita
        open_painting(krita)
        path = studio.profile.home / "sea.kra"
        krita.ask("documents.save", path=str(path))
        studio.until_it_says("state_line", "Asleep.")
        studio.write_prompt("a whale")
        studio.press("generate")
        wait_for(lambda: studio.artist.jobs() != [], "the job at the service")
        krita.ask("window.close")
        assert krita.wait_for_exit(20) == 0
        job = studio.newest_job()
        wait_for(lambda: studio.artist.job(job["id"])["state"] == "succeeded", "the picture", 60)
        with running_krita(version, studio.profile) as again:
            again.ask("documents.load", path=str(path))
            again.ask("docker.show")
            offer = "While Krita was closed, 1 picture was finished for this document. Show it?"
            again.until("docker.look", "the offer", lambda said: said["offer_sentence"] == offer)
            again.hand.click(again.ask("docker.where", name="offer_show"))
            again.until("results.look", "the picture over the canvas", lambda said: said["over_the_canvas"])
            again.hand.click(again.ask("docker.where", name="result_apply"))
            again.until("documents.layers", "the layer", lambda names: "a whale" in names)
