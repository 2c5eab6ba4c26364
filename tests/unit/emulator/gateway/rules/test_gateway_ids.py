from __future__ import annotations

import base64

import pytest
from gateway_id_parts import Parts, decode, encode, tick_of
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.gateway.rules.ids import REGIONS, IdSource, Kind, is_well_formed, region_code

NOW_MS = 1_767_268_800_345


@pytest.mark.parametrize(
    ("text", "kind", "epoch_ms"),
    [
        pytest.param("WgQ2HdS5oAMCKkw=", Kind.CONNECTION, 1_767_268_800_345, id="connection"),
        pytest.param("WgQ2wdlEoAMCKkw=", Kind.CONNECTION, 1_767_268_804_445, id="message"),
        pytest.param("WgQ2HEmnoAMF8qQ=", Kind.REQUEST, 1_767_268_800_347, id="request"),
    ],
)
def test_ids_carry_their_kind_region_and_time(text: str, kind: Kind, epoch_ms: int) -> None:
    parts = decode(text)

    assert parts.kind is kind
    assert parts.region_code == REGIONS["us-east-1"]
    assert parts.matches(epoch_ms)
    assert encode(parts) == text


def test_a_message_shares_the_host_of_its_connection() -> None:
    ids = IdSource("us-east-1", seed=3)

    connection, message, request = ids.connection_id(NOW_MS), ids.message_id(NOW_MS + 5000), ids.request_id(NOW_MS)

    assert decode(connection).host == decode(message).host
    assert decode(request).host != decode(connection).host


def test_an_id_is_16_characters_of_base64url() -> None:
    ids = IdSource("eu-west-1", seed=9)

    for text in (ids.connection_id(NOW_MS), ids.message_id(NOW_MS), ids.request_id(NOW_MS)):
        assert len(text) == 16
        assert text[15] == "="
        assert text[14] in "AQgw"
        assert len(base64.urlsafe_b64decode(text)) == 11


def test_characters_of_an_id_tell_its_kind() -> None:
    ids = IdSource("us-east-1", seed=9)

    assert ids.connection_id(NOW_MS)[5] in "cdef"
    assert ids.connection_id(NOW_MS)[11] == "C"
    assert ids.request_id(NOW_MS)[5] in "EFGH"
    assert ids.request_id(NOW_MS)[11] == "F"


def test_ids_stay_unique_when_a_tick_has_no_serials_left() -> None:
    ids = IdSource("us-east-1", seed=0)

    made = {ids.connection_id(NOW_MS) for _ in range(40_000)}

    assert len(made) == 40_000
    assert {decode(text).tick - tick_of(NOW_MS) for text in made} == {0, 1}


@given(times=st.lists(st.integers(NOW_MS, NOW_MS + 500), min_size=2, max_size=60), seed=st.integers())
@settings(max_examples=50, deadline=None)
def test_ids_stay_unique_whatever_the_clock_does(times: list[int], seed: int) -> None:
    ids = IdSource("eu-north-1", seed)

    made = [make(at) for at in times for make in (ids.connection_id, ids.message_id, ids.request_id)]

    assert len(set(made)) == len(made)


@given(
    kind=st.sampled_from(Kind),
    tick=st.integers(0, 2**29 - 2),
    region=st.integers(0, 2**15 - 1),
    serial=st.integers(0, 2**15 - 1),
    host=st.integers(0, 2**14 - 1),
)
def test_encoding_an_id_loses_nothing(kind: Kind, tick: int, region: int, serial: int, host: int) -> None:
    parts = Parts(kind=kind, tick=tick, region_code=region, serial=serial, host=host)

    assert decode(encode(parts)) == parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("WgQ2HdS5oAMCKkw=", True, id="one of AWS"),
        pytest.param("H111mc0HywMCEEf=", True, id="made up, looks right"),
        pytest.param("JC1dgf9yoAMCK-g=", True, id="with url-safe characters"),
        pytest.param("0b8d4c2e-1111-4222-8333-444455556666", False, id="a UUID"),
        pytest.param("WgQ2HdS5oAMCKkw", False, id="no padding"),
        pytest.param("WgQ2HdS5oA+CKkw=", False, id="standard alphabet"),
        pytest.param("", False, id="empty"),
        pytest.param("WgQ2HdS5oAMCKkw=\n", False, id="newline"),
    ],
)
def test_what_counts_as_a_connection_id(text: str, expected: bool) -> None:
    assert is_well_formed(text) is expected


@pytest.mark.parametrize("text", ["H111mc0HywMCEEf=", "____________w==", "AAAAAAAAAAAAAAA="])
def test_decoding_refuses_what_aws_never_makes(text: str) -> None:
    with pytest.raises(ValueError, match="API Gateway id"):
        decode(text)


def test_an_unknown_region_has_a_code_of_its_own_the_same_in_every_process() -> None:
    assert region_code("mars-west-1") == 0x4DF8
    assert region_code("mars-west-2") != region_code("mars-west-1")
    assert region_code("mars-west-1") not in REGIONS.values()


def test_a_uuid_is_of_version_4() -> None:
    ids = IdSource("us-east-1", seed=2)

    first, second = ids.uuid(), ids.uuid()

    assert first != second
    assert [len(part) for part in first.split("-")] == [8, 4, 4, 4, 12]
    assert first[14] == "4"
    assert first[19] in "89ab"


def test_a_trace_id_begins_with_its_second() -> None:
    assert IdSource("us-east-1", 1).trace_root(1_731_324_924_123).startswith("Root=1-6731ebfc-")
