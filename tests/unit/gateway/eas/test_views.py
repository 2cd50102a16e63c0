"""Tasks as their clients read them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from wake_service.gateway.eas import views
from wake_service.jobs.model import Face, Job, JobError, JobState, WaitingFor, WorkflowRequest
from wake_service.workflows.delivery import Task
from wake_service.workflows.records import Stored

NOW = 1_800_000_000.0
BASE = "https://comfy.studio.example/t/secret"
JOB = Job(7, "j", "mira", "studio", "default", WorkflowRequest(Face.EAS, "j"), NOW, waiting_for=WaitingFor.MACHINE_WAKING)
ENDED = replace(JOB, state=JobState.SUCCEEDED, waiting_for=None, started_at=NOW + 1, finished_at=NOW + 2)
STORED = Stored(job_id="j", artist_id="mira", graph=b"{}", extra="{}", client_id=None, number=7.0, targets="[]")
PICTURE = {"filename": "sea & sky.png", "subfolder": "a/b", "type": "output"}


def stored(**parts: Any) -> Stored:
    written: dict[str, Any] = {name: orjson.dumps(value).decode() for name, value in parts.items()}
    return replace(STORED, **written)


def failed(*messages: tuple[str, dict[str, Any]], **parts: Any) -> dict[str, Any]:
    """The error of a job that failed before any engine had it, unless an engine said something."""
    job = replace(ENDED, state=JobState.FAILED, error=JobError("machine_lost", "The machine was lost.", "Try again."))
    error = views.error(job, stored(messages=messages, **parts))
    assert error is not None
    return error


def test_a_task_that_waits_says_for_what() -> None:
    seen = views.prompt(JOB, STORED, BASE)
    assert (seen["status"], seen["waiting_for"], seen["finished_at"]) == ("queued", "machine_waking", None)
    assert seen["created_at"] == "2027-01-15T08:00:00.000Z"


def test_every_file_has_an_address_by_the_way_its_caller_came() -> None:
    outputs = {"9": {"images": [PICTURE], "animated": [True]}, "12": {"text": ["a lighthouse"]}}
    seen = views.prompt(ENDED, stored(outputs=outputs), BASE)["outputs"]
    (image,) = seen["9"]["images"]
    assert image["url"] == f"{BASE}/eas/view?filename=sea+%26+sky.png&subfolder=a%2Fb&type=output"
    assert seen["9"]["animated"] == [True] and seen["12"] == outputs["12"]


def test_only_the_file_that_is_meant_gets_its_bytes() -> None:
    other = PICTURE | {"subfolder": "a"}
    seen = views.prompt(
        ENDED, stored(outputs={"9": {"images": [PICTURE, other]}}), BASE, {("output", "a/b", "sea & sky.png"): "QQ=="}
    )
    first, second = seen["outputs"]["9"]["images"]
    assert first["data"] == "QQ==" and "data" not in second


def test_what_the_engine_said_of_its_failure_is_passed_on_whole() -> None:
    said = {
        "exception_type": "RuntimeError",
        "exception_message": "no",
        "node_id": "3",
        "node_type": "KSampler",
        "traceback": ["x"],
    }
    error = failed(("execution_error", said))
    assert error == {"type": "RuntimeError", "message": "no", "details": "node 3 (KSampler)", "extra_info": said}


def test_what_no_engine_has_failed_at_says_what_happened_and_what_to_do() -> None:
    error = failed()
    assert (error["type"], error["message"], error["details"]) == ("machine_lost", "The machine was lost. Try again.", "")


def test_what_an_engine_refused_names_the_nodes() -> None:
    node_errors = {"4": {"class_type": "CheckpointLoaderSimple", "errors": []}}
    job = replace(ENDED, state=JobState.FAILED, error=JobError("refused", "The engine refused it.", ""))
    seen = views.prompt(job, stored(node_errors=node_errors), BASE)
    assert seen["node_errors"] == node_errors
    assert seen["error"]["details"] == "node 4 (CheckpointLoaderSimple)"


def test_what_was_cancelled_says_so_in_comfyuis_word() -> None:
    error = views.error(replace(ENDED, state=JobState.CANCELLED), STORED)
    assert (
        error is not None and error["type"] == "execution_interrupted" and error["message"].startswith("The task was cancelled")
    )


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED])
def test_what_has_not_failed_has_no_error(state: JobState) -> None:
    assert views.error(replace(JOB, state=state), STORED) is None


def test_a_result_whose_graph_was_erased_is_delivered_without_outputs() -> None:
    task = Task("j", "harbour-1", 7, finished_at=NOW + 2, deliveries=3, redeliver_at=NOW + 60)
    seen = views.delivered(task, ENDED, None, BASE, {})
    assert (seen["delivery_id"], seen["deliveries"], seen["redeliver_at"]) == ("j.3", 3, "2027-01-15T08:01:00.000Z")
    assert (seen["task_id"], seen["status"], seen["outputs"], seen["error"]) == ("harbour-1", "succeeded", {}, None)
