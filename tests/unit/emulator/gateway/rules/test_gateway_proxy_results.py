from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.gateway.rules.proxy_results import Malformed, ProxyResponse, parse_proxy_response


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        pytest.param({"statusCode": 200}, ProxyResponse(200), id="status only"),
        pytest.param({"statusCode": 200.0, "body": "x"}, ProxyResponse(200, "x"), id="a whole float"),
        pytest.param({"statusCode": "201"}, ProxyResponse(201), id="digits"),
        pytest.param({"statusCode": 200, "body": None, "headers": None}, ProxyResponse(200), id="nulls"),
        pytest.param(
            {"statusCode": 200, "headers": {"A": "1", "b": 2}, "multiValueHeaders": {"C": ["x", "y"]}},
            ProxyResponse(200, None, {"a": "1", "b": "2", "c": "y"}),
            id="headers",
        ),
        pytest.param({"statusCode": 200, "isBase64Encoded": False}, ProxyResponse(200), id="isBase64Encoded"),
    ],
)
def test_a_proxy_response_is_read(result: Any, expected: ProxyResponse) -> None:
    assert parse_proxy_response(json.dumps(result).encode()) == expected


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(None, id="None"),
        pytest.param("ok", id="string"),
        pytest.param([], id="list"),
        pytest.param({}, id="empty"),
        pytest.param({"body": "x"}, id="no statusCode"),
        pytest.param({"statusCode": None}, id="null statusCode"),
        pytest.param({"statusCode": True}, id="boolean statusCode"),
        pytest.param({"statusCode": "ok"}, id="word statusCode"),
        pytest.param({"statusCode": 101}, id="101 is the gateway's own"),
        pytest.param({"statusCode": 600}, id="600"),
        pytest.param({"statusCode": 1e300}, id="huge"),
        pytest.param({"statusCode": 200, "body": {"a": 1}}, id="body is an object"),
        pytest.param({"statusCode": 200, "Data": "x", "ConnectionId": "y"}, id="unknown keys"),
        pytest.param({"statusCode": 200, "headers": []}, id="headers is a list"),
        pytest.param({"statusCode": 200, "headers": {"a": {}}}, id="nested header"),
        pytest.param({"statusCode": 200, "multiValueHeaders": {"a": "x"}}, id="multi value is a string"),
    ],
)
def test_a_malformed_result_is_told_apart(result: Any) -> None:
    found = parse_proxy_response(json.dumps(result).encode())

    assert isinstance(found, Malformed)
    assert found.is_none is (result is None)


@pytest.mark.parametrize(
    ("result", "expected"),
    [({}, ProxyResponse(200)), ({"body": "x"}, ProxyResponse(200, "x")), ({"statusCode": None}, ProxyResponse(200))],
)
def test_a_result_may_need_no_status(result: Any, expected: ProxyResponse) -> None:
    assert parse_proxy_response(json.dumps(result).encode(), needs_status=False) == expected


@given(st.binary(max_size=40) | st.text(max_size=40).map(lambda text: json.dumps({"statusCode": text}).encode()))
@settings(max_examples=80)
def test_any_bytes_are_read_or_malformed(payload: bytes) -> None:
    assert isinstance(parse_proxy_response(payload), ProxyResponse | Malformed)
