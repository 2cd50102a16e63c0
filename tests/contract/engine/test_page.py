"""What ComfyUI's web page and the scripts of node packs ask for when they start."""

from __future__ import annotations

from typing import Any

import pytest

from .client import Engine
from .graphs import plain


async def test_the_pages_first_questions_have_the_answers_it_expects(engine: Engine) -> None:
    users = (await engine.get("/api/users")).json()
    assert users["storage"] == "server" and isinstance(users["migrated"], bool)
    for path in ("/api/settings", "/api/i18n", "/api/workflow_templates", "/api/features"):
        assert isinstance((await engine.get(path)).json(), dict), path


@pytest.mark.parametrize("path", ["/api/node_replacements", "/api/global_subgraphs"])
async def test_todays_page_asks_for_more(modern: Engine, path: str) -> None:
    answer = await modern.get(path)
    assert answer.status == 200 and isinstance(answer.json(), dict)


async def test_every_listed_script_is_there(engine: Engine) -> None:
    scripts = (await engine.get("/api/extensions")).json()
    assert scripts and all(script.startswith("/extensions/") and script.endswith(".js") for script in scripts)
    for script in (scripts[0], scripts[-1]):
        answer = await engine.get(script)
        assert answer.status == 200 and "javascript" in answer.headers["Content-Type"], script


async def test_model_files_are_listed_by_folder_with_what_is_known_of_each(engine: Engine) -> None:
    folders = {entry["name"]: entry["folders"] for entry in (await engine.get("/api/experiment/models")).json()}
    assert folders["checkpoints"] and "custom_nodes" not in folders
    files = (await engine.get("/api/experiment/models/checkpoints")).json()
    entry = next(file for file in files if file["name"] == engine.checkpoint)
    assert entry["pathIndex"] in range(len(folders["checkpoints"]))
    assert (await engine.get("/api/experiment/models/no_such_folder")).status == 404


async def test_flags_are_told_to_a_socket_that_tells_its_own(modern: Engine) -> None:
    features = (await modern.get("/features")).json()
    async with modern.listening(flags={"supports_preview_metadata": True}) as listener:
        await listener.until(lambda event, data: event == "feature_flags")
        (told,) = listener.named("feature_flags")
    assert told == features
    assert told["supports_preview_metadata"] is True and told["node_replacements"] is True


async def test_a_client_without_an_id_is_given_one_that_it_hears_its_prompts_under(engine: Engine) -> None:
    """So it is at a page's first visit."""
    async with engine.session.ws_connect(f"{engine.url}/ws") as socket:
        first: dict[str, Any] = await socket.receive_json()
        client = first["data"]["sid"]
        assert first["type"] == "status" and client
        await engine.send(plain(output="PreviewImage"), client_id=client)
        async for message in socket:
            if message.json()["type"] == "execution_success":
                break
        else:
            pytest.fail("the socket ended before the prompt did")
