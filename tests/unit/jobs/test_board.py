"""The board against a naive one: a list of jobs that is searched from front to back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.jobs.studio import job
from wake_service.jobs.board import Board
from wake_service.jobs.model import UNFINISHED, Job, JobState, WaitingFor

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
        front=st.sampled_from([0, 0, 0, -1, -2]),
        gathered=st.sampled_from([False, False, True]),
    )
    def a_job_is_put(
        self, place: int, artist: str, pool: str, machine: str | None, state: JobState, front: int, gathered: bool
    ) -> None:
        if state is JobState.RUNNING and machine is None:
            machine = "m1"
        known = self.naive.get(f"job-{place}")
        artist, pool = (known.artist_id, known.pool) if known else (artist, pool)
        waiting_for = WaitingFor.GATHERED if gathered and machine is None else WaitingFor.NO_MACHINE
        new = job(place, artist_id=artist, team_id=TEAMS[artist], pool=pool, machine_id=machine, state=state, front=front)
        new = replace(new, waiting_for=waiting_for)
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

    def turns(self) -> dict[str, int]:
        """Places at which it is the waiting jobs' turn: each artist's own are dealt to her jobs by their order."""
        turns = {}
        for artist, pool in product(ARTISTS, POOLS):
            mine = [each for each in self.in_order() if self.waits(each) and (each.artist_id, each.pool) == (artist, pool)]
            for turn, each in zip(mine, sorted(mine, key=lambda each: (each.front, each.place)), strict=True):
                turns[each.id] = turn.place
        return turns

    @staticmethod
    def waits(each: Job) -> bool:
        return each.machine_id is None and each.waiting_for is not WaitingFor.GATHERED

    @invariant()
    def it_holds_what_is_unfinished(self) -> None:
        assert len(self.board) == len(self.naive)
        assert {each.id: each for each in self.board} == self.naive
        assert all(self.board.get(job_id) is each for job_id, each in self.naive.items())

    @invariant()
    def it_knows_whose_turn_it_is(self) -> None:
        turns = self.turns()
        waiting = sorted((each for each in self.in_order() if self.waits(each)), key=lambda each: turns[each.id])
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
        turns = self.turns()
        for each in self.in_order():
            mine = turns.get(each.id, each.place)
            before = sum(
                turns.get(other.id, other.place) < mine for other in self.naive.values() if self.comes_before(other, each)
            )
            nowhere = each.state is JobState.RUNNING or each.gathered
            assert self.board.ahead(each) == (None if nowhere else before)

    def comes_before(self, other: Job, each: Job) -> bool:
        """A job that a machine holds waits only for what machines hold; what is gathered is before nobody."""
        return other.machine_id is not None or (each.machine_id is None and self.waits(other))

    @invariant()
    def it_knows_what_is_gathered_and_what_the_front_is(self) -> None:
        for artist in ARTISTS:
            mine = [each for each in self.in_order() if each.artist_id == artist]
            assert self.board.gathered(artist) == [each for each in mine if each.gathered]
            assert self.board.front(artist) == min([each.front for each in mine], default=0) - 1


TestBoard = AgainstNaive.TestCase
TestBoard.settings = settings(max_examples=60, stateful_step_count=30)


def test_a_finished_job_leaves() -> None:
    board, one = Board(), job(1)
    board.put(one)
    board.put(replace(one, state=JobState.SUCCEEDED))
    assert (len(board), board.count_of_artist("mira"), board.waiting_by_team("default")) == (0, 0, {})
