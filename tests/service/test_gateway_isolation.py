"""Isolation beyond names: nodes that reach too far are refused, and calls pass through to a machine that is hers only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from tests.contract.engine import graphs
from tests.service.conftest import practice_engine
from tests.service.house import House
from tests.support.asgi import Answer, Caller
from wake_service.accounts.tokens import Identity
from wake_service.machines.model import MachineState
from wake_service.practice_engine.options import Options, Timing
from wake_service.store.store import Transaction
from wake_service.store.tables import artists, streams, tokens


def reaching() -> dict[str, Any]:
    """A graph with a node that the practice engine does not know, and that takes a path."""
    graph = graphs.plain()
    graph["99"] = {"class_type": "LoadImageFromPath", "inputs": {"image_path": "/var/lib/comfyui/input/noors.png"}}
    return graph


async def send(house: House, who: Caller, graph: dict[str, Any], path: str = "/comfy/prompt") -> Answer:
    body = graph if "api_prompt" in path else {"prompt": graph, "workflow": graph}
    return await Caller(house.gateway, who.token).ask("POST", path, json=body)


@asynccontextmanager
async def opened(data: Path, **settings: Any) -> AsyncIterator[House]:
    async with House(data, **settings).open() as house:
        yield house


async def test_a_node_that_could_name_files_of_others_is_refused_in_comfyuis_words(house: House) -> None:
    answer = await send(house, house.mira, reaching())
    assert (answer.status, answer.json["error"]["type"]) == (400, "prompt_outputs_failed_validation")
    (error,) = answer.json["node_errors"]["99"]["errors"]
    assert (error["type"], error["extra_info"]["input_name"]) == ("custom_validation_failed", "image_path")
    assert not list(house.service.book.board), "nothing was taken"


@pytest.mark.parametrize("path", ["/comfy/api/prompt", "/api/v2/jobs", "/eas/prompt", "/eas/api_prompt"])
async def test_by_whatever_way_it_comes(house: House, path: str) -> None:
    answer = await send(house, house.mira, reaching(), path)
    assert answer.status in (400, 422), answer.body
    assert b"image_path" in answer.body and not list(house.service.book.board)


async def test_classes_that_the_admin_allows_are_taken(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", gateway_path_nodes=["LoadImageFromPath"]) as house:
        assert (await send(house, house.mira, reaching())).status == 200


async def test_who_is_alone_has_nobody_to_be_kept_from(house: House) -> None:
    def alone(tx: Transaction) -> None:
        noor = tx.conn.execute(select(artists.c.id).where(artists.c.name == "Noor")).scalar_one()
        for table, column in ((tokens, tokens.c.artist_id), (streams, streams.c.artist_id), (artists, artists.c.id)):
            tx.conn.execute(delete(table).where(column == noor))

    await house.service.store.write(alone)
    assert (await send(house, house.mira, reaching())).status == 200


async def test_on_a_machine_of_ones_own_nodes_may_take_paths(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", isolation="per_artist") as house:
        assert (await send(house, house.mira, reaching())).status == 200


async def test_calls_that_pass_through_reach_only_a_machine_that_is_hers(tmp_path: Path) -> None:
    async with practice_engine(Options(tmp_path / "engine", timing=Timing(step=0.02))) as address:
        house = House(tmp_path / "data", address, isolation="per_artist")
        async with house.open():
            mira = await house.service.identify(house.mira.token or "")
            assert isinstance(mira, Identity)
            answer = await send(house, house.mira, graphs.plain())
            assert answer.status == 200
            await house.until(MachineState.BUSY)
            await house.until(MachineState.READY)
            assert house.service.engine(artist_id=mira.artist_id) is not None
            passed = await Caller(house.gateway, house.mira.token).ask("POST", "/comfy/pack/do", json={})
            refused = await Caller(house.gateway, house.noor.token).ask("POST", "/comfy/pack/do", json={})
            assert passed.status != 503, "the engine itself says that it has no such thing"
            assert refused.status == 503 and b"serves another artist" in refused.body
