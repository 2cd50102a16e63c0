"""Who is next on machines that serve one artist at a time."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.jobs.studio import job
from wake_service.jobs.model import Job
from wake_service.jobs.turns import TURN_SECONDS, HandOver, Nobody, Post, Tenant, choose

NOW = 1_000_000.0
LONG_AGO = NOW - 10 * TURN_SECONDS


def post(id: str = "m1", tenant: Tenant = "mira", held: int = 0, **more: object) -> Post:
    room = held < 2
    return Post(**{"machine_id": id, "tenant": tenant, "held": held, "room": room, "since": LONG_AGO, **more})  # type: ignore[arg-type]


def queue(*artists: str) -> list[Job]:
    return [job(place, artist_id=artist) for place, artist in enumerate(artists, 1)]


def whose(found: Job | HandOver | None) -> str | None:
    """Whose job is taken; `wipe:` in front when the machine is handed over."""
    if isinstance(found, HandOver):
        return f"wipe:{found.artist_id}"
    return found.artist_id if found else None


def next_of(me: Post, others: Sequence[Post], *artists: str) -> str | None:
    return whose(choose(me, others, queue(*artists), NOW))


def test_her_machine_takes_her_jobs_in_their_order() -> None:
    waiting = queue("mira", "mira")
    assert choose(post(held=1), [], waiting, NOW) is waiting[0]


def test_an_empty_machine_takes_whoever_is_next() -> None:
    assert next_of(post(tenant=Nobody.EMPTY), [], "noor", "mira") == "noor"


def test_a_machine_at_rest_is_handed_over_to_who_waits() -> None:
    assert next_of(post(), [], "noor") == "wipe:noor"


def test_a_machine_that_nobody_knows_is_handed_over_even_to_the_first() -> None:
    assert next_of(post(tenant=Nobody.UNKNOWN), [], "mira") == "wipe:mira"


def test_a_machine_with_pictures_of_hers_takes_nothing_more_when_it_is_anothers_turn() -> None:
    assert next_of(post(held=1), [], "noor", "mira") is None


def test_before_that_it_takes_what_she_asked_for_earlier() -> None:
    assert next_of(post(held=1), [], "mira", "noor", "mira") == "mira"


def test_within_her_turn_she_goes_before_others_and_not_after_it() -> None:
    fresh = post(held=1, since=NOW - TURN_SECONDS + 1)
    assert next_of(fresh, [], "noor", "mira") == "mira"
    assert next_of(post(held=1, since=NOW - TURN_SECONDS), [], "noor", "mira") is None


def test_a_turn_ends_when_she_wants_nothing_more() -> None:
    assert next_of(post(since=NOW - 1), [], "noor") == "wipe:noor"


def test_a_job_is_left_to_a_machine_that_is_hers_and_has_room() -> None:
    assert next_of(post("m1", "mira"), [post("m2", "noor", held=1)], "noor", "mira") == "mira"
    assert next_of(post("m1", Nobody.EMPTY), [post("m2", "noor", held=1)], "noor") is None


def test_a_full_machine_of_hers_is_helped_by_one_that_nobody_wants() -> None:
    full = post("m2", "noor", held=2)
    assert next_of(post("m1", Nobody.EMPTY), [full], "noor") == "noor"
    assert next_of(post("m1", "mira"), [full], "noor") == "wipe:noor"
    assert next_of(post("m1", "mira", held=1), [full], "noor", "mira") == "mira", "and by no other"


def test_a_machine_that_wakes_is_waited_for_before_one_at_work_stops_working() -> None:
    busy = post("m1", "mira", held=1)
    assert next_of(busy, [post("m2", "noor", room=False)], "noor", "mira") == "mira", "it is hers"
    assert next_of(busy, [post("m2", "rosa", room=False)], "noor", "mira") == "mira", "it will be wiped for her"
    assert next_of(busy, [post("m2", Nobody.EMPTY, room=False)], "noor", "mira") == "mira"


def test_no_machine_is_wiped_while_an_empty_one_has_room() -> None:
    assert next_of(post("m1", "mira"), [post("m2", Nobody.EMPTY)], "noor") is None


def test_a_machine_that_is_being_wiped_is_given_nothing() -> None:
    assert next_of(post(comer="noor"), [], "mira", "noor") is None


def test_no_second_machine_is_wiped_for_who_gets_one_already() -> None:
    coming = post("m2", "mira", comer="noor", room=False)
    assert next_of(post("m1", "mira"), [coming], "noor", "noor") is None
    assert next_of(post("m1", Nobody.EMPTY), [coming], "noor") is None


def test_of_several_machines_the_one_is_handed_over_that_is_free_soonest() -> None:
    machines = [post("m1", "mira", held=2), post("m2", "rosa", held=1), post("m3", "yuki", held=2)]
    decided = [next_of(me, [other for other in machines if other is not me], "noor", "mira", "rosa", "yuki") for me in machines]
    assert decided == ["mira", None, "yuki"]


def test_a_machine_that_could_not_be_wiped_is_not_asked_again_yet_and_does_not_wait() -> None:
    assert next_of(post(held=1, willing=False), [], "noor", "mira") == "mira"
    assert next_of(post("m1", willing=False), [post("m2", "rosa", held=1)], "noor") is None
    assert next_of(post("m2", "rosa"), [post("m1", willing=False)], "noor") == "wipe:noor"


artists = st.sampled_from(["mira", "noor", "rosa"])
posts = st.builds(
    lambda tenant, held, since, comer, willing: (tenant, held, since, comer, willing),
    st.one_of(artists, st.sampled_from(Nobody)),
    st.integers(0, 3),
    st.sampled_from([LONG_AGO, NOW - 1]),
    st.none() | artists,
    st.booleans(),
)


def pool(drawn: list[tuple[Tenant, int, float, str | None, bool]]) -> list[Post]:
    return [
        Post(f"m{n}", tenant, held, held < 2 and comer is None, since, comer, willing)
        for n, (tenant, held, since, comer, willing) in enumerate(drawn)
    ]


@given(st.lists(posts, min_size=1, max_size=4), st.lists(artists, max_size=6))
def test_nobodys_job_is_given_to_a_machine_with_files_of_others_and_none_with_work_is_wiped(
    drawn: list[tuple[Tenant, int, float, str | None, bool]], waiting: list[str]
) -> None:
    me, *others = pool(drawn)
    found = choose(me, others, queue(*waiting), NOW)
    if isinstance(found, HandOver):
        assert me.held == 0 and me.willing and found.artist_id != me.tenant
    elif found is not None:
        assert me.tenant in (found.artist_id, Nobody.EMPTY)


@given(st.lists(posts.map(lambda p: (p[0], 0, LONG_AGO, None, True)), min_size=1, max_size=4), st.lists(artists, min_size=1))
def test_machines_at_rest_never_leave_all_that_waits_to_each_other(
    drawn: list[tuple[Tenant, int, float, str | None, bool]], waiting: list[str]
) -> None:
    machines = pool(drawn)
    decided = [choose(me, [m for m in machines if m is not me], queue(*waiting), NOW) for me in machines]
    assert any(decision is not None for decision in decided)
