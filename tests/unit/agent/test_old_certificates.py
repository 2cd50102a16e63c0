"""A machine's certificate is known by its fingerprint: no date in it keeps a machine out that was left alone for years."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.certificates import Certificate, self_signed
from tests.unit.agent.behind_guard import DEADLINE, TOKEN, Behind
from tests.unit.agent.test_pinning import TIMEOUTS
from tests.unit.comfy.fake_engine import FakeEngine
from wake_service.agent.guard import GuardLink
from wake_service.agent.link import LinkRefused
from wake_service.comfy.client import EngineClient
from wake_service.comfy.socket import EngineSocket
from wake_service.errors import EngineUnreachable


@pytest.fixture(params=[{"days_old": 800, "good_for_days": 365}, {"days_old": -30}], ids=["expired", "not good yet"])
def certificate(tmp_path: Path, request: pytest.FixtureRequest) -> Certificate:
    return self_signed(tmp_path, **request.param)


async def test_a_machine_whose_certificate_has_expired_lets_the_service_in(behind: Behind) -> None:
    link = await GuardLink.dial(behind.url, token=TOKEN, fingerprint=behind.machine.fingerprint)
    async with asyncio.timeout(DEADLINE):
        assert (await anext(link.reports())).machine == behind.machine.name
    await link.close()


async def test_an_engine_behind_an_expired_certificate_is_given_work_and_heard(behind: Behind, engine: FakeEngine) -> None:
    engine.answers["/system_stats"] = (200, {"system": {"comfyui_version": "0.45.0"}, "devices": []})
    client = EngineClient(behind.url, token=TOKEN, fingerprint=behind.machine.fingerprint, timeouts=TIMEOUTS)
    try:
        assert (await client.system_stats()).version == "0.45.0"
        async with EngineSocket(client, "me") as socket, asyncio.timeout(DEADLINE):
            await anext(aiter(socket))
    finally:
        await client.close()


async def test_an_expired_certificate_of_somebody_else_is_refused_all_the_same(behind: Behind, tmp_path: Path) -> None:
    other = self_signed(tmp_path, "other").fingerprint
    with pytest.raises(LinkRefused, match="shows another certificate"):
        await GuardLink.dial(behind.url, token=TOKEN, fingerprint=other)
    client = EngineClient(behind.url, token=TOKEN, fingerprint=other, timeouts=TIMEOUTS)
    try:
        with pytest.raises(EngineUnreachable):
            await client.system_stats()
    finally:
        await client.close()
    assert behind.guard.refused == 0  # it was told nothing, a wrong token least of all
