"""Versions and aliases by Lambda's API, and what becomes of what calls gave a function when it goes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import control_world
import pytest
from control_world import ControlWorld, refused

ROLE = "arn:aws:iam::123456789012:role/any"
ARN = "arn:aws:lambda:us-east-1:123456789012:function"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlWorld]:
    with control_world.running(tmp_path_factory.mktemp("versions")) as emulator:
        yield ControlWorld(emulator)


def code(answer: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("app.py", f"def handler(event, context):\n    return {answer}\n")
    return buffer.getvalue()


def function(world: ControlWorld, name: str, **more: Any) -> Any:
    return world.client("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=ROLE, Code={"ZipFile": code(1)}, **more
    )


def versions(world: ControlWorld, name: str) -> list[str]:
    listed = world.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
    return [each["Version"] for each in listed]


def test_a_function_is_published_once_for_each_change(world: ControlWorld) -> None:
    functions = world.client("lambda")
    first = function(world, "published", Publish=True)
    again = functions.publish_version(FunctionName="published")
    second = functions.update_function_code(FunctionName="published", ZipFile=code(2), Publish=True)
    third = functions.update_function_configuration(FunctionName="published", Timeout=9)
    published = functions.publish_version(FunctionName="published", Description="slow")

    assert [each["Version"] for each in (first, again, second, third, published)] == ["1", "1", "2", "$LATEST", "3"]
    assert (first["FunctionArn"], second["FunctionArn"]) == (f"{ARN}:published", f"{ARN}:published:2")
    assert versions(world, "published") == ["$LATEST", "1", "2", "3"]
    old, new = (functions.get_function_configuration(FunctionName=f"published:{each}") for each in ("1", "3"))
    assert (old["Timeout"], new["Timeout"], new["Description"]) == (3, 9, "slow")
    assert old["CodeSha256"] != new["CodeSha256"]
    functions.get_waiter("published_version_active").wait(FunctionName="published", Qualifier="3")


def test_an_alias_is_made_moved_invoked_and_deleted(world: ControlWorld) -> None:
    functions = world.client("lambda")
    function(world, "aliased", Publish=True)
    functions.update_function_code(FunctionName="aliased", ZipFile=code(2), Publish=True)
    made = functions.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1", Description="now")
    assert (made["AliasArn"], made["FunctionVersion"]) == (f"{ARN}:aliased:live", "1")

    moved = functions.update_alias(FunctionName="aliased", Name="live", FunctionVersion="2")
    assert (moved["FunctionVersion"], moved["Description"]) == ("2", "now")
    assert moved["RevisionId"] != made["RevisionId"]
    assert functions.get_alias(FunctionName="aliased", Name="live")["FunctionVersion"] == "2"
    assert [each["Name"] for each in functions.list_aliases(FunctionName="aliased")["Aliases"]] == ["live"]
    assert functions.list_aliases(FunctionName="aliased", FunctionVersion="1")["Aliases"] == []
    assert functions.get_function(FunctionName="aliased", Qualifier="live")["Configuration"]["Version"] == "2"
    assert functions.invoke(FunctionName="aliased", Qualifier="live")["Payload"].read() == b"2"

    for _ in range(2):
        functions.delete_alias(FunctionName="aliased", Name="live")
    assert refused(functions.invoke, FunctionName="aliased:live")[0] == "ResourceNotFoundException"


def test_a_version_goes_alone(world: ControlWorld) -> None:
    functions = world.client("lambda")
    function(world, "pruned", Publish=True)
    functions.update_function_code(FunctionName="pruned", ZipFile=code(2), Publish=True)
    functions.create_alias(FunctionName="pruned", Name="live", FunctionVersion="2")

    functions.delete_function(FunctionName="pruned", Qualifier="1")
    functions.delete_function(FunctionName="pruned:99")

    assert versions(world, "pruned") == ["$LATEST", "2"]
    assert refused(functions.delete_function, FunctionName="pruned", Qualifier="2") == (
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [live]",
    )
    assert refused(functions.delete_function, FunctionName="pruned", Qualifier="$LATEST") == (
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
    )
    assert functions.invoke(FunctionName="pruned")["Payload"].read() == b"2"


@pytest.mark.parametrize(
    ("operation", "asked", "code", "text"),
    [
        pytest.param(
            "get_function", {"Qualifier": "7"}, "ResourceNotFoundException", f"Function not found: {ARN}:kept:7",
            id="no version",
        ),
        pytest.param(
            "get_function",
            {"FunctionName": "kept:1", "Qualifier": "2"},
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
            id="two qualifiers",
        ),
        pytest.param(
            "get_alias", {"Name": "no"}, "ResourceNotFoundException", f"Cannot find alias arn: {ARN}:kept:no",
            id="no alias",
        ),
        pytest.param(
            "update_alias", {"Name": "no"}, "ResourceNotFoundException", f"Alias not found: {ARN}:kept:no",
            id="no alias to change",
        ),
        pytest.param(
            "create_alias", {"Name": "a", "FunctionVersion": "7"}, "ResourceNotFoundException",
            f"Function not found: {ARN}:kept:7",
            id="an alias of no version",
        ),
        pytest.param(
            "create_alias", {"Name": "live", "FunctionVersion": "1"}, "ResourceConflictException",
            f"Alias already exists: {ARN}:kept:live",
            id="an alias twice",
        ),
        pytest.param(
            "create_alias", {"Name": "2024", "FunctionVersion": "1"}, "ValidationException",
            "1 validation error detected: Value '2024' at 'name' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
            id="an alias like a version",
        ),
        pytest.param(
            "publish_version", {"CodeSha256": "other"}, "InvalidParameterValueException",
            "CodeSHA256 (other) is different from current CodeSHA256 in $LATEST (",
            id="other code",
        ),
        pytest.param(
            "publish_version", {"RevisionId": "other"}, "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to",
            id="another revision",
        ),
        pytest.param(
            "update_function_configuration", {"RevisionId": "other", "Timeout": 4}, "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to",
            id="a change of another revision",
        ),
    ],
)  # fmt: skip
def test_what_is_not_so_is_refused(
    world: ControlWorld, operation: str, asked: dict[str, Any], code: str, text: str
) -> None:
    functions = world.client("lambda")
    if "kept" not in [each["FunctionName"] for each in functions.list_functions()["Functions"]]:
        function(world, "kept", Publish=True)
        functions.create_alias(FunctionName="kept", Name="live", FunctionVersion="1")

    found = refused(getattr(functions, operation), **{"FunctionName": "kept", **asked})
    assert (found[0], found[1][: len(text)]) == (code, text)


def test_an_alias_has_a_policy_of_its_own(world: ControlWorld) -> None:
    functions = world.client("lambda")
    function(world, "permitted", Publish=True)
    functions.create_alias(FunctionName="permitted", Name="live", FunctionVersion="1")
    asked = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    functions.add_permission(FunctionName="permitted", Qualifier="live", **asked)

    assert refused(functions.get_policy, FunctionName="permitted")[0] == "ResourceNotFoundException"
    (statement,) = json.loads(functions.get_policy(FunctionName="permitted", Qualifier="live")["Policy"])["Statement"]
    assert statement["Resource"] == f"{ARN}:permitted:live"
    functions.remove_permission(FunctionName="permitted", Qualifier="live", StatementId="s")


def test_lists_of_functions_come_in_pages(world: ControlWorld) -> None:
    functions = world.client("lambda")
    for name in ("paged-1", "paged-2", "paged-3"):
        function(world, name)
    whole = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    pages = list(functions.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))

    assert [each["FunctionName"] for page in pages for each in page["Functions"]] == whole
    assert max(len(page["Functions"]) for page in pages) == 2
    every = [each["FunctionArn"] for each in functions.list_functions(FunctionVersion="ALL")["Functions"]]
    assert f"{ARN}:paged-1:$LATEST" in every


def test_what_calls_gave_a_function_of_a_stack_goes_with_it(world: ControlWorld) -> None:
    properties = {
        "FunctionName": "of-a-stack",
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Role": ROLE,
        "Code": {"ZipFile": "def handler(event, context): return 1"},
    }
    body = {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
    stack = world.deployed("functions", body)
    functions = world.client("lambda")
    functions.create_function_url_config(FunctionName="of-a-stack", AuthType="NONE")
    functions.publish_version(FunctionName="of-a-stack")
    functions.create_alias(FunctionName="of-a-stack", Name="live", FunctionVersion="1")
    asked = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    functions.add_permission(FunctionName="of-a-stack", **asked)
    world.client("sqs").create_queue(QueueName="for-a-stack")
    source = "arn:aws:sqs:us-east-1:123456789012:for-a-stack"
    mapping = functions.create_event_source_mapping(FunctionName="of-a-stack", EventSourceArn=source)["UUID"]

    world.cloudformation.delete_stack(StackName="functions")

    assert world.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    function(world, "of-a-stack")
    assert versions(world, "of-a-stack") == ["$LATEST"]
    assert functions.list_aliases(FunctionName="of-a-stack")["Aliases"] == []
    assert functions.list_function_url_configs(FunctionName="of-a-stack")["FunctionUrlConfigs"] == []
    assert refused(functions.get_policy, FunctionName="of-a-stack")[0] == "ResourceNotFoundException"
    assert functions.get_event_source_mapping(UUID=mapping)["State"] == "Disabled"
    functions.delete_event_source_mapping(UUID=mapping)
