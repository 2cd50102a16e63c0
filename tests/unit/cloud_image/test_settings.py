"""machine.toml: what may be in it, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_image.errors import SettingsError
from cloud_image.settings import AUTO, Settings, load


def written(folder: Path, text: str) -> Path:
    file = folder / "machine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = load(tmp_path / "machine.toml")
    assert settings == Settings()
    assert (settings.idle.gpu_percent, settings.idle.seconds) == (5.0, 1800.0)


def test_every_section_is_read(tmp_path: Path) -> None:
    text = """
        cloud = "none"
        [guard]
        port = 443
        token_file = "/etc/wakebrush/token"
        [engine]
        flags = ["--fast-disk"]
        [idle]
        seconds = "auto"
        gpu_percent = 3
        [agent]
        keep_days = 1.5
        [models]
        source = "s3://studio/models"
    """
    settings = load(written(tmp_path, text))
    assert (settings.cloud, settings.guard.port, settings.engine.flags) == ("none", 443, ["--fast-disk"])
    assert (settings.idle.seconds, settings.idle.gpu_percent) == (AUTO, 3.0)
    assert (settings.agent.keep_days, settings.models.source) == (1.5, "s3://studio/models")


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("cloud = ", "cannot be read"),
        ("[idle]\nsecond = 3", "idle.second is not a setting"),
        ("idle = 3", r"\[idle\] must be a table"),
        ("[guard]\nport = true", "guard.port cannot be True"),
        ("[guard]\nport = 8443.5", "guard.port cannot be 8443.5"),
        ("[idle]\ngpu_percent = '5'", "idle.gpu_percent cannot be '5'"),
        ("[idle]\nseconds = 'soon'", "idle.seconds cannot be 'soon'"),
        ("[idle]\nperiod_seconds = false", "idle.period_seconds cannot be False"),
        ("[engine]\nflags = ['--cpu', 3]", "engine.flags cannot be"),
        ("[agent]\nkeep_days = -1", "keep_days cannot be below zero"),
        ("[idle]\nsample_seconds = 0.5", "idle.sample_seconds goes from 1 to 5"),
        ("cloud = 'moon'", "cloud is ec2 or none, not moon"),
        ("cloud = 'none'", "guard.token_file must name a file"),
    ],
)
def test_a_flaw_is_named_together_with_its_file(tmp_path: Path, text: str, flaw: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(SettingsError, match=flaw) as refused:
        load(file)
    assert str(file) in str(refused.value)
