"""Small parts of starting and ending an engine."""

from __future__ import annotations

import random
import socket

import pytest

from wake_service.providers.engine_process import LOOPBACK, describe_end, reserved_port


@pytest.mark.parametrize(
    ("code", "words", "sentence"),
    [
        (0, "", "The engine ended by itself (exit code 0)."),
        (1, "CUDA error", "The engine ended by itself (exit code 1). Its last words: CUDA error"),
        (-11, "", "The engine ended by itself (signal 11)."),
        (-9, "", "The engine ended by itself (signal 9; this computer may have run out of memory)."),
    ],
)
def test_an_unasked_end_is_a_sentence(code: int, words: str, sentence: str) -> None:
    assert describe_end(code, words) == sentence


def test_a_free_port_is_one_that_outgoing_connections_do_not_take() -> None:
    with reserved_port() as port:
        assert 20_000 <= port < 32_000


def test_two_engines_that_start_at_once_get_a_port_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever ports come up first, and although none of them listens yet."""
    with reserved_port() as first:
        others = range(first + 1, first + 100)
        monkeypatch.setattr(random, "sample", lambda *_: [first, *others])
        with reserved_port() as second:
            assert second != first


def test_an_engine_can_listen_on_the_port_that_is_kept_for_it() -> None:
    with (
        reserved_port() as port,
        socket.create_server((LOOPBACK, port)) as engine,
        socket.create_connection((LOOPBACK, port), timeout=10),
    ):
        engine.accept()[0].close()
