"""Small parts of starting and ending an engine."""

from __future__ import annotations

import socket

import pytest

from wake_service.providers.engine_process import describe_end, free_port


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
    port = free_port()
    assert 20_000 <= port < 32_000
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
