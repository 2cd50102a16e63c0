"""Which models come and which go, for any disk and any store."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_image.model_sync.plan import Evict, Fetch, Local, Plan, Remote, plan

NAMES = [f"checkpoints/{letter}.safetensors" for letter in "abcdefgh"]
A, B, C, D = NAMES[:4]
SIZES = st.integers(0, 50)
REMOTES = st.dictionaries(st.sampled_from(NAMES), st.builds(Remote, st.just(""), SIZES, st.sampled_from("12"), st.integers(0, 9)))
LOCALS = st.dictionaries(
    st.sampled_from(NAMES), st.builds(Local, st.just(""), SIZES, st.sampled_from("12"), st.integers(0, 9), st.booleans())
)


def names(actions: Plan, kind: type[Fetch] | type[Evict]) -> list[str]:
    return [
        action.remote.name if isinstance(action, Fetch) else action.name for action in actions.actions if isinstance(action, kind)
    ]


def remote(name: str, size: int = 10, version: str = "1", added_at: float = 0.0) -> Remote:
    return Remote(name, size, version, added_at)


def local(name: str, size: int = 10, version: str = "1", used_at: float = 0.0, ours: bool = True) -> Local:
    return Local(name, size, version, used_at, ours)


def test_what_is_here_already_is_not_brought_again() -> None:
    assert plan([remote(A)], [local(A)], 100) == Plan()


def test_wanted_ones_come_first_then_changed_ones_then_the_newest() -> None:
    store = [remote(A, added_at=1), remote(B, added_at=2), remote(C, version="2"), remote(D)]
    assert names(plan(store, [local(C)], 1000, wanted=[D]), Fetch) == [D, C, B, A]


def test_a_wanted_one_pushes_out_the_least_recently_used() -> None:
    here = [local(A, used_at=3), local(B, used_at=1), local(C, used_at=2)]
    made = plan([*map(remote, NAMES[:3]), remote(D, size=15)], here, 5, wanted=[D])
    assert made.actions == (Evict(B, 10), Fetch(remote(D, size=15)))


def test_one_that_nobody_asked_for_pushes_out_none() -> None:
    made = plan([remote(A), remote(B)], [local(A)], 5)
    assert (made.actions, made.left_out) == ((), (B,))


def test_what_has_arrived_of_a_model_takes_no_room_a_second_time_and_gives_none_to_others() -> None:
    store = [remote(A, size=100, added_at=1), remote(B, size=40)]
    assert names(plan(store, [], 30, arrived={A: 70}), Fetch) == [A]
    assert plan(store, [], 30, arrived={A: 60}) == Plan(left_out=(A, B))


def test_nothing_is_pushed_out_for_one_that_would_not_fit_anyway() -> None:
    made = plan([remote(A), remote(B, size=100)], [local(A)], 5, wanted=[B])
    assert (made.actions, made.left_out) == ((), (B,))


def test_room_that_others_took_is_made_again() -> None:
    made = plan([remote(A), remote(B)], [local(A, used_at=2), local(B, used_at=1)], -5)
    assert made.actions == (Evict(B, 10),)
    assert made.left_out == (B,)


def test_what_the_source_has_no_more_goes_unless_it_is_in_use() -> None:
    made = plan([remote(A)], [local(A), local(B), local(C)], 100, in_use=[C])
    assert made.actions == (Evict(B, 10, removed=True),)


def test_what_somebody_else_put_there_stays_as_it_is() -> None:
    made = plan([remote(A, version="2"), remote(C)], [local(A, ours=False), local(B, ours=False)], 0, wanted=[A, C])
    assert (made.actions, made.left_out) == ((), (C,))


def test_a_wanted_name_that_nobody_knows_is_said() -> None:
    assert plan([remote(A)], [local(A)], 100, wanted=[B, A]).unknown == (B,)


@given(REMOTES, LOCALS, st.integers(-60, 120), st.sets(st.sampled_from(NAMES)), st.lists(st.sampled_from(NAMES), max_size=4))
def test_whatever_there_is_the_disk_never_overflows_and_nothing_in_use_goes(
    store: dict[str, Remote], disk: dict[str, Local], free: int, in_use: set[str], wanted: list[str]
) -> None:
    there = [remote(name, model.size, model.version, model.added_at) for name, model in store.items()]
    here = {name: local(name, model.size, model.version, model.used_at, model.ours) for name, model in disk.items()}
    made = plan(there, list(here.values()), free, in_use, wanted)
    held = dict(here)
    for action in made.actions:
        if isinstance(action, Evict):
            going = held.pop(action.name)
            assert going.ours and action.name not in in_use
            assert action.removed == (action.name not in store)
            assert action.removed or action.name not in wanted
            free += going.size
        else:
            assert action.remote == remote(action.remote.name, *_rest(store[action.remote.name]))
            free -= action.remote.size
            assert free >= 0
    fetched = names(made, Fetch)
    assert len(fetched) == len(set(fetched))
    assert not set(fetched) & set(made.left_out)
    for name in store:
        current = name in held and (held[name].version == store[name].version or not held[name].ours)
        assert current or name in fetched or name in made.left_out


def _rest(model: Remote) -> tuple[int, str, float]:
    return model.size, model.version, model.added_at
