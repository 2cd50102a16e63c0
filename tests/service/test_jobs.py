"""Looking at jobs, cancelling them; nobody sees another's."""

from __future__ import annotations

import pytest

from tests.service.house import House, accepted


async def test_jobs_are_listed_newest_first_page_by_page(house: House) -> None:
    ids = [(await accepted(house.mira))["id"] for _ in range(5)]
    seen, before = [], ""
    while True:
        page = (await house.mira.ask("GET", f"/v1/jobs?limit=2{before}")).json
        seen += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == ids[::-1]


async def test_jobs_are_listed_by_state(house: House) -> None:
    first, second = [(await accepted(house.mira))["id"] for _ in range(2)]
    await house.mira.ask("DELETE", f"/v1/jobs/{first}")
    by_state = {
        state: [job["id"] for job in (await house.mira.ask("GET", f"/v1/jobs?state={state}")).json["jobs"]]
        for state in ("queued", "cancelled", "queued,cancelled", "running", "")
    }
    both = [second, first]
    assert by_state == {"queued": [second], "cancelled": [first], "queued,cancelled": both, "running": [], "": both}


@pytest.mark.parametrize(
    ("query", "field"), [("state=dreaming", "state"), ("limit=0", "limit"), ("limit=201", "limit"), ("limit=many", "limit")]
)
async def test_a_strange_question_is_refused(house: House, query: str, field: str) -> None:
    answer = await house.mira.ask("GET", f"/v1/jobs?{query}")
    assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_request", field)


async def test_a_cancelled_job_stays_cancelled(house: House) -> None:
    job = await accepted(house.mira)
    answers = [(await house.mira.ask("DELETE", f"/v1/jobs/{job['id']}")) for _ in range(2)]
    assert [(answer.status, answer.json["state"]) for answer in answers] == [(200, "cancelled")] * 2
    assert {**answers[0].json, "machine_sleeps": None} == {**answers[1].json, "machine_sleeps": None}
    assert answers[0].json["finished_at"] is not None


async def test_another_artists_job_does_not_exist(house: House) -> None:
    job = await accepted(house.mira)
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/results/0")]:
        answer = await house.noor.ask(method, f"/v1/jobs/{job['id']}{path}")
        assert (answer.status, answer.code) == (404, "not_found")
    assert (await house.noor.ask("GET", "/v1/jobs")).json == {"jobs": [], "next": None}
    assert (await house.mira.ask("GET", f"/v1/jobs/{job['id']}")).json["state"] == "queued"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/jobs/unknown"),
        ("GET", "/v1/jobs/%00"),
        ("DELETE", "/v1/jobs/unknown"),
        ("GET", "/v1/jobs/unknown/results/0"),
        ("GET", "/v1/unknown"),
        ("GET", "/"),
        ("POST", "/v2/generate"),
    ],
)
async def test_what_is_not_there_is_not_found(house: House, method: str, path: str) -> None:
    answer = await house.mira.ask(method, path)
    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_picture_that_is_not_there_yet_is_not_found(house: House) -> None:
    job = await accepted(house.mira)
    for n in ("0", "1", "99999999999999999999"):
        assert (await house.mira.ask("GET", f"/v1/jobs/{job['id']}/results/{n}")).code == "not_found"
    assert (await house.mira.ask("GET", f"/v1/jobs/{job['id']}/results/x")).code == "invalid_request"


async def test_the_wrong_method_is_no_crash(house: House) -> None:
    answer = await house.mira.ask("PATCH", "/v1/me")
    assert (answer.status, answer.code) == (405, "not_found")
