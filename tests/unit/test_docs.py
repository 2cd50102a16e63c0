"""What the pages say is there: every setting, every page that is named, files that are shown as examples."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from wake_service.aws.prices import Prices
from wake_service.providers.ec2.capacity import Plan
from wake_service.providers.ec2.capacity_file import load_plan
from wake_service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md"])
SOURCES = sorted((ROOT / "wake_service").rglob("*.py"))
TO_A_PAGE = re.compile(r"\bdocs/[a-z_]+\.(?:md|json)")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def examples(page: str) -> list[str]:
    return re.findall(r"^```toml\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_every_setting_has_its_place_in_the_table_and_there_are_no_others() -> None:
    section = (DOCS / "service.md").read_text(encoding="utf-8").split("## Settings\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    documented = [name for row in rows for name in re.findall(r"`WAKEBRUSH_(\w+)`", row)]
    assert sorted(documented) == sorted(name.upper() for name in Settings.model_fields)


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_page_that_is_named_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [name for name in TO_A_PAGE.findall(text) if not (ROOT / name).exists()] == []
    if path.suffix == ".md":
        assert [link for link in LINK.findall(text) if not (path.parent / link).exists()] == []


def test_the_capacity_file_that_is_shown_can_be_used_and_shows_every_word(tmp_path: Path) -> None:
    (shown,) = [text for text in examples("aws.md") if "tries" in text]
    (tmp_path / "capacity.toml").write_text(shown, encoding="utf-8")
    plan = load_plan(tmp_path / "capacity.toml")
    assert set(tomllib.loads(shown)) == set(Plan.__dataclass_fields__)
    ordinary = Plan()
    chosen = {name for name in Plan.__dataclass_fields__ if getattr(plan, name) != getattr(ordinary, name)}
    assert chosen == {"types", "create", "zones", "on_demand"}
    assert f"{plan.hydration_seconds:.0f} s more" in shown


def test_the_prices_file_that_is_shown_can_be_used(tmp_path: Path) -> None:
    (shown,) = [text for text in examples("aws.md") if "volume_month" in text]
    (tmp_path / "prices.toml").write_text(shown, encoding="utf-8")
    prices = Prices.load(tmp_path / "prices.toml")
    assert prices.hour_micros("us-east-1", "g5.xlarge", spot=True) == 420_000
    assert prices.volume_month_micros("us-east-1", "gp3", 100) == 7_200_000


def test_the_settings_that_are_shown_can_be_used() -> None:
    (shown,) = [text for text in examples("aws.md") if "aws_deployment" in text]
    settings = Settings(data=DOCS, **tomllib.loads(shown))
    assert settings.provider == "ec2" and settings.curfew is not None
