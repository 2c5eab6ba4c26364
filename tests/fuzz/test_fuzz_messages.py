"""Whatever a client's message says: a message or what is wrong with it, a route or none, and no exception."""

from __future__ import annotations

import json
from pathlib import Path

from fuzzing import cases

from emulator.gateway.rules.ids import IdSource
from emulator.gateway.rules.stage import Facts, Stage
from streamer.protocol.messages import Malformed, Message, parse
from streamer.topology import Api, Route

CORPUS = [file.read_bytes() for file in sorted((Path(__file__).parent / "corpus" / "messages").iterdir())]
WORDS = [
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"null",
        b"true",
        b"NaN",
        b"-0",
        b"1e999",
    ),
    *(
        b"[" * 500,
        b"[" * 450 + b"]" * 450,
        b'{"action":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"a":' * 300,
        b"9" * 5000,
        b'"action":',
        b'"id":',
        b'"payload":',
        b'"action":"echo"',
        b"\xff",
        b"\xc3\xa4",
    ),
    *(b'"idempotency_key":', b'"version":', b'""', b"  ", b"\n", b"\0", b"'", b"//", b"Infinity", b"0x10", b"1_0"),
]
FACTS = Facts(region="eu-west-1", account_id="210987654321", api_id="z9y8x7w6v5", domain_name="127.0.0.1:8787")


def stage() -> Stage:
    names = ("$default", "echo", "true", "1")
    api = Api(name="fuzzed", stage="dev", routes=tuple(Route(route_key=name, function="f") for name in names))
    return Stage(api, FACTS, IdSource("eu-west-1", 1))


def test_any_text_is_a_message_or_told_to_be_none() -> None:
    for whole, _ in cases(CORPUS, WORDS):
        found = parse(whole.decode("utf-8", "replace"), new_id="new")

        assert isinstance(found, Message | Malformed)
        if isinstance(found, Malformed):
            assert found.failure.message
            json.dumps(found.failure.details)


def test_any_text_has_a_route_or_none() -> None:
    tried = stage()
    for whole, _ in cases(CORPUS, WORDS):
        route = tried.route_for(whole.decode("utf-8", "replace"))

        assert route is not None, "$default takes what no other does"
