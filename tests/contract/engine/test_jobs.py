"""`/api/jobs`: the queue and history as the web interface of 2026 reads them."""

from __future__ import annotations

import uuid

import pytest

from . import graphs
from .client import Engine


async def test_a_finished_job_has_times_outputs_and_a_preview(modern: Engine) -> None:
    prompt_id, _ = await modern.run(graphs.plain(colour=0xABCDEF))
    job = (await modern.get(f"/api/jobs/{prompt_id}")).json()
    assert (job["id"], job["status"], job["outputs_count"]) == (prompt_id, "completed", 1)
    assert job["create_time"] <= job["execution_start_time"] <= job["execution_end_time"]
    assert job["preview_output"]["nodeId"] == "3"
    assert job["preview_output"]["mediaType"] == "images"
    assert job["workflow"]["prompt"] == graphs.plain(colour=0xABCDEF)
    assert None not in job.values()


async def test_pages_are_filtered_sorted_and_counted(modern: Engine) -> None:
    newest = [(await modern.run(graphs.plain(colour=n)))[0] for n in (21, 22, 23)][::-1]
    page = (await modern.get("/api/jobs", params={"status": "completed", "limit": 2})).json()
    assert [job["id"] for job in page["jobs"]] == newest[:2]
    assert (page["pagination"]["limit"], page["pagination"]["offset"], page["pagination"]["has_more"]) == (2, 0, True)
    rest = (await modern.get("/api/jobs", params={"status": "completed", "limit": 1, "offset": 2})).json()
    assert [job["id"] for job in rest["jobs"]] == newest[2:]
    assert (await modern.get("/api/jobs")).json()["pagination"]["limit"] is None


@pytest.mark.parametrize(
    "query", [{"status": "asleep"}, {"sort_by": "size"}, {"sort_order": "up"}, {"limit": "many"}, {"offset": "x"}]
)
async def test_a_query_that_makes_no_sense_is_a_400_with_a_sentence(modern: Engine, query: dict[str, str]) -> None:
    answer = await modern.get("/api/jobs", params=query)
    assert answer.status == 400
    assert isinstance(answer.json()["error"], str)


async def test_an_unknown_job_is_not_found(modern: Engine) -> None:
    answer = await modern.get(f"/api/jobs/{uuid.uuid4()}")
    assert (answer.status, answer.json()) == (404, {"error": "Job not found"})


async def test_cancelling_takes_out_a_waiting_job_and_interrupts_a_running_one(modern: Engine) -> None:
    async with modern.listening() as listener:
        running = await modern.send(graphs.endless(modern.checkpoint, 31), client_id=listener.client)
        await listener.until(lambda event, _: event == "progress")
        waiting = await modern.send(graphs.plain(colour=31), client_id=listener.client)
        page = (await modern.get("/api/jobs", params={"status": "in_progress,pending"})).json()
        assert {job["id"]: job["status"] for job in page["jobs"]} == {running: "in_progress", waiting: "pending"}
        assert (await modern.post(f"/api/jobs/{waiting}/cancel")).json() == {"cancelled": True}
        assert (await modern.post("/api/jobs/cancel", json={"job_ids": [running, waiting]})).json() == {"cancelled": True}
        await listener.end_of(running)
        assert (await modern.get(f"/api/jobs/{running}")).json()["status"] == "cancelled"
        assert (await modern.post(f"/api/jobs/{running}/cancel")).json() == {"cancelled": False}
    assert [data["prompt_id"] for data in listener.named("execution_start")] == [running]


async def test_cancelling_by_something_that_is_no_uuid_names_it(modern: Engine) -> None:
    answer = await modern.post("/api/jobs/cancel", json={"job_ids": ["x", str(uuid.uuid4())]})
    assert (answer.status, answer.json()["invalid_ids"]) == (400, ["x"])
    assert (await modern.post(f"/api/jobs/{uuid.uuid4()}/cancel")).json() == {"cancelled": False}


async def test_jobs_are_only_below_api(modern: Engine) -> None:
    assert (await modern.get("/jobs")).status == 404
