"""The plugin comes into a profile as it comes to an artist: the built zip, through Krita's own importer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from .kritas import REPOSITORY, KritaVersion
from .running import Profile, RunningKrita, running_krita


def built_zip() -> Path:
    """The zip as `make plugin` builds it, or the one that $WAKEBRUSH_PLUGIN_ZIP names."""
    if chosen := os.environ.get("WAKEBRUSH_PLUGIN_ZIP"):
        return Path(chosen)
    (REPOSITORY / "build").mkdir(exist_ok=True)
    with FileLock(REPOSITORY / "build/plugin.lock"):
        subprocess.run([sys.executable, str(REPOSITORY / "krita_plugin/package.py")], cwd=REPOSITORY, check=True, timeout=300)
    return max((REPOSITORY / "dist").glob("wakebrush-krita-*.zip"), key=lambda path: path.stat().st_mtime)


@contextmanager
def profile_with_plugin(version: KritaVersion, archive: Path) -> Iterator[Profile]:
    """A new user's profile after "Import Python Plugin from File", with the plugin enabled."""
    profile = Profile.fresh()
    try:
        downloaded = shutil.copy(archive, profile.home)
        with running_krita(version, profile) as krita:
            import_plugin(krita, Path(downloaded))
        yield profile
    finally:
        profile.remove()


def import_plugin(krita: RunningKrita, archive: Path) -> None:
    """Types the file's name into the dialog and answers yes to enabling the plugin."""
    krita.ask("window.trigger", action="plugin_importer_file")
    chooser = krita.until("window.dialog", "the file dialog", lambda box: box and box["lines"])
    krita.hand.focus(chooser["id"])
    krita.hand.click(chooser["lines"][0], times=3)
    krita.hand.type(str(archive))
    krita.hand.key("Return")
    question = krita.until("window.dialog", "the question whether to enable the plugin", lambda box: box and box["buttons"])
    if "Yes" not in question["buttons"]:
        raise AssertionError(f"Krita refused the plugin: {question['text']}")
    krita.hand.click(question["buttons"]["Yes"])
    krita.until("window.dialog", "the dialogs to close", lambda box: box is None)
