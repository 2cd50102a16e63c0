"""Builds the file an artist imports: `dist/wakebrush-krita-VERSION.zip`.

    python krita_plugin/package.py [--output dist] [--cache build/vendor]

The zip holds the plugin and, under `wakebrush/_vendor`, the libraries it needs, with their imports of each other rewritten
(`import urllib3` → `from wakebrush._vendor import urllib3`): they are private to the plugin, whatever other plugins bring along.
The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import contextlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PACKAGE = "wakebrush"
VENDOR = f"{PACKAGE}._vendor"
#: The libraries the client uses and what these need, each in one exact version.
VERSIONS = HERE / "vendor.txt"
#: The oldest Python inside a supported Krita.
PYTHON = "3.10"
LIBRARIES = ("certifi", "charset_normalizer", "idna", "requests", "truststore", "urllib3", "websocket")
#: Parts that nobody needs inside Krita: their own tests and command lines, and a port to browsers.
LEFT_OUT = (
    "certifi/tests",
    "certifi/__main__.py",
    "charset_normalizer/cli",
    "charset_normalizer/__main__.py",
    "requests/help.py",
    "urllib3/contrib/emscripten",
    "urllib3/contrib/pyopenssl.py",
    "websocket/tests",
    "websocket/_wsdump.py",
)
#: Aliases in sys.modules for programs of 2012: every plugin would see them.
EMPTIED = ("requests/packages.py",)
#: Where the libraries name each other by other means than an import statement. Each text must be there.
PATCHES = {
    "requests/compat.py": (
        ('("chardet", "charset_normalizer")', '("charset_normalizer",)'),
        ("import_module(lib)", f'import_module("{VENDOR}." + lib)'),
    ),
    "certifi/core.py": (('"certifi"', f'"{VENDOR}.certifi"'),),
}
#: Zip files cannot hold an earlier date; a fixed one makes the same inputs give the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)


def main(arguments: list[str] | None = None) -> Path:
    """Builds the zip and says where it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "vendor")
    options = parser.parse_args(arguments)
    archive = build(options.output, options.cache)
    sys.stdout.write(f"{archive}\n")
    return archive


def version() -> str:
    """The project's version, from setup.cfg."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config["metadata"]["version"]


def build(output: Path, cache: Path) -> Path:
    """Writes the zip into `output`; downloads the libraries into `cache` when they are not there."""
    files = dict(plugin_files())
    files.update(vendored_files(download(cache)))
    archive = output / f"wakebrush-krita-{version()}.zip"
    output.mkdir(parents=True, exist_ok=True)
    partial = archive.with_suffix(".part")
    write_zip(partial, files)
    partial.replace(archive)
    return archive


def plugin_files() -> Iterator[tuple[str, bytes]]:
    """The plugin's own files by their name in the zip."""
    yield f"{PACKAGE}.desktop", (HERE / f"{PACKAGE}.desktop").read_bytes()
    yield f"actions/{PACKAGE}.action", (HERE / f"{PACKAGE}.action").read_bytes()
    for path in _files(HERE / PACKAGE):
        yield path.relative_to(HERE).as_posix(), path.read_bytes()
    yield f"{PACKAGE}/LICENSE", (ROOT / "LICENSE").read_bytes()


def download(cache: Path) -> Path:
    """A folder with the libraries as published: pure Python, for the oldest supported Krita.

    Several may do this at once, as suites do that run side by side: the folder is there whole, or not at all.
    """
    target = cache / f"py{PYTHON}"
    if _is_complete(target):
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cache) as own:
        made = Path(own) / target.name
        _install(made)
        if not _is_complete(target):
            shutil.rmtree(target, ignore_errors=True)
            with contextlib.suppress(OSError):  # somebody else was quicker by a moment
                made.rename(target)
    if not _is_complete(target):
        raise OSError(f"The libraries could not be put into {target}.")
    return target


