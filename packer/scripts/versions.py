"""Writes what an image holds as JSON, name to version: what its tags say, and what a person asks first when something differs."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

#: Debian packages whose version is worth a name of its own.
PACKAGES = {"nginx": "nginx", "nftables": "nftables", "openssl": "openssl"}


def said(*command: str | Path) -> str:
    """What a command prints. Ends the build when it fails: a version that cannot be told is a part that is not there."""
    answer = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.exit(f"“{' '.join(str(word) for word in command)}” failed, so a version is unknown: {answer.stderr.strip()}")
    return answer.stdout.strip()


def commit(folder: Path) -> str:
    """The commit that is checked out in a folder."""
    return said("git", "-C", folder, "rev-parse", "HEAD")


def libraries(python: Path) -> dict[str, str]:
    """All libraries of an environment, name (lower case) to version."""
    listed = json.loads(said(python, "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"))
    return {library["name"].lower(): library["version"] for library in listed}


def cuda(python: Path) -> str | None:
    """The version of CUDA that torch was built for; read from its source, since importing it takes seconds."""
    [found] = (python.parent.parent / "lib").glob("python3*/site-packages")
    module = found / "torch" / "version.py"
    match = re.search(r"^cuda\b.*=\s*'([^']+)'", module.read_text(encoding="utf-8"), re.MULTILINE) if module.exists() else None
    return match[1] if match else None


def driver() -> dict[str, str]:
    """Kernel and NVIDIA driver of the next boot; nothing in an image that was built without a driver."""
    kernels = sorted(Path("/boot").glob("vmlinuz-*"), key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)])
    if not kernels:
        return {}
    kernel = kernels[-1].name.removeprefix("vmlinuz-")
    module = subprocess.run(["modinfo", "-k", kernel, "-F", "version", "nvidia"], capture_output=True, text=True, check=False)
    return {"kernel": kernel} | ({"driver": module.stdout.strip()} if module.returncode == 0 else {})


def system() -> dict[str, str]:
    """The distribution and those of its packages that the machine stands on."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line)
    found = {"system": release["PRETTY_NAME"].strip('"')}
    for name, package in PACKAGES.items():
        found[name] = said("dpkg-query", "-W", "-f", "${Version}", package)
    return found


def gather(engine: Path, revision: str, machine: Path) -> dict[str, str]:
    """Every version, in the order in which people ask for them."""
    python = engine.parent / "venv" / "bin" / "python"
    engines, own = libraries(python), libraries(machine / "bin" / "python")
    found = {"wakebrush-machine": own["wakebrush-machine"], "comfyui": revision, "comfyui-commit": commit(engine)}
    packs = sorted(folder.parent for folder in (engine / "custom_nodes").glob("*/.git"))
    found |= {f"pack-{pack.name}": commit(pack) for pack in packs}
    found |= {"python": said(python, "-c", "import platform; print(platform.python_version())")}
    found |= {name: engines[name] for name in ("torch", "torchvision", "comfyui-frontend-package") if name in engines}
    built_for = cuda(python)
    found |= {"cuda": built_for} if built_for else {}
    found |= driver() | system()
    return found | {"built-at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", type=Path, required=True, help="ComfyUI's checkout")
    parser.add_argument("--revision", required=True, help="the release that was asked for")
    parser.add_argument("--machine", type=Path, required=True, help="the environment of the machine's own software")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    versions = gather(arguments.engine, arguments.revision, arguments.machine)
    arguments.output.write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
