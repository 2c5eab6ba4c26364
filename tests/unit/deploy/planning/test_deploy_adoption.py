"""Which tables that exist already a stack may take over."""

from typing import Any

import pytest
from fake_cloud import FakeCloud

from deploy.describe import _misfits
from deploy.planning.adoption import misfit
from deploy.planning.plan import Wanted
from deploy.stack.settings import StackSettings
from deploy.stack.tables import table
from deploy.stack.template import template
from streamer.topology import Topology


@pytest.fixture
def described(topology: Topology) -> dict[str, Any]:
    properties: dict[str, Any] = table(topology.tables[0])["Properties"]
    return properties


def existing(described: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**described, "TableStatus": "ACTIVE", **changes}


def key(partition: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}]


def test_the_table_of_an_earlier_stack_fits(described: dict[str, Any]) -> None:
    assert misfit(described, existing(described)) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"KeySchema": key("id")}, "its key is id (?), not connection_id (S)", id="key"),
        pytest.param(
            {"AttributeDefinitions": [{"AttributeName": "connection_id", "AttributeType": "N"}]},
            "its key is connection_id (N), not connection_id (S)",
            id="type",
        ),
        pytest.param({"GlobalSecondaryIndexes": None}, "it has no index by-user", id="no index"),
        pytest.param(
            {"GlobalSecondaryIndexes": [{"IndexName": "by-user", "KeySchema": key("user_id")}]},
            "the key of its index by-user is user_id (S), not user_id (S), connected_at (N)",
            id="another index",
        ),
    ],
)
def test_a_table_of_somebody_else_does_not(described: dict[str, Any], changes: dict[str, Any], why: str) -> None:
    assert misfit(described, existing(described, **changes)) == why


def test_a_stream_that_is_off_or_another_does_not_fit(topology: Topology) -> None:
    described = table(topology.tables[1])["Properties"]

    for off in (None, {"StreamEnabled": False, "StreamViewType": "NEW_AND_OLD_IMAGES"}):
        assert misfit(described, existing(described, StreamSpecification=off)) == (
            "its stream is off, not NEW_AND_OLD_IMAGES"
        )
    other = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert misfit(described, existing(described, StreamSpecification=other)) == (
        "its stream is KEYS_ONLY, not NEW_AND_OLD_IMAGES"
    )
    same = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert misfit(described, existing(described, StreamSpecification=same)) is None


def test_a_stream_that_nothing_here_reads_and_the_order_of_a_key_are_no_hindrance(topology: Topology) -> None:
    described = table(topology.tables[1])["Properties"]
    without = {name: value for name, value in described.items() if name != "StreamSpecification"}
    there = existing(described, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})

    assert len(described["KeySchema"]) == 2
    assert misfit(without, {**there, "KeySchema": described["KeySchema"][::-1]}) is None


@pytest.mark.parametrize(
    "name",
    [
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "StreamSpecification",
        "TimeToLiveSpecification",
    ],
)
def test_a_table_whose_shape_cloudformation_alone_knows_is_judged_by_nobody(
    described: dict[str, Any], name: str
) -> None:
    chosen = {name: {"Fn::If": ["Big", [], {"Ref": "AWS::NoValue"}]}}

    assert misfit({**described, **chosen}, existing(described, KeySchema=key("id"))) is None


def test_only_tables_that_do_not_fit_are_told_of(topology: Topology, settings: StackSettings) -> None:
    fits, other = topology.tables[0], topology.tables[1]
    described = {each.name: table(each)["Properties"] for each in topology.tables}
    cloud = FakeCloud(
        descriptions={fits.name: described[fits.name], other.name: {**described[other.name], "KeySchema": key("id")}}
    )
    wanted = Wanted(
        stack_name="chat-dev",
        stage="dev",
        service="chat",
        template=template(topology, settings),
        template_bytes=1,
        code_key="chat/d.zip",
        code_bytes=1,
        bucket=None,
        given=frozenset(),
        needs_logging_role=False,
    )

    assert list(_misfits(cloud, wanted, [fits.name, other.name])) == [other.name]
