"""Prices of the cloud: those that come with the program, and an admin's own in their place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.aws.prices import OUR_FILE, Prices
from wake_service.errors import SetupError

OURS = Prices.load(None)
TYPES = [f"{family}.xlarge" for family in ("g4dn", "g5", "g6", "g6e")]


def written(folder: Path, text: str) -> Path:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_a_machine_costs_is_known_for_the_usual_types() -> None:
    assert OURS.hour_micros("us-east-1", "g5.xlarge") == 1_006_000
    assert OURS.hour_micros("eu-central-1", "g6e.12xlarge") == 13_120_020
    assert all(OURS.hour_micros("us-west-2", name) for name in TYPES)


def test_disks_snapshots_files_pictures_and_addresses_have_prices_too() -> None:
    assert OURS.volume_month_micros("us-east-1", "gp3", 100) == 8_000_000
    assert OURS.snapshot_month_micros("us-east-1", 40) == 2_000_000
    assert OURS.files_month_micros("eu-west-1", 10) == 3_300_000
    assert OURS.objects_month_micros("us-east-1", 1000) == 23_000_000
    assert OURS.address_hour_micros("eu-central-1") == 5_000
    assert OURS.alarm_month_micros("eu-central-1") == 100_000


@pytest.mark.parametrize("region", OURS.regions())
def test_a_larger_machine_of_a_family_with_one_card_costs_more(region: str) -> None:
    for family in ("g4dn", "g5", "g6", "g6e"):
        sizes = [OURS.hour_micros(region, f"{family}.{size}") for size in ("xlarge", "2xlarge", "4xlarge", "8xlarge")]
        known = [price for price in sizes if price is not None]
        assert known in ([], sorted(set(known)))


def test_what_is_not_known_is_none_and_a_sentence_never_nothing() -> None:
    assert OURS.hour_micros("us-east-1", "g99.xlarge") is None
    assert OURS.hour_micros("mars-1", "g5.xlarge", spot=True) is None
    assert OURS.snapshot_month_micros("mars-1", 5) is None
    said = OURS.unknown("g99.xlarge", "us-east-1")
    assert said.startswith("What g99.xlarge costs in us-east-1 is not known") and "WAKEBRUSH_AWS_PRICES_FILE" in said


def test_a_spot_machine_costs_the_typical_share_until_an_admin_knows_better(tmp_path: Path) -> None:
    assert OURS.hour_micros("us-east-1", "g5.xlarge", spot=True) == 503_000
    path = written(tmp_path, '[region.us-east-1.spot_hour]\n"g5.xlarge" = 0.41\n')
    mine = Prices.load(path)
    assert mine.hour_micros("us-east-1", "g5.xlarge", spot=True) == 410_000
    assert mine.hour_micros("us-east-1", "g5.2xlarge", spot=True) == 606_000


def test_an_admins_file_wins_entry_by_entry(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'as_of = 2026-12-01\n[region.us-east-1.hour]\n"g5.xlarge" = 0.7\n'
        "[region.mars-1]\nsnapshot_month = 1.5\naddress_hour = 0\n",
    )
    mine = Prices.load(path)
    assert mine.hour_micros("us-east-1", "g5.xlarge") == 700_000
    assert mine.hour_micros("us-east-1", "g5.2xlarge") == OURS.hour_micros("us-east-1", "g5.2xlarge")
    assert mine.snapshot_month_micros("mars-1", 2) == 3_000_000
    assert mine.address_hour_micros("mars-1") == 0
    assert (mine.as_of, mine.currency) == (date(2026, 12, 1), "USD")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[region.us-east-1.hour]\n"g5.xlarge" = "cheap"', "region.us-east-1.hour.g5.xlarge"),
        ('[region.us-east-1.hour]\n"g5.xlarge" = -1', "region.us-east-1.hour.g5.xlarge"),
        ('[region.us-east-1.hour]\n"g5.xlarge" = 1006000', "less than or equal"),
        ("[region.us-east-1]\nsnapshots = 1", "region.us-east-1.snapshots"),
        ("[spot]\ntypical = 2", "spot.typical"),
        ("region = 3", "region"),
        ("not toml", "cannot be read"),
    ],
)
def test_a_flaw_in_an_admins_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SetupError, match="prices file") as raised:
        Prices.load(path)
    assert named in str(raised.value) and str(path) in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"nowhere\.toml cannot be read"):
        Prices.load(tmp_path / "nowhere.toml")


def test_every_price_says_its_source_and_date() -> None:
    comments = [line for line in OUR_FILE.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    for name in ("hour", "volume", "snapshot", "files", "objects", "address", "alarm", "spot"):
        assert any(line.startswith(f"#   {name}") for line in comments)
    assert any(str(OURS.as_of) in line for line in comments)


@given(st.floats(0, 16_384), st.floats(0, 16_384))
def test_two_disks_cost_what_they_cost_one_by_one(one: float, other: float) -> None:
    both = OURS.volume_month_micros("us-east-1", "gp3", one + other) or 0
    apart = (OURS.volume_month_micros("us-east-1", "gp3", one) or 0) + (OURS.volume_month_micros("us-east-1", "gp3", other) or 0)
    assert abs(both - apart) <= 1
