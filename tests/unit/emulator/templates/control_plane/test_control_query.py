"""AWS's query protocol: forms become trees, answers become XML that botocore reads."""

from __future__ import annotations

import contextlib
import datetime
from typing import Any

import botocore.session
import pytest
from botocore.parsers import QueryParser
from hypothesis import given
from hypothesis import strategies as st

from emulator.templates.control_plane.query import ApiError, Time, answer, error, tree

MODEL = botocore.session.get_session().get_service_model("cloudformation")


def parsed(operation: str, body: bytes, status: int = 200) -> Any:
    response = {"status_code": status, "headers": {}, "body": body}
    return QueryParser().parse(response, MODEL.operation_model(operation).output_shape)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([("StackName", "chat")], {"StackName": "chat"}, id="a value"),
        pytest.param([("A.member.1", "x"), ("A.member.2", "y")], {"A": ["x", "y"]}, id="a list"),
        pytest.param([("A.member.10", "y"), ("A.member.9", "x")], {"A": ["x", "y"]}, id="positions are numbers"),
        pytest.param(
            [("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "")],
            {"Tags": [{"Key": "a", "Value": ""}]},
            id="a list of structures",
        ),
        pytest.param([("A.B.C", "x")], {"A": {"B": {"C": "x"}}}, id="structures"),
        pytest.param([("A", "x"), ("A", "y")], {"A": "y"}, id="of two the last"),
    ],
)
def test_a_form_is_a_tree(pairs: list[tuple[str, str]], expected: dict[str, Any]) -> None:
    assert tree(pairs) == expected


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([("A", "x"), ("A.B", "y")], id="a value and a structure"),
        pytest.param([("A.B", "x"), ("A", "y")], id="a structure and a value"),
        pytest.param([("A.member.x", "y")], id="no position"),
        pytest.param([(".".join("a" * 50), "y")], id="too deep"),
    ],
)
def test_a_form_that_contradicts_itself_is_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(ApiError) as refused:
        tree(pairs)
    assert refused.value.code == "MalformedInput"


@given(st.lists(st.tuples(st.text("abm.0123member", max_size=30), st.text(max_size=5)), max_size=20))
def test_any_form_is_a_tree_or_refused(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(ApiError):
        assert isinstance(tree(pairs), dict)


def test_botocore_reads_an_answer() -> None:
    stack = {
        "StackName": "chat",
        "CreationTime": Time(1_764_241_200.25),
        "StackStatus": "CREATE_COMPLETE",
        "StackStatusReason": None,
        "DisableRollback": False,
        "Outputs": [{"OutputKey": "Url", "OutputValue": 'a < b & "c"\x00'}],
        "Tags": [],
    }
    found = parsed("DescribeStacks", answer("DescribeStacks", {"Stacks": [stack]}, "request-1"))

    at = datetime.datetime(2025, 11, 27, 11, 0, 0, 250_000, tzinfo=datetime.UTC)
    assert found["ResponseMetadata"]["RequestId"] == "request-1"
    assert found["Stacks"] == [
        {
            "StackName": "chat",
            "CreationTime": at,
            "StackStatus": "CREATE_COMPLETE",
            "DisableRollback": False,
            "Outputs": [{"OutputKey": "Url", "OutputValue": 'a < b & "c"\ufffd'}],
            "Tags": [],
        }
    ]


def test_botocore_reads_an_error() -> None:
    found = parsed("DescribeStacks", error(ApiError("ValidationError", "a & b"), "request-1"), 400)

    assert (found["Error"]["Code"], found["Error"]["Message"]) == ("ValidationError", "a & b")
    assert found["ResponseMetadata"]["RequestId"] == "request-1"
