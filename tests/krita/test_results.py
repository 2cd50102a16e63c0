"""Results in real Krita: looked at without a trace, applied in one step, and never lost."""

import os
import signal

from .display import wait_for
from .running import RunningKrita, running_krita
from .studio import Studio, a_studio


def a_document(krita: RunningKrita) -> None:
    """White paper with something on it, and the docker beside it."""
    krita.ask("documents.create", width=400, height=300, paper=[255, 255, 255])
    krita.ask("documents.paint", name="ink", x=50, y=40, width=200, height=100, color=[20, 60, 90])
    krita.ask("docker.show")
    krita.ask("results.settings", strength=100, count=1, seed="")


def paint(studio: Studio, prompt: str, count: int = 1) -> list[str]:
    """Presses the button; the ids of all results when the new ones are there."""
    there = len(studio.krita.ask("results.look")["ids"])
    studio.krita.ask("results.settings", prompt=prompt, count=count)
    studio.press("generate")
    return studio.until_there_are(there + count)


def test_twenty_peeks_leave_no_trace(studio, tmp_path):
    krita = studio.krita
    a_document(krita)
    path = studio.profile.home / "peeks.kra"
    krita.ask("documents.save", path=str(path))
    ids = paint(studio, "a gull", count=4)
    krita.hand.move(krita.ask("docker.where", name="prompt"))
    krita.hand.click(krita.ask("docker.where", name="prompt"))
    krita.hand.key("Escape")
    export = str(studio.profile.home / "export.png")
    krita.ask("window.wait", seconds=1.5)  # what belongs to the history of the file is written by then
    before = krita.ask("results.document_state"), krita.ask("documents.fingerprint"), krita.ask("results.exported", path=export)
    for at in range(20):
        krita.hand.move(krita.ask("results.where", item=ids[at % 4]))
        krita.until("results.look", "the peek", lambda said, at=at: said["peeked"] == ids[at % 4] and said["over_the_canvas"])
    krita.hand.move(krita.ask("docker.where", name="prompt"))
    krita.until("results.look", "the end of the peek", lambda said: said["peeked"] == "")
    after = krita.ask("results.document_state"), krita.ask("documents.fingerprint"), krita.ask("results.exported", path=export)
    assert after == before and before[0][0] is False


def test_undo_after_apply_takes_away_exactly_the_result(studio):
    krita = studio.krita
    a_document(krita)
    paint(studio, "a pier")
    before = krita.ask("documents.fingerprint")
    studio.apply("a pier")
    assert krita.ask("results.look")["applied"] != []
    krita.ask("window.undo")
    assert krita.ask("documents.fingerprint") == before
    krita.ask("window.redo")
    assert krita.ask("documents.fingerprint", leave_out="a pier") == before
    assert "a pier" in krita.ask("documents.layers")


def test_results_are_looked_at_applied_and_thrown_away_by_keyboard_alone(studio):
    krita = studio.krita
    a_document(krita)
    ids = paint(studio, "a buoy", count=2)
    krita.hand.click(krita.ask("results.where", item=ids[0]))
    layers = krita.ask("documents.layers")
    krita.hand.key("End")
    krita.until("results.look", "the peek", lambda said: said["peeked"] == ids[1] and said["over_the_canvas"])
    krita.hand.key("s")
    krita.until("results.look", "the star", lambda said: said["starred"] == [ids[1]])
    krita.hand.key("Return")
    krita.until("results.look", "the layer", lambda said: said["applied"] == [ids[1]])
    krita.hand.key("Home")
    krita.hand.key("Delete")
    krita.until("results.look", "that it is gone", lambda said: said["ids"] == [ids[1]])
    assert len(krita.ask("documents.layers")) == len(layers) + 1, "Delete is not Krita's here"
    krita.hand.key("Escape")
    krita.until("results.look", "an empty overlay", lambda said: said["over_the_canvas"] is None)


def test_the_counter_is_not_stuck_after_twenty_jobs_in_a_row(studio):
    krita = studio.krita
    a_document(krita)
    for number in range(20):
        krita.ask("results.settings", prompt=f"wave {number}", count=1)
        studio.press("generate")
    studio.until_there_are(20, 180)
    studio.until_idle()
    seen = krita.ask("results.look")
    assert sorted(seen["prompts"]) == sorted(f"wave {number}" for number in range(20))
    assert studio.docker()["progress"] == ""


