"""packer/scripts/*.py: what is read off an image that was just installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "packer" / "scripts"


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"packer_{name}", SCRIPTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


versions, object_info = module("versions"), module("object_info")
LOCK = "# packs\ninpaint-nodes owner/inpaint 0123\ncontrol_aux owner/control 4567 libgl1\n"
KSAMPLER = {"KSampler": {"python_module": "nodes"}}


def pack(name: str) -> dict[str, dict[str, str]]:
    return {f"Node of {name}": {"python_module": f"custom_nodes.{name}"}}


def test_an_engine_with_the_nodes_of_every_pack_has_no_flaw() -> None:
    nodes = KSAMPLER | pack("inpaint-nodes") | pack("control_aux")
    assert object_info.flaw(nodes, object_info.packs(LOCK)) is None


def test_a_pack_that_did_not_load_is_named() -> None:
    found = object_info.flaw(KSAMPLER | pack("inpaint-nodes"), object_info.packs(LOCK))
    assert found == "The engine started without the nodes of control_aux."


def test_an_engine_that_does_not_say_where_its_nodes_are_from_is_believed() -> None:
    assert object_info.flaw({"KSampler": {}}, object_info.packs(LOCK)) is None


@pytest.mark.parametrize("nodes", [{}, [], None])
def test_an_engine_without_nodes_is_a_flaw(nodes: object) -> None:
    assert object_info.flaw(nodes, []) == "The engine knows no nodes."


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("cuda: Optional[str] = '13.2'\n", "13.2"), ("__version__ = '2.15.0'\ncuda = '13.0'\n", "13.0"), ("cuda = None\n", None)],
)
def test_the_cuda_that_torch_was_built_for_is_read_without_importing_it(tmp_path: Path, text: str, wanted: str | None) -> None:
    torch = tmp_path / "lib" / "python3.12" / "site-packages" / "torch"
    torch.mkdir(parents=True)
    (torch / "version.py").write_text(text, encoding="utf-8")
    assert versions.cuda(tmp_path / "bin" / "python") == wanted


def test_an_engine_without_torch_has_no_cuda(tmp_path: Path) -> None:
    (tmp_path / "lib" / "python3.12" / "site-packages").mkdir(parents=True)
    assert versions.cuda(tmp_path / "bin" / "python") is None


def test_a_version_that_cannot_be_told_ends_the_build() -> None:
    with pytest.raises(SystemExit, match="a version is unknown"):
        versions.said("git", "-C", "/nowhere", "rev-parse", "HEAD")
