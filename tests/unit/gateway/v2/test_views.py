"""Jobs and assets on the wire, held against the contract as the official packages know it (times end in Z)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from wake_service.blobs.life import DAY, Retention
from wake_service.comfy.request import Mode
from wake_service.files.asset_records import Asset, output_id
from wake_service.gateway.v2.views import Facts, Failure, Links, Progress, asset_view, job_view, summary_view
from wake_service.jobs.model import Job, JobError, JobRequest, JobState, WaitingFor
from wake_service.jobs.views import Outlook

NOW = 1_800_000_000.0
KEPT = Retention(90)
LINKS = Links("https://comfy.studio.example/t/TOKEN", None)
REQUEST = JobRequest(Mode.TEXT_TO_IMAGE, "", "", "", 1.0, 64, 64, 0)
JOB = Job(1, "7f3d2c1b-9a8e-4d6f-b012-3c4d5e6f7a8b", "mira", "studio", "default", REQUEST, NOW - 60)
RUNNING = replace(JOB, state=JobState.RUNNING, started_at=NOW - 20)
DONE = replace(RUNNING, state=JobState.SUCCEEDED, finished_at=NOW - 5)
PICTURE = Asset("a1", "mira", "0" * 64, "b" * 64, "sub/ComfyUI_00001_.png", "image/png", 123, NOW - 6, (), JOB.id, "9")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def facts(**more: Any) -> Facts:
    return Facts(NOW, {}, 7, **more)


def view(job: Job, **more: Any) -> dict[str, Any]:
    return job_view(job, facts(**more), LINKS, KEPT)


def test_waking_is_told_inside_queued() -> None:
    waking = replace(JOB, waiting_for=WaitingFor.MACHINE_WAKING)
    seen = view(waking, outlook=Outlook(0, 39.6))
    assert seen["status"] == "queued"
    assert seen["queue_position"] == 0
    assert seen["progress"]["message"] == "Waking the machine, about 40 s."
    assert seen["progress"]["value"] == 0 and seen["progress"]["nodes_total"] == 7


@pytest.mark.parametrize("reason", [*WaitingFor, None])
def test_every_wait_has_a_sentence(reason: WaitingFor | None) -> None:
    message = view(replace(JOB, waiting_for=reason), outlook=Outlook(2, 300.0))["progress"]["message"]
    assert message.endswith(".") and message[0].isupper()


def test_a_job_that_lost_its_machine_says_so() -> None:
    again = replace(JOB, attempt=2, waiting_for=WaitingFor.MACHINE_WAKING)
    assert view(again)["progress"]["message"] == "The machine was lost; the work begins anew. Waking the machine."


def test_a_running_job_says_how_far_it_is() -> None:
    progress = view(RUNNING, progress=Progress(0.42, 3, "12", "KSampler", 21, 50))["progress"]
    assert progress == {
        "value": 0.42,
        "nodes_done": 3,
        "nodes_total": 7,
        "current_node": "12",
        "current_node_class": "KSampler",
        "step": 21,
        "steps": 50,
        "message": "KSampler 21/50",
    }


def test_outputs_are_assets_with_whole_addresses_below_the_callers_own_prefix() -> None:
    seen = view(DONE, outputs=[PICTURE])
    (output,) = seen["outputs"]
    assert (output["node_id"], output["name"], output["type"]) == ("9", "ComfyUI_00001_.png", "image")
    assert output["hash"] == "blake3:" + "b" * 64
    assert output["url"] == "https://comfy.studio.example/t/TOKEN/api/v2/assets/a1/content"
    assert seen["urls"]["events"] == f"https://comfy.studio.example/t/TOKEN/api/v2/jobs/{JOB.id}/events"
    assert seen["metrics"] == {"queue_ms": 40_000, "execution_ms": 15_000}


@pytest.mark.parametrize("job", [JOB, RUNNING, DONE, replace(DONE, state=JobState.CANCELLED)])
@pytest.mark.parametrize("retention", [KEPT, Retention(None), Retention(0.1)])
def test_all_moments_are_in_utc_and_say_so_with_a_z(job: Job, retention: Retention) -> None:
    seen = job_view(job, facts(outputs=[PICTURE]), LINKS, retention)
    moments = [seen[name] for name in ("created_at", "started_at", "completed_at", "expires_at") if seen[name]]
    moments += [output["url_expires_at"] for output in seen["outputs"]]
    moments += [value for name, value in asset_view(PICTURE, LINKS, retention).items() if name.endswith("_at") and value]
    moments += [value for name, value in summary_view(job, {}, NOW, retention).items() if name.endswith("_time")]
    assert moments and all(TIME.fullmatch(moment) for moment in moments)


def test_an_address_ends_with_the_link_that_it_holds() -> None:
    short = Links(LINKS.base, NOW + 60)
    (output,) = job_view(DONE, facts(outputs=[PICTURE]), short, KEPT)["outputs"]
    assert output["url_expires_at"] == "2027-01-15T08:01:00.000Z"


def test_what_is_not_kept_any_more_is_expired_and_has_no_outputs() -> None:
    old = replace(DONE, finished_at=NOW - 91 * DAY)
    seen = view(old, outputs=[PICTURE])
    assert (seen["status"], seen["outputs"]) == ("expired", [])
    assert summary_view(old, {}, NOW, KEPT)["status"] == "expired"


def test_a_refusal_by_the_engine_is_an_invalid_workflow() -> None:
    error = JobError("graph_refused", "The engine refused it.", "Change the graph.")
    seen = view(replace(DONE, state=JobState.FAILED, error=error))
    assert seen["status"] == "failed"
    assert seen["error"]["code"] == "invalid_workflow"
    assert seen["error"]["message"] == "The engine refused it. Change the graph."


def test_a_failure_names_its_node() -> None:
    failed = replace(DONE, state=JobState.FAILED, error=JobError("engine_failed", "It broke.", ""))
    error = view(failed, failure=Failure("3", "KSampler", "Traceback"))["error"]
    assert error == {
        "code": "node_execution_error",
        "message": "It broke.",
        "node_id": "3",
        "class_type": "KSampler",
        "traceback": "Traceback",
    }


@pytest.mark.parametrize(
    ("path", "media_type", "kind"),
    [
        ("a.png", "image/png", "image"),
        ("a.mp4", "video/mp4", "video"),
        ("a.flac", "audio/flac", "audio"),
        ("a.txt", "text/plain", "text"),
        ("a.latent", "application/octet-stream", "latent"),
        ("a.glb", "model/gltf-binary", "file"),
    ],
)
def test_every_output_has_a_kind_of_the_contract(path: str, media_type: str, kind: str) -> None:
    (output,) = view(DONE, outputs=[replace(PICTURE, file_path=path, media_type=media_type)])["outputs"]
    assert output["type"] == kind


def test_an_asset_goes_when_its_owner_wanted_or_with_all_pictures() -> None:
    assert asset_view(replace(PICTURE, expires_at=NOW), LINKS, KEPT)["expires_at"] == "2027-01-15T08:00:00.000Z"
    assert asset_view(PICTURE, LINKS, Retention(None))["expires_at"] is None
    assert asset_view(PICTURE, LINKS, KEPT)["expires_at"] is not None
    assert "created_new" not in asset_view(PICTURE, LINKS, KEPT)


def test_the_same_file_of_a_job_has_the_same_id_whoever_looks_first() -> None:
    assert output_id("j", "a.png [output]") == output_id("j", "a.png [output]")
    assert len({output_id("j", "a.png [output]"), output_id("j", "a.png [temp]"), output_id("k", "a.png [output]")}) == 3
