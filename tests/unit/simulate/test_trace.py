"""Traces: what is read, and what is said of files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from wake_service.errors import SetupError
from wake_service.simulate.requests import Request, read_trace, within


def test_requests_are_read_in_order_of_time_whatever_else_the_file_holds(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("t_s,user,kind,service_s\n60,B,txt,3.5\n0,A,img,20\n")
    assert read_trace(file) == [Request(0.0, "A", 20.0), Request(60.0, "B", 3.5)]


def test_a_stretch_of_it_begins_at_zero() -> None:
    requests = [Request(float(at), "A", 1.0) for at in (0, 10, 20, 30)]
    assert [request.at for request in within(requests, 10.0, 20.0)] == [0.0, 10.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("t_s,user\n1,A\n", r"lacks the columns service_s\.$"),
        ("", r"lacks the columns service_s, t_s, user\.$"),
        ("t_s,user,service_s\n1,A,2\n1,A,soon\n", r"no numbers in line 3\.$"),
        ("t_s,user,service_s\n1\n", r"no numbers in line 2\.$"),
    ],
)
def test_what_is_no_trace_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(text)
    with pytest.raises(SetupError, match=said):
        read_trace(file)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read"):
        read_trace(tmp_path / "trace.csv")
