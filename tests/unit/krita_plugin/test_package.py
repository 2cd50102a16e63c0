"""The zip that an artist imports: complete, accepted by Krita, the same each time, and private about its libraries."""

from __future__ import annotations

import configparser
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import package
import pytest

from wakebrush.bootstrap import take_up
from wakebrush.updates import Offer, stage
from wakebrush.version import API, VERSION


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package.main(["--output", str(tmp_path_factory.mktemp("dist"))])


@pytest.fixture(scope="module")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, unpacked like Krita's importer unpacks it."""
    folder = tmp_path_factory.mktemp("pykrita")
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    return folder


def run(folder: Path, script: str) -> str:
    """Runs a script in a bare Python that sees only the installed plugin (and what the script adds)."""
    prologue = f"""
import sys
sys.path = [{str(folder)!r}] + [path for path in sys.path if "site-packages" not in path]
for name in [name for name in sys.modules if name.split(".")[0] in {package.LIBRARIES!r}]:
    del sys.modules[name]
"""
    done = subprocess.run([sys.executable, "-I", "-c", prologue + script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_version_is_the_projects(archive: Path) -> None:
    config = configparser.ConfigParser()
    config.read(package.ROOT / "setup.cfg", encoding="utf-8")
    assert config["metadata"]["version"] == VERSION == package.version()
    assert archive.name == f"wakebrush-krita-{VERSION}.zip"


def test_the_zip_has_what_kritas_importer_looks_for(archive: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        names = content.namelist()
        desktop = content.read("wakebrush.desktop").decode()
    assert {
        "wakebrush.desktop",
        "wakebrush/",
        "wakebrush/__init__.py",
        "wakebrush/_vendor/",
        "wakebrush/_vendor/requests/__init__.py",
    } <= set(names)
    assert "X-KDE-Library=wakebrush" in desktop and "%" not in desktop
    assert next(name for name in names if name.endswith("__init__.py")) == "wakebrush/__init__.py"
    assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc")) or "/tests/" in name]


def test_the_libraries_licences_travel_with_them(archive: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        licensed = {
            name.split("/")[2].split("-")[0] for name in content.namelist() if "licen" in name.lower() and "_vendor" in name
        }
    assert {"certifi", "charset_normalizer", "idna", "requests", "urllib3", "websocket_client"} <= licensed


def test_building_twice_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    again = package.main(["--output", str(tmp_path)])
    assert again.read_bytes() == archive.read_bytes()


def test_our_libraries_are_invisible_to_other_plugins(installed: Path) -> None:
    seen = run(
        installed,
        """
import wakebrush.client.stream, wakebrush.client.service
from wakebrush.client.libraries import requests, urllib3, websocket
for name in ("requests", "urllib3", "idna", "certifi", "charset_normalizer", "websocket", "truststore", "chardet"):
    assert name not in sys.modules, name
    try:
        __import__(name)
    except ImportError:
        continue
    raise AssertionError(name + " can be imported by everybody")
assert requests.__name__ == "wakebrush._vendor.requests" and requests.certs.where().endswith("_vendor/certifi/cacert.pem")
print([name for name in sys.modules if name.startswith("requests")])
""",
    )
    assert seen.strip() == "[]"


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_another_plugins_requests_stays_its_own(installed: Path, tmp_path: Path, first: str) -> None:
    for name in ("requests", "urllib3", "websocket", "idna"):
        (tmp_path / f"{name}.py").write_text("owner = 'the other plugin'\n", encoding="utf-8")
    imports = ["import wakebrush.client.stream", "import requests, urllib3, websocket, idna"]
    ordered = imports if first == "ours" else imports[::-1]
    run(
        installed,
        f"""
sys.path.append({str(tmp_path)!r})
{ordered[0]}
{ordered[1]}
from wakebrush.client import libraries
assert requests.owner == urllib3.owner == websocket.owner == idna.owner == "the other plugin"
assert libraries.requests is not requests and libraries.requests.Session
assert libraries.urllib3.__name__ == "wakebrush._vendor.urllib3"
""",
    )


def test_the_plugin_does_nothing_outside_krita(installed: Path) -> None:
    assert run(installed, "import wakebrush; print('krita' in sys.modules or 'PyQt5' in sys.modules)").strip() == "False"


def test_the_zipped_client_speaks_to_a_service(installed: Path) -> None:
    said = run(
        installed,
        """
import threading, http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"styles": []}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
from wakebrush.client.config import Connection
from wakebrush.client.service import Service
print(Service(Connection("http://127.0.0.1:%d" % server.server_port, "t", "settings")).styles())
""",
    )
    assert said.strip() == "[]"


@pytest.mark.parametrize(
    ("source", "private"),
    [
        ("import urllib3\n", "from wakebrush._vendor import urllib3\n"),
        ("import urllib3.util\n", "import wakebrush._vendor.urllib3.util; from wakebrush._vendor import urllib3\n"),
        ("import urllib3.util as u\n", "from wakebrush._vendor.urllib3 import util as u\n"),
        ("    \nif 1:\n    import os, idna\n", "    \nif 1:\n    import os; from wakebrush._vendor import idna\n"),
        ("from urllib3.util import (\n    x,\n)\n", "from wakebrush._vendor.urllib3.util import (\n    x,\n)\n"),
        ("from .urllib3 import x\nimport ssl\n'import idna'\n", "from .urllib3 import x\nimport ssl\n'import idna'\n"),
    ],
)
def test_imports_are_rewritten_and_nothing_else(source: str, private: str) -> None:
    assert package.private_imports(source) == private


def test_the_zip_can_be_taken_up_by_a_plugin_that_runs(archive: Path, tmp_path: Path, kept_modules: None) -> None:
    content = archive.read_bytes()
    (tmp_path / "pykrita" / "wakebrush").mkdir(parents=True)
    stage(content, Offer(VERSION, "", hashlib.sha256(content).hexdigest(), API), tmp_path / "pykrita")
    assert take_up(tmp_path / "pykrita")
    with zipfile.ZipFile(archive) as zipped:
        names = {name for name in zipped.namelist() if not name.endswith("/")}
    placed = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {name if name.startswith("actions/") else f"pykrita/{name}" for name in names} == placed
