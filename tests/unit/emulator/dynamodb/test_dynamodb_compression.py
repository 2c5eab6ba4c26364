"""Compressed answers, as scylladb's test_compressed_response measured them on AWS."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from dynamodb_world import World

from emulator.dynamodb.compression import PACKED_BYTES, best_encoding
from emulator.dynamodb.engine import DYNAMODB

GET = f"{DYNAMODB}.GetItem"


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    world.put("large", text={"S": "x" * PACKED_BYTES})
    world.put("small", text={"S": "x" * (PACKED_BYTES // 2)})
    return world


def key(pk: str) -> dict[str, object]:
    return {"TableName": "things", "Key": {"pk": {"S": pk}}}


@pytest.mark.parametrize(("encoding", "unpack"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)])
def test_a_large_answer_is_compressed_for_a_client_that_takes_it(world: World, encoding: str, unpack: object) -> None:
    assert callable(unpack)
    answer = world.send(GET, key("large"), **{"accept-encoding": encoding})
    headers = dict(answer.headers)

    assert headers["content-encoding"] == encoding
    assert headers["x-amz-crc32"] == str(zlib.crc32(answer.body))
    assert len(answer.body) < PACKED_BYTES // 30
    assert json.loads(unpack(answer.body)) == world.call("GetItem", **key("large"))


@pytest.mark.parametrize(
    ("pk", "headers"),
    [
        pytest.param("small", {"accept-encoding": "gzip"}, id="a small one"),
        pytest.param("large", {}, id="a client that says nothing"),
        pytest.param("large", {"accept-encoding": "identity"}, id="a client that takes it as it is"),
    ],
)
def test_other_answers_are_as_they_are(world: World, pk: str, headers: dict[str, str]) -> None:
    answer = world.send(GET, key(pk), **headers)

    assert "content-encoding" not in dict(answer.headers)
    assert json.loads(answer.body) == world.call("GetItem", **key(pk))


@pytest.mark.parametrize("encoding", ["br", "garbage"])
def test_a_request_in_an_encoding_that_nobody_reads_is_refused(world: World, encoding: str) -> None:
    assert world.send(GET, key("small"), **{"content-encoding": encoding}).status == 400


def test_a_request_may_say_that_it_is_as_it_is(world: World) -> None:
    assert world.send(GET, key("small"), **{"content-encoding": "identity"}).status == 200


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", None),
        ("identity", None),
        ("br", None),
        ("x-gzip", None),
        ("gzip br", None),
        ('"gzip"', None),
        ("gzip:q=1", None),
        ("gzip, deflate", "gzip"),
        ("br, identity, deflate, gzip", "deflate"),
        ("GZIP, identity", "gzip"),
        ("dog, gzip ,, cat", "gzip"),
        ("gzip;q=0.8, deflate;q=0.5", "gzip"),
        ("gzip;q=0.2, deflate;q=0.5", "deflate"),
        ("br, gzip;q=0, deflate; q = 0.5", "deflate"),
        ("*", "gzip"),
        ("*, deflate", "deflate"),
        ("*, deflate;q=0.5", "gzip"),
        ("*, gzip;q=0.5", "deflate"),
        ("*;q=0.5,identity", "gzip"),
        ("*;q=0", None),
        ("gzip ;q=0", None),
        ("gzip;q=0.5,identity;q=0.8", "gzip"),
        ("gzip;q=0.0001", "gzip"),
        ("gzip;q=31,deflate;q=51", "gzip"),
        ("deflate;q=-0.5,gzip;q=0.2", "gzip"),
        ("deflate;q=0.5,gzip;q=0.", "deflate"),
        ("deflate;q=0.5,gzip;q=0.x", "gzip"),
        ("deflate;q=0.5, gzip;q=1;q=0.2", "gzip"),
        ("gzip;q= 0;q=1", None),
        ("gzip;q =0;q=1", "gzip"),
        ("gzip;nq=0;q=1", None),
        ("gzip;q=0, gzip;q=1, gzip;q=0", "gzip"),
        pytest.param(f"deflate;q=0.5,gzip;q={'1' * 60_000}x", "gzip", id="a weight that fills the headers"),
    ],
)
def test_a_client_gets_what_it_likes_best(accepted: str, encoding: str | None) -> None:
    assert best_encoding(accepted) == encoding
