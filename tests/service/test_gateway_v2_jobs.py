"""Comfy API v2: jobs, whether the machine is awake or asleep."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from tests.service.house import House, accepted
from tests.service.v2_client import Api, code, flat, inverted, node
from wake_service.accounts.tokens import Scope
from wake_service.errors import StorageFull
from wake_service.gateway.v2.requests import MOST_BYTES
from wake_service.machines.model import MachineState
from wake_service.workflows import records as workflow_records


def api(house: House, at: str = "") -> Api:
    return Api(house, house.mira.token, at)


async def test_a_job_is_accepted_while_the_machine_sleeps_and_says_what_it_waits_for(house: House) -> None:
    job = await api(house).accepted(flat())
    assert (job["status"], job["queue_position"], job["outputs"], job["error"]) == ("queued", 0, [], None)
    assert job["progress"]["message"].startswith("Waking the machine, about ")
    assert job["progress"]["nodes_total"] == 2
    await house.clock.advance(0.5)
    assert house.state is MachineState.WAKING
    assert (await api(house).job(job["id"]))["status"] == "queued"


async def test_it_wakes_the_machine_and_ends_with_outputs_that_are_assets(painting_house: House) -> None:
    mira = api(painting_house)
    job = await mira.accepted(flat())
    done = await mira.ended(job["id"])
    assert (done["status"], done["progress"]["value"], done["queue_position"]) == ("succeeded", 1.0, None)
    (output,) = done["outputs"]
    assert (output["node_id"], output["name"], output["type"]) == ("2", "flat_00001_.png", "image")
    assert output["hash"].startswith("blake3:") and output["job_id"] == job["id"]
    assert done["metrics"]["execution_ms"] >= 0 and done["completed_at"].endswith("Z")
    assert (await mira.job(job["id"]))["outputs"] == done["outputs"]


@pytest.mark.parametrize("at", ["", "/comfy"])
async def test_addresses_in_answers_are_whole_and_keep_the_prefix(house: House, at: str) -> None:
    job = await api(house, at).accepted(flat())
    assert job["urls"]["self"] == f"http://service{at}/api/v2/jobs/{job['id']}"
    assert job["urls"]["events"] == f"http://service{at}/api/v2/jobs/{job['id']}/events"


async def test_a_link_is_part_of_every_address_in_its_answers(house: House) -> None:
    caller = await house.token(Scope.GATEWAY, days=0.1)
    job = await Api(house, None, f"/t/{caller.token}").accepted(flat())
    assert job["urls"]["cancel"] == f"http://service/t/{caller.token}/api/v2/jobs/{job['id']}/cancel"


async def test_a_look_only_link_sees_jobs_and_makes_none(house: House) -> None:
    job = await api(house).accepted(flat())
    looker = Api(house, None, f"/t/{(await house.token(Scope.GATEWAY_LOOK, days=0.1)).token}")
    assert (await looker.job(job["id"]))["status"] == "queued"
    assert (await looker.submit(flat())).status == 403


async def test_a_key_makes_one_job_whatever_is_sent_with_it(house: House) -> None:
    mira = api(house)
    await mira.accepted(flat(), key="k")
    assert code(await mira.submit(flat(), key="k")) == (422, "idempotency_key_reuse")
    assert code(await mira.submit(flat(7), key="k")) == (422, "idempotency_key_reuse")
    assert (await Api(house, house.noor.token).submit(flat(), key="k")).status == 201


async def test_a_key_that_made_nothing_may_be_used_again(house: House) -> None:
    mira = api(house)
    assert code(await mira.submit({"1": node("SaveImage", images=["9", 0])}, key="k")) == (422, "invalid_workflow")
    assert code(await mira.submit(inverted("nowhere.png"), key="k")) == (422, "invalid_workflow")
    assert (await mira.submit(flat(), key="k")).status == 201


async def test_a_graph_that_the_awake_engine_refuses_at_once_releases_its_key(painting_house: House) -> None:
    mira = api(painting_house)
    await mira.ended((await mira.accepted(flat()))["id"])
    answer = await mira.submit({**flat(), "1": node("NoSuchNode")}, key="k")
    assert code(answer) == (422, "invalid_workflow")
    assert (await mira.submit(flat(7), key="k")).status == 201
    assert len((await mira.ask("GET", "/jobs")).json["jobs"]) == 2


async def test_an_invalid_graph_does_not_release_the_key_of_an_earlier_job(house: House) -> None:
    mira = api(house)
    await mira.accepted(flat(), key="k")
    await mira.submit({"1": node("SaveImage", images=["9", 0])}, key="k")
    assert code(await mira.submit(flat(), key="k")) == (422, "idempotency_key_reuse")


async def test_a_key_may_be_used_again_after_a_day(house: House) -> None:
    mira = api(house)
    job = await mira.accepted(flat(), key="k")
    await mira.ask("POST", f"/jobs/{job['id']}/cancel")
    await house.clock.advance(86_400 - 1)
    assert code(await mira.submit(flat(), key="k")) == (422, "idempotency_key_reuse")
    await house.clock.advance(1)
    assert (await mira.submit(flat(), key="k")).status == 201


async def test_what_a_sleeping_engine_could_not_judge_fails_later_as_an_invalid_workflow(painting_house: House) -> None:
    mira = api(painting_house)
    job = await mira.accepted({**flat(), "1": node("EmptyImage", width=0, height=64, batch_size=1, color=0)})
    done = await mira.ended(job["id"])
    assert (done["status"], done["error"]["code"]) == ("failed", "invalid_workflow")
    assert done["error"]["node_id"] == "1" and done["error"]["class_type"] == "EmptyImage"


async def test_a_workflow_that_could_never_run_is_refused_with_its_node_errors(house: House) -> None:
    answer = await api(house).submit({"1": node("SaveImage", images=["9", 0])})
    assert code(answer) == (422, "invalid_workflow")
    assert "1" in answer.json["error"]["details"]["node_errors"]


async def test_cancelling_is_idempotent_and_final(house: House) -> None:
    mira = api(house)
    job = await mira.accepted(flat())
    answers = [await mira.ask("POST", f"/jobs/{job['id']}/cancel") for _ in range(2)]
    assert [(answer.status, answer.json["status"]) for answer in answers] == [(200, "canceled")] * 2
    assert answers[0].json == answers[1].json


async def test_the_graph_of_a_job_can_be_read_and_holds_no_key_of_its_sender(house: House) -> None:
    mira = api(house)
    job = await mira.accepted(flat(), extra_data={"api_key_comfy_org": "comfyui-secret"})
    answer = await mira.ask("GET", f"/jobs/{job['id']}/workflow")
    assert answer.json == {"workflow": flat(), "format": "api"}
    stored = b"".join(path.read_bytes() for path in house.service.settings.data.glob("wakebrush.db*"))
    assert b"comfyui-secret" not in stored and job["id"].encode() in stored


async def test_nobody_sees_or_cancels_another_artists_job(house: House) -> None:
    job = await api(house).accepted(flat())
    noor = Api(house, house.noor.token)
    for method, path in [("GET", ""), ("GET", "/workflow"), ("GET", "/events"), ("POST", "/cancel")]:
        assert code(await noor.ask(method, f"/jobs/{job['id']}{path}")) == (404, "not_found")
    assert (await noor.ask("GET", "/jobs")).json == {"jobs": [], "next_cursor": None}


async def test_jobs_are_listed_newest_first_page_by_page(house: House) -> None:
    mira = api(house)
    ids = [(await mira.accepted(flat(n)))["id"] for n in range(5)]
    seen, cursor = [], ""
    while True:
        page = (await mira.ask("GET", f"/jobs?limit=2{cursor}")).json
        seen += [job["id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ids[::-1]
    assert set(page["jobs"][0]) == {"id", "status", "create_time", "update_time", "metadata"}


async def test_jobs_are_found_by_their_labels(house: House) -> None:
    mira = api(house)
    acme = [(await mira.accepted(flat(n), metadata={"client": "acme", "n": str(n)}))["id"] for n in range(2)]
    other = await mira.accepted(flat(9), metadata={"client": "other"})
    found = (await mira.ask("GET", "/jobs?metadata[client]=acme")).json["jobs"]
    assert [job["id"] for job in found] == acme[::-1]
    assert (await mira.ask("GET", "/jobs?metadata[client]=acme&metadata[n]=0&limit=1")).json["jobs"][0]["id"] == acme[0]
    assert other["metadata"] == {"client": "other"}
    assert code(await mira.ask("GET", "/jobs?cursor=x")) == (400, "invalid_cursor")


async def test_a_page_full_of_matches_knows_whether_more_follow(house: House) -> None:
    mira = api(house)
    wanted = []
    for n in range(6):
        job = await mira.accepted(flat(n), metadata={"kind": "even" if n % 2 == 0 else "odd"})
        wanted += [job["id"]] if n % 2 == 0 else []
    first = (await mira.ask("GET", "/jobs?metadata[kind]=even&limit=2")).json
    second = (await mira.ask("GET", f"/jobs?metadata[kind]=even&limit=2&cursor={first['next_cursor']}")).json
    assert [job["id"] for job in first["jobs"] + second["jobs"]] == wanted[::-1]
    assert second["next_cursor"] is None


async def test_a_full_queue_is_told_with_a_moment_to_come_back(tmp_path: Any) -> None:
    async with House(tmp_path / "data", max_unfinished_jobs=1).open() as house:
        mira = api(house)
        await mira.accepted(flat())
        answer = await mira.submit(flat(), key="k")
        assert code(answer) == (429, "queue_full")
        assert int(answer.headers["retry-after"]) >= 1


async def test_without_a_budget_nothing_is_promised(tmp_path: Any) -> None:
    async with House(tmp_path / "data", month_budget=0).open() as house:
        assert code(await api(house).submit(flat())) == (402, "insufficient_credits")


async def test_polls_are_answered_while_the_disk_is_full(painting_house: House) -> None:
    mira = api(painting_house)
    job = await mira.accepted(flat())
    await mira.ended(job["id"])
    waiting = await mira.accepted(flat(7))
    painting_house.blobs.capacity = 0
    await painting_house.clock.advance(1)  # that there is room is believed for so long
    assert code(await mira.submit(flat(8), key="k")) == (507, "storage_full")
    assert (await mira.job(job["id"]))["status"] == "succeeded"
    assert (await mira.job(waiting["id"]))["status"] in ("queued", "running")


async def test_results_are_shown_and_fetched_also_when_nothing_can_be_written_down(
    painting_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    mira = api(painting_house)
    job = await mira.accepted(flat())
    async with asyncio.timeout(20):
        while painting_house.service.book.board.get(job["id"]) is not None:
            await painting_house.clock.advance(0.25)
            await asyncio.sleep(0.005)

    async def full(_work: Any) -> None:
        raise StorageFull("The disk of the service is full.")

    monkeypatch.setattr(painting_house.service.assets._store, "write", full)
    done = await mira.job(job["id"])
    (output,) = done["outputs"]
    assert (await mira.job(job["id"]))["outputs"] == done["outputs"]
    assert (await mira.ask("GET", f"/assets/{output['id']}/content")).status == 200
    monkeypatch.undo()
    assert (await mira.job(job["id"]))["outputs"] == done["outputs"]


async def test_what_a_node_says_is_an_output_too(painting_house: House) -> None:
    mira = api(painting_house)
    job = await mira.accepted(flat())
    async with asyncio.timeout(20):
        while painting_house.service.book.board.get(job["id"]) is not None:
            await painting_house.clock.advance(0.25)
            await asyncio.sleep(0.005)
    said = {"7": {"text": ["a caption", "another"]}, "8": {"text": "one alone"}, "9": {"text": [3, None]}}
    await painting_house.service.store.write(partial(workflow_records.change, job_id=job["id"], outputs=said))
    outputs = (await mira.job(job["id"]))["outputs"]
    assert [(output["node_id"], output["type"]) for output in outputs] == [("2", "image"), *[("7", "text")] * 2, ("8", "text")]
    content = await mira.ask("GET", f"/assets/{outputs[1]['id']}/content")
    assert (content.body, content.headers["content-type"]) == (b"a caption", "text/plain")
    assert (await mira.job(job["id"]))["outputs"] == outputs


async def test_a_graph_nested_without_end_is_refused(house: House) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    assert code(await api(house).submit({**flat(), "3": node("X", value={"__value__": deep})})) == (422, "invalid_workflow")


async def test_a_graph_longer_than_any_is_refused_before_it_is_read(house: House) -> None:
    body = b'{"workflow": "' + b"x" * MOST_BYTES + b'"}'
    assert code(await api(house).ask("POST", "/jobs", body=body)) == (413, "payload_too_large")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
async def test_rubbish_is_refused_in_the_envelope(house: House, body: bytes) -> None:
    assert code(await api(house).ask("POST", "/jobs", body=body)) == (400, "invalid_request")


async def test_a_docker_job_is_none_of_this_api(house: House) -> None:
    painted = await accepted(house.mira)
    assert code(await api(house).ask("GET", f"/jobs/{painted['id']}")) == (404, "not_found")
