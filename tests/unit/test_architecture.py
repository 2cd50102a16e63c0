"""The arrows and house rules of docs/architecture.md, read from the source itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICE, PLUGIN = ROOT / "wake_service", ROOT / "krita_plugin" / "wakebrush"
MACHINE = ROOT / "cloud_image"
CODE = ("wake_service", "krita_plugin", "cloud_image", "packer", "tests", ".ci")
TEXT = {".py", ".md", ".sh", ".toml", ".cfg", ".txt", ".json", ".jsonl", ".desktop", ".lua", ".mako", ".lock", ""}

GROUND = {"errors", "clock", "settings", "background"}
CELLAR = {"store", "blobs", "files", "mirror", "models", "comfy", "providers", "accounts", "agent", "aws"} | GROUND
#: What each room of the service may import besides itself: the arrows of docs/architecture.md, one line a room.
MAY_IMPORT = {
    "errors": set(),
    "clock": set(),
    "settings": {"errors"},
    "background": set(),
    "store": GROUND,
    "agent": GROUND,
    "aws": GROUND,
    "simulate": {"errors"},
    "blobs": GROUND | {"store", "aws"},
    "models": GROUND | {"aws"},
    "files": GROUND | {"store", "blobs"},
    "mirror": GROUND | {"comfy"},
    "comfy": GROUND,
    "providers": GROUND | {"agent", "aws"},
    "accounts": GROUND | {"store"},
    "jobs": CELLAR,
    "machines": CELLAR,
    "exchange": CELLAR | {"jobs", "machines"},
    "housekeeping": CELLAR | {"jobs"},
    "machinery": CELLAR | {"machines"},
    "workflows": CELLAR | {"jobs"},
    "app": CELLAR | {"jobs", "machines", "machinery", "exchange", "housekeeping", "workflows"},
    "answers": set(),
    "plugin_file": set(),
    "api": CELLAR | {"answers", "plugin_file", "jobs", "machines", "machinery", "app"},
    "gateway": CELLAR | {"answers", "jobs", "machines", "machinery", "workflows", "app"},
    "connect": {"errors"},
    "server": CELLAR | {"app", "api", "gateway"},
    "terminal": {"errors"},
    "cli_reap": CELLAR | {"machines", "terminal"},
    "images": GROUND | {"aws", "agent", "comfy", "mirror", "providers"},
    "cli_aws": CELLAR | {"cli_reap", "terminal"},
    "cli_image": CELLAR | {"cli_aws", "images", "terminal"},
    "cli_models": CELLAR | {"terminal"},
    "cli_invite": CELLAR | {"terminal"},
    "cli_gateway": CELLAR | {"terminal", "connect"},
    "cli": CELLAR | {"terminal", "cli_aws", "cli_gateway", "cli_image", "cli_invite", "cli_models", "app", "demo", "server"},
    "demo": {"errors", "clock", "providers"},
    "practice_engine": set(),
}
#: The same for what lives on a GPU machine; it is installed there alone, and knows nothing of the service.
MACHINE_GROUND = {"errors", "files", "paths", "settings", "door", "marks", "moments", "metadata"}
MACHINE_MAY_IMPORT = {
    **{ground: MACHINE_GROUND for ground in MACHINE_GROUND},
    "cloud": MACHINE_GROUND,
    "disks": MACHINE_GROUND,
    "engine": MACHINE_GROUND,
    "guard": MACHINE_GROUND | {"cloud"},
    "model_sync": MACHINE_GROUND | {"cloud"},
    "idle_monitor": MACHINE_GROUND,
    "agent": MACHINE_GROUND | {"engine"},
}
NETWORK = {"requests", "websocket", "urllib", "http", "socket", "ssl", "aiohttp"}
QT = {"PyQt5", "PyQt6", "wakebrush.qt"}
FILE_LINES, FUNCTION_LINES = 400, 60


@cache
def python_files(*folders: str) -> tuple[Path, ...]:
    """Every Python file of these folders of the checkout that is ours."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(sorted(path for path in found if not {"_vendor", "__pycache__"} & set(path.parts)))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_name(path: Path, above: Path) -> str:
    parts = path.relative_to(above).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, above: Path) -> Iterator[str]:
    """Full names of all that a file imports, anywhere in it; `above` is the folder its package lies in.

    `from a import b` counts as `a` and as `a.b`, since b may be a module.
    """
    package = module_name(path, above).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(name: str) -> str | None:
    """`machines` for `wake_service.machines.model`; None for what is not the service, or the package itself."""
    parts = name.split(".")
    return parts[1] if parts[0] == "wake_service" and len(parts) > 1 and not parts[1].startswith("__") else None


def test_every_room_of_the_service_is_on_the_map() -> None:
    rooms = {room_of(module_name(path, ROOT)) for path in python_files("wake_service")} - {None}
    assert rooms <= set(MAY_IMPORT)


def test_imports_of_the_service_run_downward_only() -> None:
    wrong = []
    for path in python_files("wake_service"):
        room = room_of(module_name(path, ROOT))
        targets = {target for name in imports(path, ROOT) if (target := room_of(name)) in MAY_IMPORT}
        for target in targets - {room} - MAY_IMPORT.get(room or "", set()):
            wrong.append(f"{relative(path)} imports {target}")
    assert not wrong


def test_jobs_and_machines_meet_only_where_everything_is_built() -> None:
    rooms: dict[str | None, set[str | None]] = {}
    for path in python_files("wake_service"):
        room = room_of(module_name(path, ROOT))
        rooms.setdefault(room, set()).update(room_of(name) for name in imports(path, ROOT))
    assert "machines" not in rooms["jobs"] and "jobs" not in rooms["machines"]
    assert {room for room, known in rooms.items() if {"jobs", "machines"} <= known} - {"jobs", "machines"} <= {
        "app",
        "exchange",
        "api",
        "gateway",
    }


