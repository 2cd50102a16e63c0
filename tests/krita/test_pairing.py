"""From a computer that knows nothing to one that paints: by an invitation, by an admin's files, and with the newest plugin."""

import json
import shutil
import zipfile

import pytest

from tests.support.running_service import RunningService

from .running import Profile, running_krita

NEWER = "0.99.0"


@pytest.fixture
def elsewhere(tmp_path):
    """A service that this user's Krita does not find by itself."""
    service = RunningService(tmp_path / "elsewhere", plugin_folder=tmp_path / "plugins")
    (tmp_path / "plugins").mkdir()
    service.start()
    yield service
    service.clean_up()


def invitation(service, name):
    link, _code = service.command("invite", name).stdout.splitlines()
    return link


@pytest.mark.screenshot
def test_a_pasted_invitation_connects_and_stays_connected(version, profile, elsewhere, shoot):
    with profile.lent() as own:
        with running_krita(version, own) as krita:
            krita.ask("docker.show")
            krita.until("docker.look", "the way in", lambda said: "not connected" in said["error_title"])
            krita.hand.click(krita.ask("docker.where", name="error_settings"))
            krita.until("docker.text", "the dialog", name="connect_words")
            krita.hand.focus(krita.ask("docker.window_of", name="invitation"))
            krita.hand.type(invitation(elsewhere, "Mira"))
            shoot(krita, "connect")
            krita.hand.key("Return")
            krita.until("docker.text", "the pairing", lambda said: said.startswith("Paired: Mira"), name="connect_answer")
            krita.hand.key("Escape")
            krita.until("docker.look", "the machine", lambda said: said["state_line"].startswith("Asleep."))
            assert krita.ask("docker.look")["error_title"] == ""
            assert krita.complaints() == []
        settings = (own.home / ".config/kritarc").read_text()
        token = json.loads((own.data / "wakebrush/krita/services.json").read_text())["services"][0]["token"]
        assert token.startswith("wb_") and token not in settings
        with running_krita(version, own) as again:
            again.ask("docker.show")
            again.until("docker.look", "the machine", lambda said: said["state_line"].startswith("Asleep."))


def test_an_admins_files_are_enough(version, plugin_zip, elsewhere):
    """No importer, no click: the zip's content, a line in Krita's settings, one wakebrush.json."""
    own = Profile.fresh()
    try:
        with zipfile.ZipFile(plugin_zip) as archive:
            archive.extractall(own.pykrita)
        shutil.move(own.pykrita / "actions", own.pykrita.parent / "actions")
        settings = own.home / ".config/kritarc"
        settings.write_text(settings.read_text() + "enable_wakebrush=true\n")
        told = {"name": "Film", "endpoint": elsewhere.endpoint, "invitation": invitation(elsewhere, "Noor"), "only": True}
        (own.home / "wakebrush.json").write_text(json.dumps(told))
        for _ in range(2):
            with running_krita(version, own, WAKEBRUSH_CONFIG=str(own.home / "wakebrush.json")) as krita:
                krita.ask("docker.show")
                krita.until("docker.look", "the machine", lambda said: said["state_line"].startswith("Asleep."))
                assert krita.complaints() == []
        listed = elsewhere.command("token", "list").stdout
        assert listed.count("Noor") == 1, "the second Krita used the token of the first"
    finally:
        own.remove()


def test_a_newer_plugin_is_offered_installed_and_used_by_the_next_krita(version, profile, plugin_zip, elsewhere, shoot):
    renumbered(plugin_zip, elsewhere.data.parent / "plugins" / f"wakebrush-krita-{NEWER}.zip")
    with profile.lent() as own:
        environment = {"KRITA_AI_ENDPOINT": elsewhere.endpoint, "KRITA_AI_TOKEN": elsewhere.token}
        with running_krita(version, own, **environment) as krita:
            krita.ask("docker.show")
            ready = f"Version {NEWER} of the plugin is ready."
            krita.until("docker.look", "the offer", lambda said: said["error_title"] == ready)
            shoot(krita, "newer-plugin")
            krita.hand.click(krita.ask("docker.where", name="error_settings"))
            installed = f"Version {NEWER} of the plugin is installed."
            krita.until("docker.look", "the installation", lambda said: said["error_title"] == installed)
        assert NEWER not in (own.pykrita / "wakebrush/version.py").read_text(), "what ran was left alone"
        with running_krita(version, own, **environment) as again:
            again.ask("docker.show")
            again.until("docker.look", "the machine", lambda said: said["state_line"].startswith("Asleep."))
            assert again.ask("docker.look")["error_title"] == ""
            assert again.complaints() == []
        assert NEWER in (own.pykrita / "wakebrush/version.py").read_text()


def test_a_newer_plugin_that_cannot_start_gives_way_to_the_one_before(version, profile, plugin_zip, elsewhere):
    with profile.lent() as own:
        broken = own.pykrita / ".wakebrush-next"
        shutil.copytree(own.pykrita / "wakebrush", broken / "wakebrush")
        (broken / "wakebrush" / "plugin.py").write_text("import a_part_that_is_not_there\n")
        environment = {"KRITA_AI_ENDPOINT": elsewhere.endpoint, "KRITA_AI_TOKEN": elsewhere.token}
        with running_krita(version, own, **environment) as krita:
            krita.ask("docker.show")
            krita.until("docker.look", "the machine", lambda said: said["state_line"].startswith("Asleep."))
        assert (own.pykrita / ".wakebrush-failed" / "plugin.py").read_text().startswith("import a_part")


def renumbered(source, target):
    """The same plugin with a higher number."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "wakebrush/version.py":
                content = content.replace(b'VERSION = "0.1.0"', f'VERSION = "{NEWER}"'.encode())
            new.writestr(entry, content)
