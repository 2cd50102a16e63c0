"""Messages of the wire for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from wake_service.agent import wire

words = st.text(max_size=30)
moments = st.floats(0, 4e9, allow_nan=False)
counts = st.integers(0, 2**53)


def tuples(of: st.SearchStrategy, size: int = 4) -> st.SearchStrategy:
    return st.lists(of, max_size=size).map(tuple)


gpus = st.builds(
    wire.Gpu,
    name=words,
    busy_percent=st.floats(0, 100),
    window_seconds=st.floats(0, 1e6),
    vram_used=counts,
    vram_total=counts,
    lost=st.booleans(),
)
reports = st.builds(
    wire.Report,
    agent=st.builds(wire.Agent, version=words, capabilities=tuples(words)),
    machine=words,
    boot=words,
    at=moments,
    stage=st.sampled_from(wire.Stage),
    engine=st.builds(wire.Engine, state=st.sampled_from(wire.EngineState), sentence=words),
    queue=st.builds(wire.Queue, running=counts, pending=counts),
    gpus=tuples(gpus),
    models=st.builds(wire.Models, loaded=tuples(words), hot=tuples(words)),
    disk=st.none() | st.builds(wire.Disk, free=counts, total=counts),
    draining=st.booleans(),
    hold_until=st.none() | moments,
    notice=st.none() | st.builds(wire.Notice, kind=st.sampled_from(wire.NoticeKind), at=moments),
    kept=tuples(st.builds(wire.Kept, prompt_id=words, files=counts, size=counts, finished_at=moments)),
    sleeps_at=st.none() | moments,
    awake_because=tuples(words),
    happened=tuples(st.builds(wire.Happening, number=st.integers(1, 2**53), at=moments, sentence=words)),
)
replies = st.builds(wire.Reply, order=words, done=st.booleans(), sentence=words)
ids = st.text(min_size=1, max_size=100)
orders = st.one_of(
    st.builds(wire.Drain, id=ids),
    st.builds(wire.Undrain, id=ids),
    st.builds(wire.Stop, id=ids, force=st.booleans()),
    st.builds(wire.Prefetch, id=ids, models=tuples(words)),
    st.builds(wire.Hold, id=ids, until=st.none() | moments),
    st.builds(wire.Acknowledge, id=ids, results=tuples(words)),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
