"""Whatever a client writes into a graph, a shared engine gets names below our own folders, or no graph."""

from __future__ import annotations

import json
import posixpath
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wake_service.comfy.catalogue import Catalogue
from wake_service.files.model import BadName, parse
from wake_service.workflows import naming
from wake_service.workflows.model import GraphRefused
from wake_service.workflows.paths import forbidden_nodes, refused

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures/comfyui/object_info-0.3.64.json"
REAL = Catalogue.parse(json.loads(FIXTURE.read_text(encoding="utf-8")))
FOLDER = "wakebrush/5f0c6c1e"
#: What the artist has, by the names that her graphs may use for it.
HERS = {"a.png": "wakebrush/aa.png", "sub/b.latent": "wakebrush/bb.latent", "c.png [output]": "wakebrush/cc.png"}
READERS = {
    "LoadImage": "image",
    "LoadImageMask": "image",
    "LoadLatent": "latent",
    "LoadAudio": "audio",
    "LoadImageOutput": "image",
}
WRITERS = ("SaveImage", "SaveLatent", "CheckpointSave")

bits = st.sampled_from(
    ["..", ".", "/", "\\", "~", "C:", "a.png", "wakebrush", "wakebrush/noor", " [output]", " [input]", "%date%", "\0", "\n", "é"]
)
nasty = st.lists(bits, max_size=4).map("".join) | st.sampled_from(list(HERS))
values = st.one_of(
    nasty,
    nasty.map(lambda text: {"__value__": text}),
    st.lists(nasty, max_size=2),
    st.just(["1", 0]),
    st.none() | st.integers() | st.booleans(),
)
nodes = st.one_of(
    st.builds(lambda kind, value: (kind, READERS[kind], value), st.sampled_from(list(READERS)), values),
    st.builds(lambda kind, value: (kind, "filename_prefix", value), st.sampled_from(WRITERS), nasty | values),
)


def sent(graph: dict[str, Any]) -> dict[str, Any]:
    """The graph as the engine would get it. Raises GraphRefused."""
    if reaching := forbidden_nodes(graph, REAL, ()):
        raise refused(reaching)
    naming.check_prefixes(graph)
    for _, _, value in naming.file_inputs(graph, REAL):
        if value not in HERS:
            raise GraphRefused("prompt_outputs_failed_validation", "she has no such file")
    return naming.for_engine(graph, FOLDER, HERS, REAL)


@settings(max_examples=400)
@given(nodes)
def test_no_name_in_a_graph_that_is_sent_leads_to_files_of_others(drawn: tuple[str, str, Any]) -> None:
    kind, name, given_value = drawn
    try:
        arrived = sent({"1": {"class_type": kind, "inputs": {name: given_value}}})
    except GraphRefused:
        return
    value = arrived["1"]["inputs"][name]
    if kind in READERS:
        assert value in HERS.values()
    elif isinstance(value, str):
        for text in (value, value.replace("\\", "/")):
            assert f"{posixpath.normpath(posixpath.join('/output', text))}/".startswith(f"/output/{FOLDER}/")
    else:
        assert not isinstance(value, dict), "ComfyUI takes it for a text"


@given(nasty)
def test_what_a_graph_calls_a_file_is_a_plain_name_in_one_of_her_folders_or_nothing(text: str) -> None:
    try:
        name = parse(text)
    except BadName:
        return
    parts = [*name.subfolder.split("/"), name.name] if name.subfolder else [name.name]
    assert name.folder in ("input", "output", "temp")
    assert not {"", ".", ".."} & set(parts) and not any("\\" in part or "\0" in part for part in parts)


@given(nasty, nasty)
def test_no_result_is_shown_below_the_folder_of_another_prompt(subfolder: str, more: str) -> None:
    shown = naming.subfolder_shown(f"{FOLDER}/{subfolder}/{more}", FOLDER)
    assert FOLDER not in shown or FOLDER in f"{subfolder}/{more}".replace("\\", "/")


def test_a_refusal_names_node_input_and_what_to_do() -> None:
    graph = {
        "7": {"class_type": "OpenAIInputFiles", "inputs": {"file": "x"}},
        "8": {"class_type": "LoadImage", "inputs": {"image": ["7", 0]}},
    }
    told = refused(forbidden_nodes(graph, REAL, ()))
    assert (told.error["type"], set(told.node_errors)) == ("prompt_outputs_failed_validation", {"7", "8"})
    (error,) = told.node_errors["7"]["errors"]
    assert (error["type"], error["extra_info"]) == ("custom_validation_failed", {"input_name": "file"})
    assert "gateway_path_nodes" in error["details"] and "OpenAIInputFiles" in told.error["details"]
