"""How a client reads answers: one that is word for word like an earlier one is not taken apart again."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

from botocore.parsers import ResponseParser, ResponseParserFactory

_KEEP = 64


class Reading(ResponseParserFactory):
    """botocore's parsers, which take longer over a long list than everything else in a call; the list is mostly the same."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[str, bytes], bytes] = {}

    def create_parser(self, protocol_name: str) -> ResponseParser:
        parser = super().create_parser(protocol_name)
        return Reader(parser, self._known) if protocol_name == "ec2" else parser


class Reader:
    """Gives every caller an answer of its own, and reads the headers anew: they say what time it is."""

    def __init__(self, parser: ResponseParser, known: dict[tuple[str, bytes], bytes]) -> None:
        self._parser = parser
        self._known = known

    def parse(self, response: Mapping[str, Any], shape: Any) -> Any:
        """As botocore's."""
        if response["status_code"] >= 300 or shape is None:
            return self._parser.parse(response, shape)
        key = shape.name, response["body"]
        if key in self._known:
            read = pickle.loads(self._known[key])
            read["ResponseMetadata"]["HTTPHeaders"] = {name.lower(): text for name, text in response["headers"].items()}
            return read
        read = self._parser.parse(response, shape)
        if len(self._known) >= _KEEP:
            self._known.clear()
        self._known[key] = pickle.dumps(read)
        return read
