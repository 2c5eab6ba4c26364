"""Who may call a stack's functions, and does not by the stack; or the other way round."""

from typing import Any

import pytest

from deploy.cloud import Resource
from deploy.planning.callers import POLICY
from deploy.planning.drift import GONE, drifts

FUNCTION, ALIAS, PERMISSION = (f"AWS::Lambda::{kind}" for kind in ("Function", "Alias", "Permission"))
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Router": {"Type": FUNCTION},
        "RouterLive": {"Type": ALIAS},
        "Sweep": {"Type": FUNCTION},
        "One": {"Type": PERMISSION, "Properties": {"FunctionName": {"Ref": "RouterLive"}}},
        "Two": {"Type": PERMISSION, "Properties": {"FunctionName": {"Ref": "RouterLive"}}},
        "Three": {"Type": PERMISSION, "Properties": {"FunctionName": {"Fn::GetAtt": ["Sweep", "Arn"]}}},
        "Reads": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": {"Ref": "RouterLive"}}},
        "NotYet": {"Type": PERMISSION, "Properties": {"FunctionName": {"Ref": "RouterLive"}}},
        "Elsewhere": {"Type": PERMISSION, "Properties": {"FunctionName": "by-its-name"}},
    }
}
PHYSICAL = {
    "Router": "router",
    "RouterLive": "arn:f:router:live",
    "Sweep": "sweep",
    "One": "chat-One-1",
    "Two": "arn:f:router:live|chat-Two-2",
    "Three": "chat-Three-3",
    "Reads": "0e7e1a4c",
    "NotYet": "",
    "Elsewhere": "chat-Else-4",
}
RESOURCES = [
    Resource(logical_id=name, physical_id=physical_id, resource_type=TEMPLATE["Resources"][name]["Type"], status="")
    for name, physical_id in PHYSICAL.items()
]
WHOLE = {"Router": [], "RouterLive": ["chat-One-1", "chat-Two-2"], "Sweep": ["chat-Three-3", "chat-Else-4"]}


def policy(names: list[str], principal: Any = "*") -> dict[str, Any]:
    said = {"Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction", "Resource": "arn:f"}
    return {POLICY: {"Statement": [{"Sid": name, **said} for name in names]} if names else {}}


def found(**changes: list[str] | None) -> list[tuple[str, str]]:
    real = {name: {} if names is None else policy(names) for name, names in {**WHOLE, **changes}.items()}
    return [(each.logical_id, each.what) for each in drifts(TEMPLATE, RESOURCES, real)]


STRANGER = "lets in whom the stack does not know: lambda:InvokeFunction by *"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({}, [], id="as the stack says"),
        pytest.param({"RouterLive": ["chat-One-1"]}, [("Two", GONE)], id="a permission that was taken away"),
        pytest.param({"Sweep": []}, [("Three", GONE)], id="all that there are of a function"),
        pytest.param(
            {"RouterLive": ["chat-One-1", "chat-Two-2", "mine"]}, [("RouterLive", STRANGER)], id="one more of an alias"
        ),
        pytest.param({"Router": ["public"]}, [("Router", STRANGER)], id="one of a function that the stack gives none"),
        pytest.param({"RouterLive": None, "Sweep": None}, [], id="of which AWS does not tell"),
        pytest.param(
            {"RouterLive": ["a", "b", "c"], "Sweep": ["d"]}, [], id="under names that are not CloudFormation's"
        ),
    ],
)
def test_permissions_that_were_given_or_taken_by_hand_are_told(changes: Any, told: list[tuple[str, str]]) -> None:
    assert found(**changes) == told


def test_each_stranger_is_told_with_what_takes_the_permission_away() -> None:
    real = {name: policy(names) for name, names in {**WHOLE, "RouterLive": [*WHOLE["RouterLive"], "a", "b"]}.items()}

    assert [(each.what, each.command) for each in drifts(TEMPLATE, RESOURCES, real)] == [
        (STRANGER, f"lambda remove-permission --function-name arn:f:router:live --statement-id {name}") for name in "ab"
    ]


def test_of_a_stack_without_permissions_everybody_is_a_stranger() -> None:
    [own] = drifts(
        {"Resources": {"Router": {"Type": FUNCTION}}}, RESOURCES[:1], {"Router": policy(["x"], {"AWS": "6"})}
    )

    assert own.what == "lets in whom the stack does not know: lambda:InvokeFunction by 6"