def _is_complete(target: Path) -> bool:
    """Whether it holds exactly the versions that are wanted now."""
    stamp = target / VERSIONS.name
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == VERSIONS.read_text(encoding="utf-8")


def _install(target: Path) -> None:
    pure = ["--platform", "any", "--only-binary=:all:", "--python-version", PYTHON, "--no-deps", "--no-compile"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *pure, "--target", str(target), "--requirement", str(VERSIONS)], check=True)
    shutil.copy(VERSIONS, target)


def vendored_files(source: Path) -> Iterator[tuple[str, bytes]]:
    """The libraries, rewritten, and their licences, by their name in the zip."""
    prefix = VENDOR.replace(".", "/")
    yield (
        f"{prefix}/__init__.py",
        b'"""Libraries of others, private to this plugin; their imports of each other were rewritten by package.py."""\n',
    )
    for path in _files(source):
        name = path.relative_to(source).as_posix()
        top = name.split("/")[0]
        if top in LIBRARIES and not name.startswith(LEFT_OUT):
            yield f"{prefix}/{name}", rewritten(name, path.read_bytes())
        elif top.endswith(".dist-info") and ("license" in name.lower() or "notice" in name.lower() or name.endswith("/METADATA")):
            yield f"{prefix}/{name}", path.read_bytes()


def rewritten(name: str, content: bytes) -> bytes:
    """A library's file with its absolute imports of vendored libraries made private."""
    if not name.endswith(".py"):
        return content
    text = content.decode("utf-8")
    if name in EMPTIED:
        return b""
    for old, new in PATCHES.get(name, ()):
        if old not in text:
            raise SystemExit(f"{name} has changed: {old} is not there. Adapt PATCHES in krita_plugin/package.py.")
        text = text.replace(old, new)
    return private_imports(text).encode("utf-8")


def private_imports(text: str) -> str:
    """Python source in which `import LIBRARY…` and `from LIBRARY… import` mean the vendored copies."""
    lines = text.splitlines(keepends=True)
    statements = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    for node in sorted(statements, key=lambda node: node.lineno, reverse=True):
        line = lines[node.lineno - 1]
        if isinstance(node, ast.ImportFrom):
            if node.level == 0 and node.module and _is_vendored(node.module):
                lines[node.lineno - 1] = line.replace(f"from {node.module}", f"from {VENDOR}.{node.module}", 1)
        elif any(_is_vendored(alias.name) for alias in node.names):
            start, end = line[: node.col_offset], line[node.end_col_offset :]
            lines[node.lineno - 1] = start + "; ".join(_private_import(alias) for alias in node.names) + end
    return "".join(lines)


def _private_import(alias: ast.alias) -> str:
    """One name of an `import` statement: it must bind the same name as before."""
    if not _is_vendored(alias.name):
        return f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
    parent, _, child = f"{VENDOR}.{alias.name}".rpartition(".")
    if alias.asname:
        return f"from {parent} import {child} as {alias.asname}"
    top = alias.name.split(".")[0]
    load_submodule = f"import {VENDOR}.{alias.name}; " if "." in alias.name else ""
    return f"{load_submodule}from {VENDOR} import {top}"


def _is_vendored(module: str) -> bool:
    return module.split(".")[0] in LIBRARIES


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    """Writes the files with an entry for each folder, which Krita's importer looks for."""
    folders = {f"{parent.as_posix()}/" for name in files for parent in Path(name).parents if parent != Path()}
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(folders | set(files)):
            entry = zipfile.ZipInfo(name, EPOCH)
            is_folder = name.endswith("/")
            entry.external_attr = (0o40755 << 16 | 0x10) if is_folder else 0o100644 << 16
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_STORED if is_folder else zipfile.ZIP_DEFLATED
            archive.writestr(entry, b"" if is_folder else files[name])


def _files(folder: Path) -> Iterator[Path]:
    return (
        path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    )


if __name__ == "__main__":
    main()