def test_the_practice_engine_imports_nothing_of_the_service() -> None:
    outside = {
        f"{relative(path)} imports {name}"
        for path in python_files("wake_service/practice_engine")
        for name in imports(path, ROOT)
        if within(name, {"wake_service"}) and not within(name, {"wake_service.practice_engine"}) and name != "wake_service"
    }
    assert not outside


def machine_room_of(name: str) -> str | None:
    """`agent` for `cloud_image.agent.cli`; None for what is not the machine's, or the package itself."""
    parts = name.split(".")
    return parts[1] if parts[0] == "cloud_image" and len(parts) > 1 and not parts[1].startswith("__") else None


def test_imports_of_the_machine_run_downward_only() -> None:
    wrong = []
    for path in python_files("cloud_image"):
        room = machine_room_of(module_name(path, ROOT))
        if room is None:
            continue
        assert room in MACHINE_MAY_IMPORT, f"{room} is not on the map"
        targets = {target for name in imports(path, ROOT) if (target := machine_room_of(name)) in MACHINE_MAY_IMPORT}
        wrong += [f"{relative(path)} imports {target}" for target in targets - {room} - MACHINE_MAY_IMPORT[room]]
    assert not wrong


def test_service_and_machine_do_not_import_each_other() -> None:
    pairs = (("wake_service", "cloud_image"), ("cloud_image", "wake_service"))
    assert not [
        f"{relative(path)} imports {name}"
        for here, there in pairs
        for path in python_files(here)
        for name in imports(path, ROOT)
        if within(name, {there})
    ]


def test_the_agent_and_the_idle_monitor_import_no_library_of_the_cloud() -> None:
    heavy = {"boto3", "botocore", "pydantic", "aiohttp", "fastapi"}
    allowed = {"cloud", "model_sync"}
    files = [path for path in python_files("cloud_image") if machine_room_of(module_name(path, ROOT)) not in allowed]
    assert not [f"{relative(path)} imports {name}" for path in files for name in imports(path, ROOT) if within(name, heavy)]


#: What a canvas is asked for, as values: pure, and of use wherever it is chosen.
CANVAS_VALUES = {"wakebrush.canvas.plan", "wakebrush.canvas.base"}


@pytest.mark.parametrize(
    ("room", "unknown"),
    [
        ("client", QT | {"krita", "wakebrush.canvas", "wakebrush.ui", "wakebrush.session"}),
        ("canvas", NETWORK | {"wakebrush.client", "wakebrush.ui", "wakebrush.session"}),
        ("ui", NETWORK | {"wakebrush.canvas"}),
        ("journal.py", NETWORK | QT | {"krita", "wakebrush.ui"}),
    ],
)
def test_rooms_of_the_plugin_know_only_their_own_side(room: str, unknown: set[str]) -> None:
    files = [path for path in python_files("krita_plugin") if (PLUGIN / room) in (path, *path.parents)]
    assert files, f"no files in krita_plugin/wakebrush/{room}"
    wrong = [
        f"{relative(path)} imports {name}"
        for path in files
        for name in imports(path, PLUGIN.parent)
        if within(name, unknown) and not (room == "ui" and (name == "wakebrush.canvas" or within(name, CANVAS_VALUES)))
    ]
    assert not wrong


def test_the_plugin_imports_nothing_that_krita_does_not_bring() -> None:
    foreign = {"wake_service", "numpy", "PIL", "pydantic", "aiohttp", "platformdirs"}
    files = [path for path in python_files("krita_plugin") if PLUGIN in path.parents]
    assert not [
        f"{relative(path)} imports {name}" for path in files for name in imports(path, PLUGIN.parent) if within(name, foreign)
    ]


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    long = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*CODE)}
    assert not {name: lines for name, lines in long.items() if lines > FILE_LINES}


def test_no_function_outside_tests_is_longer_than_a_screen() -> None:
    long = [
        f"{relative(path)}:{node.lineno} {node.name} has {length} lines"
        for path in python_files("wake_service", "krita_plugin", "cloud_image", ".ci")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and "versions" not in path.parts  # a migration is a list of tables, not a story
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not long


def test_every_module_says_what_it_is_for() -> None:
    files = python_files("wake_service", "cloud_image")
    silent = [relative(path) for path in files if tree(path).body and not ast.get_docstring(tree(path))]
    assert not silent


def texts() -> Iterator[tuple[Path, str]]:
    folders = [ROOT / name for name in (*CODE, "docs")]
    top = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".git")]
    for path in sorted([*top, *(path for folder in folders for path in folder.rglob("*"))]):
        if path.is_file() and path.suffix in TEXT and not {"__pycache__", "_vendor"} & set(path.parts):
            yield path, path.read_text(encoding="utf-8")


# The patterns are written so that they do not find themselves.
@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a path of somebody's machine", r"(?<![\w./})-])/(?:wor[k]|roo[t]|far[m]|hom[e])/\w"),
        (
            "the address of a package registry",
            r"pypi\.or[g]|pythonhosted\.or[g]|deb\.debian\.or[g]|archive\.ubuntu\.co[m]|npmjs\.(?:or[g]|co[m])",
        ),
        ("an unfinished mark", r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b"),
    ],
)
def test_no_text_holds(what: str, pattern: str) -> None:
    found = [
        f"{relative(path)}:{number}: {line.strip()[:120]}"
        for path, text in texts()
        if re.search(pattern, text)
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not found, what
