"""`wakebrush aws cost` and `strays`: everything is listed, priced asleep, and what is not known is said."""

from __future__ import annotations

import pytest

from tests.aws.cloud import Cloud
from tests.aws.formation import STUDIO, apply
from wake_service.aws.cost import bill, money
from wake_service.aws.inventory import Kind, Thing, strays, take_inventory
from wake_service.aws.prices import HOURS_A_MONTH, Prices

REGION = "us-east-1"
MACHINE = {"wakebrush-pool": "default"}
NOTHING: frozenset[str] = frozenset()


@pytest.fixture
def prices() -> Prices:
    return Prices.load()


async def test_everything_with_our_tag_is_on_the_bill(cloud: Cloud, prices: Prices) -> None:
    apply(cloud, ImageId=cloud.setting.image())
    tagged = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "wakebrush", "Value": STUDIO}]}]
    cloud.client("ec2").allocate_address(Domain="vpc", TagSpecifications=tagged)
    machine = cloud.add_machine()
    total = bill(await take_inventory(cloud.aws(), STUDIO), prices, REGION)
    kinds = {line.thing.kind for line in total.lines}
    assert {Kind.MACHINE, Kind.DISK, Kind.ADDRESS, Kind.FILES, Kind.BUCKET, Kind.OTHER} <= kinds
    ids = {line.thing.id for line in total.lines}
    tagging = cloud.client("resourcegroupstaggingapi")
    listed = tagging.get_resources(TagFilters=[{"Key": "wakebrush", "Values": [STUDIO]}])["ResourceTagMappingList"]
    assert listed and not [arn for arn in (one["ResourceARN"] for one in listed) if not any(arn.endswith(name) for name in ids)]
    assert machine in ids and len(ids) == len(total.lines)


async def test_a_bucket_costs_what_is_in_it(cloud: Cloud, prices: Prices) -> None:
    bucket = apply(cloud)["Bucket"]
    for key in ("a", "b"):
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x" * 1024**2)
    (line,) = [line for line in bill(await take_inventory(cloud.aws(), STUDIO), prices, REGION).lines if line.thing.id == bucket]
    assert line.month_micros == prices.objects_month_micros(REGION, 2 / 1024)


def test_a_sleeping_machine_costs_its_disks_and_no_hours(prices: Prices) -> None:
    things = [
        Thing(Kind.MACHINE, "i-1", state="stopped", model="g5.xlarge", tags=MACHINE),
        Thing(Kind.DISK, "vol-1", state="in-use", model="gp3", gib=40),
        Thing(Kind.DISK, "vol-2", state="in-use", model="gp3", gib=80),
    ]
    total = bill(things, prices, REGION)
    assert (total.total_micros, total.hour_micros, total.unknown) == (9_600_000, 0, ())


def test_a_machine_that_is_awake_is_said_by_the_hour_and_not_added_to_the_month(prices: Prices) -> None:
    total = bill([Thing(Kind.MACHINE, "i-1", state="running", model="g5.xlarge", tags=MACHINE)], prices, REGION)
    assert (total.total_micros, total.hour_micros) == (0, 1_006_000)
    assert "awake just now for USD 1.01 an hour" in total.lines[0].note


def test_the_machine_of_the_service_never_sleeps(prices: Prices) -> None:
    total = bill([Thing(Kind.MACHINE, "i-1", state="running", model="g5.xlarge")], prices, REGION)
    assert total.total_micros == 1_006_000 * HOURS_A_MONTH and total.hour_micros == 0


@pytest.mark.parametrize(
    "thing",
    [
        Thing(Kind.MACHINE, "i-1", state="running", model="t4g.small"),
        Thing(Kind.DISK, "vol-1", model="io2", gib=10),
        Thing(Kind.OTHER, "natgateway/nat-1"),
    ],
)
def test_a_price_that_is_not_known_is_said_and_never_taken_for_nothing(thing: Thing, prices: Prices) -> None:
    total = bill([thing], prices, REGION)
    assert total.lines[0].month_micros is None
    assert len(total.unknown) == 1 and "is not known" in total.unknown[0]


def test_in_a_region_that_is_not_listed_every_price_is_unknown(prices: Prices) -> None:
    total = bill([Thing(Kind.SNAPSHOT, "snap-1", gib=1), Thing(Kind.FILES, "fs-1", gib=1)], prices, "mars-north-1")
    assert len(total.unknown) == 2 and total.total_micros == 0


def test_for_programs_money_is_in_whole_units(prices: Prices) -> None:
    said = bill([Thing(Kind.DISK, "vol-1", model="gp3", gib=100)], prices, REGION).as_json()
    assert said["month_asleep"] == 8.0 and said["things"][0]["month"] == 8.0


def test_money_is_written_with_its_currency() -> None:
    assert money(1_234_560_000, "EUR") == "EUR 1,234.56"


IMAGE = Thing(Kind.IMAGE, "ami-1")
OF_IMAGE = Thing(Kind.SNAPSHOT, "snap-1", used_by="ami-1", created_at=10)
COPIES = [Thing(Kind.SNAPSHOT, f"snap-{age}", created_at=100 - age, tags={"wakebrush-copy-of": "default"}) for age in range(4)]


@pytest.mark.parametrize(
    "thing",
    [
        Thing(Kind.DISK, "vol-1", state="in-use", used_by="i-1"),
        Thing(Kind.ADDRESS, "eipalloc-1", used_by="i-1"),
        Thing(Kind.MACHINE, "i-1", state="stopped"),
        Thing(Kind.BUCKET, "b"),
    ],
)
def test_what_is_of_use_is_no_stray(thing: Thing) -> None:
    assert strays([thing], NOTHING) == []


@pytest.mark.parametrize("thing", [Thing(Kind.DISK, "vol-1", state="available"), Thing(Kind.ADDRESS, "eipalloc-1")])
def test_a_disk_or_an_address_that_nothing_uses_is_a_stray(thing: Thing) -> None:
    assert [stray for stray, _ in strays([thing], NOTHING)] == [thing]


def test_an_image_that_no_machine_is_made_from_is_a_stray_with_its_snapshot() -> None:
    assert strays([IMAGE, OF_IMAGE], frozenset({"ami-1"})) == []
    assert [stray for stray, _ in strays([IMAGE, OF_IMAGE], frozenset({"ami-2"}))] == [IMAGE, OF_IMAGE]


def test_of_the_copies_of_the_models_the_newest_two_of_each_pool_are_of_use() -> None:
    other = Thing(Kind.SNAPSHOT, "snap-x", created_at=1, tags={"wakebrush-copy-of": "big"})
    assert [stray for stray, _ in strays([*reversed(COPIES), other, OF_IMAGE, IMAGE], frozenset({"ami-1"}))] == COPIES[:1:-1]


def test_a_snapshot_that_nothing_is_made_from_is_a_stray() -> None:
    assert [stray for stray, _ in strays([Thing(Kind.SNAPSHOT, "snap-9"), *COPIES[:1]], NOTHING)] == [
        Thing(Kind.SNAPSHOT, "snap-9")
    ]
