"""A program of a studio that uses the official Python SDK, unmodified. Reads one wish as JSON, says what happened line by line.

It runs in an environment of its own (.ci/clients.lock), so it knows nothing of this repository. Address and token stand in the
environment, as the SDK wants them: COMFY_BASE_URL, COMFY_API_KEY.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

from comfy_sdk import Comfy, ComfyError, JobFailed, OutputReady, Preview, Progress, StatusChange
from comfy_sdk.jobs import Job


def say(kind: str, **facts: Any) -> None:
    """One line for the test."""
    print(json.dumps({"kind": kind, **facts}), flush=True)


def started(client: Comfy, wish: dict[str, Any]) -> Job:
    """The job that is wished for: a new one, or one that another life of this program has submitted."""
    if "job" in wish:
        return client.jobs.get(wish["job"])
    workflow = client.workflows.from_json(wish["workflow"])
    if "upload" in wish:
        asset = client.assets.from_file(wish["upload"])
        node, name = wish["input"]
        if wish.get("by_name"):
            asset.commit()
            workflow.set_input(node, name, asset.file_path)
        else:
            workflow.set_input(node, name, asset)
        asset.commit()
        say("asset", id=asset.id, created_new=asset.created_new)
    return client.submit(workflow, idempotency_key=wish.get("key"), metadata=wish.get("metadata"), api_key=wish.get("api_key"))


def follow(job: Job) -> None:
    """Every event, as it comes."""
    for event in job.events():
        match event:
            case StatusChange():
                say("status", status=event.status)
            case Progress():
                say("progress", value=event.value, message=event.message, step=event.step)
            case Preview():
                say("preview", size=len(event.data))
            case OutputReady():
                say("output", id=event.output.id)


def result(job: Job) -> None:
    """The end of a job with its downloads."""
    outputs = [
        {
            "id": output.id,
            "node": output.node_id,
            "name": output.name,
            "size": output.size_bytes,
            "sha256": hashlib.sha256(output.to_bytes()).hexdigest(),
            "first": output.to_bytes(range=(1, 3)).decode("latin-1"),
            "url": output.get_download_url().url,
        }
        for output in job.outputs
    ]
    say("result", job=job.id, status=job.status, outputs=outputs, metadata=job.metadata)


def main() -> None:
    wish = json.loads(sys.argv[1])
    with Comfy() as client:
        try:
            if "list" in wish:
                say("listed", jobs=[job.id for job in client.list_jobs(metadata=wish["list"], limit=wish.get("limit"))])
                return
            job = started(client, wish)
            say("job", job=job.id, status=job.status, message=job._model.progress.message if job._model.progress else None)
            if wish.get("cancel"):
                say("cancelled", status=job.cancel().status)
            if wish.get("events", True):
                follow(job)
            result(job.result())
            say("workflow", graph=job.get_workflow().graph)
        except JobFailed as error:
            code = getattr(error.error, "code", None)
            say("failed", code=code, message=getattr(error.error, "message", None), node=getattr(error.error, "node_id", None))
        except ComfyError as error:
            say("refused", code=error.code, status=error.http_status, message=str(error))
        except Exception as error:  # noqa: BLE001 - the test judges what an artist's program would have seen
            say("broken", error=type(error).__name__, message=str(error))


main()
