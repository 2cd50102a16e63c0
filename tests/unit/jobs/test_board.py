"""The board against a naive one: a list of jobs that is searched from front to back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.jobs.studio import job
from wake_service.jobs.board import Board
from wake_service.jobs.model import UNFINISHED, Job, JobState

ARTISTS, MACHINES, POOLS = ("mira", "noor"), ("m1", "m2"), ("default", "large")
TEAMS = {"mira": "studio", "noor": "atelier"}
numbers = st.integers(1, 12)


class AgainstNaive(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.board = Board()
        self.naive: dict[str, Job] = {}

    @rule(
        place=numbers,
        artist=st.sampled_from(ARTISTS),
        pool=st.sampled_from(POOLS),
        machine=st.sampled_from([None, *MACHINES]),
        state=st.sampled_from(list(JobState)),
    )
    def a_job_is_put(self, place: int, artist: str, pool: str, machine: str | None, state: JobState) -> None:
        if state is JobState.RUNNING and machine is None:
            machine = "m1"
        known = self.naive.get(f"job-{place}")
        artist, pool = (known.artist_id, known.pool) if known else (artist, pool)
        new = job(place, artist_id=artist, team_id=TEAMS[artist], pool=pool, machine_id=machine, state=state)
        self.board.put(new)
        self.naive.pop(new.id, None)
        if state in UNFINISHED:
            self.naive[new.id] = new

    @rule(place=numbers)
    def a_job_is_forgotten(self, place: int) -> None:
        self.board.discard(f"job-{place}")
        self.naive.pop(f"job-{place}", None)

    def in_order(self) -> list[Job]:
        return sorted(self.naive.values(), key=lambda each: each.place)

    @invariant()
    def it_holds_what_is_unfinished(self) -> None:
        assert len(self.board) == len(self.naive)
        assert {each.id: each for each in self.board} == self.naive
        assert all(self.board.get(job_id) is each for job_id, each in self.naive.items())

    @invariant()
    def it_knows_who_waits_in_the_order_of_arrival(self) -> None:
        waiting = [each for each in self.in_order() if each.machine_id is None]
        for pool in POOLS:
            mine = [each for each in waiting if each.pool == pool]
            assert self.board.waiting_by_team(pool) == Counter(each.team_id for each in mine)
            assert list(self.board.waiting(pool)) == mine
            assert self.board.first_waiting(pool, lambda _job: True) == next(iter(mine), None)
            noors = [each for each in mine if each.artist_id == "noor"]
            assert self.board.first_waiting(pool, lambda each: each.artist_id == "noor") == next(iter(noors), None)

    @invariant()
    def it_knows_what_machines_and_artists_have(self) -> None:
        for machine in MACHINES:
            held = [each for each in self.in_order() if each.machine_id == machine]
            assert self.board.on_machine(machine) == held
            assert self.board.count_on_machine(machine) == len(held)
        for artist in ARTISTS:
            mine = [each for each in self.in_order() if each.artist_id == artist]
            assert self.board.of_artist(artist) == mine
            assert self.board.count_of_artist(artist) == len(mine)

    @invariant()
    def it_counts_who_comes_before(self) -> None:
        for each in self.in_order():
            before = sum(other.place < each.place for other in self.naive.values() if self.comes_before(other, each))
            assert self.board.ahead(each) == (None if each.state is JobState.RUNNING else before)

    @staticmethod
    def comes_before(other: Job, each: Job) -> bool:
        """A job that a machine holds waits only for what machines hold."""
        return other.machine_id is not None or each.machine_id is None


TestBoard = AgainstNaive.TestCase
TestBoard.settings = settings(max_examples=60, stateful_step_count=30)


def test_a_finished_job_leaves() -> None:
    board, one = Board(), job(1)
    board.put(one)
    board.put(replace(one, state=JobState.SUCCEEDED))
    assert (len(board), board.count_of_artist("mira"), board.waiting_by_team("default")) == (0, 0, {})