def test_history_and_again_survive_save_quit_and_restart(version, profile):
    with a_studio(version, profile) as studio:
        krita = studio.krita
        a_document(krita)
        path = studio.profile.home / "history.kra"
        krita.ask("documents.select", x=40, y=30, width=128, height=96)
        krita.ask("results.settings", seed="41")
        ids = paint(studio, "a ferry")
        studio.apply("a ferry")
        krita.ask("window.wait", seconds=2.0)  # the history is made for the file off the GUI thread
        krita.ask("documents.save", path=str(path))
        krita.until("results.look", "the result in her file", lambda said: said["in_file"] == [True])
        krita.ask("window.close")
        assert krita.wait_for_exit(20) == 0
        with running_krita(version, studio.profile) as again:
            again.ask("documents.load", path=str(path))
            again.ask("docker.show")
            seen = again.until("results.look", "the history", lambda said: said["ids"] == ids)
            assert seen["applied"] == ids and seen["offer"] == ""
            again.hand.click(again.ask("results.where", item=ids[0]))
            again.until("results.look", "the picture over the canvas", lambda said: said["over_the_canvas"])
            again.ask("results.settings", prompt="something else", seed="")
            again.ask("documents.activate", name="a ferry")
            again.until("docker.text", "the way back", lambda said: "a ferry" in said, name="again_sentence")
            again.hand.click(again.ask("docker.where", name="again"))
            again.until("docker.look", "the prompt", lambda said: said["prompt"] == "a ferry")
            assert again.ask("documents.selection_box") == [40, 30, 128, 96]
            assert again.complaints() == []


def test_krita_killed_with_a_job_running_in_a_document_that_was_never_saved_loses_nothing(version, profile):
    with a_studio(version, profile) as studio:
        krita = studio.krita
        a_document(krita)
        krita.ask("results.settings", prompt="a storm")
        studio.press("generate")
        wait_for(lambda: [job["state"] for job in studio.artist.jobs()] == ["running"], "the job to run", 60)
        os.kill(krita.process.pid, signal.SIGKILL)
        krita.wait_for_exit(20)
        job = studio.newest_job()
        wait_for(lambda: studio.artist.job(job["id"])["state"] == "succeeded", "the picture", 60)
        with running_krita(version, studio.profile) as again:
            again.ask("documents.create", width=400, height=300, paper=[255, 255, 255])
            again.ask("docker.show")
            offer = "1 picture was finished for a document that was never saved. Show it here?"
            again.until("docker.look", "the offer", lambda said: said["offer_sentence"] == offer)
            assert again.ask("results.look")["ids"] == []
            again.hand.click(again.ask("docker.where", name="offer_show"))
            seen = again.until("results.look", "the picture over the canvas", lambda said: said["over_the_canvas"])
            assert seen["recovered"] == seen["ids"] and len(seen["ids"]) == 1
            again.hand.click(again.ask("docker.where", name="result_apply"))
            again.until("documents.layers", "the layer", lambda names: "a storm" in names)
            assert again.complaints() == []


def test_again_selects_the_same_shape_not_only_its_bounds(studio):
    krita = studio.krita
    a_document(krita)
    krita.ask("documents.select_many", boxes=[[40, 30, 60, 40], [80, 50, 60, 60]])
    shape = krita.ask("documents.selection_sum")
    ids = paint(studio, "a jetty")
    krita.ask("documents.deselect")
    assert krita.ask("documents.selection_box") is None
    krita.hand.click(krita.ask("results.where", item=ids[0]))
    krita.ask("results.again", item=ids[0])
    krita.until("documents.selection_sum", "the shape that was selected", lambda now: now == shape)


def test_a_picture_applied_on_another_frame_says_so(studio):
    krita = studio.krita
    a_document(krita)
    krita.ask("documents.animate", name="ink")
    paint(studio, "a flag")
    krita.ask("documents.show_frame", number=2)
    studio.apply("a flag")
    said = krita.until("docker.look", "the sentence", lambda said: said["error_title"])
    assert said["error_title"] == "This picture was made for frame 7; you are on frame 2 now."
