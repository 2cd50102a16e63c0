"""At the end of a wake those it served pay for it, each for its part, and nobody over her budget."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from wake_service.machines.ledger import Interval, Kind, Payer
from wake_service.machines.shares import Share, Tally, apportion, share_out

MIRA, ADA, NOOR = Payer("studio", "mira"), Payer("studio", "ada"), Payer("atelier", "noor")
TEAMS = (None, "studio", "atelier", "loft")
payers = st.one_of(st.none(), st.builds(Payer, st.sampled_from(TEAMS[1:]), st.sampled_from(["a", "b"])))
works = st.dictionaries(payers, st.floats(0, 10**6))
carryings = st.dictionaries(payers, st.integers(0, 10**12))


def tally(work: dict[Payer | None, float], carried: dict[Payer | None, int]) -> Tally:
    mine = Tally()
    mine.work.update(work)
    mine.carried.update(carried)
    return mine


def by_team(shares: list[Share]) -> Counter[str | None]:
    sums: Counter[str | None] = Counter()
    for share in shares:
        sums[share.payer.team_id if share.payer else None] += share.micros
    return sums


def no_limit(_team: str) -> None:
    return None


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**12)))
def test_parts_add_up_and_each_is_within_one_of_its_due(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    whole = sum(weights)
    assert sum(parts) == (total if whole else 0)
    assert all(abs(part * whole - total * weight) < whole for part, weight in zip(parts, weights, strict=True) if whole)


@given(works, carryings, st.dictionaries(st.sampled_from(TEAMS[1:]), st.one_of(st.none(), st.integers(-(10**9), 10**12))))
def test_transfers_add_up_to_nothing_and_nobody_is_given_more_than_there_is_room(
    work: dict[Payer | None, float], carried: dict[Payer | None, int], room: dict[str, int | None]
) -> None:
    shares = share_out(tally(work, carried), room.get)
    assert sum(share.micros for share in shares) == 0
    for team, net in by_team(shares).items():
        limit = None if team is None else room.get(team)
        assert limit is None or net <= max(0, limit)
    for share in shares:  # nobody is relieved of more than she carried
        assert share.micros >= -carried.get(share.payer, 0)


@given(works, carryings)
def test_where_there_is_room_everybody_pays_by_seconds(work: dict[Payer | None, float], carried: dict[Payer | None, int]) -> None:
    shares = share_out(tally(work, carried), no_limit)
    moved = {share.payer: share.micros for share in shares}
    weights = {payer: round(seconds * 1e6) for payer, seconds in work.items()}
    whole = sum(weights.values())
    if not whole:
        assert shares == []
        return
    for payer in {*work, *carried}:
        pays = carried.get(payer, 0) + moved.get(payer, 0)
        # a millionth may go astray at each of the two divisions: among all, and within the team
        assert abs(pays * whole - sum(carried.values()) * weights.get(payer, 0)) <= (1 + len(work)) * whole


def test_the_share_of_a_team_without_room_stays_with_who_carried_it() -> None:
    shares = share_out(tally({MIRA: 30.0, NOOR: 30.0}, {MIRA: 100}), {"atelier": 20}.get)
    assert by_team(shares) == {"studio": -20, "atelier": 20}


def test_artists_of_one_team_share_among_themselves_whatever_its_budget() -> None:
    shares = share_out(tally({ADA: 10.0, MIRA: 30.0}, {MIRA: 100}), {"studio": 0}.get)
    assert {share.payer: share.micros for share in shares} == {ADA: 25, MIRA: -25}


def test_of_an_interval_over_midnight_of_the_month_only_the_new_month_is_shared() -> None:
    mine = Tally()
    mine.add(Interval("m1", Kind.IDLE, MIRA, 0.0, 100.0, 3_600_000), since=60.0)
    mine.add(Interval("m1", Kind.WORK, NOOR, 0.0, 50.0, 3_600_000), since=60.0)
    assert (mine.carried, mine.work) == ({MIRA: 40_000}, {NOOR: 50.0})
