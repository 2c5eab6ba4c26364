"""Macros that are run here: included files and loops."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.templates.errors import Problem
from emulator.templates.language import included, named, transforms, unrolled


def elements(node: Any, path: Any) -> list[str]:
    return list(node)


def test_a_loop_makes_its_body_once_for_each_element() -> None:
    body = {
        "Topic${Name}": {
            "Type": "T",
            "Properties": {
                "Name": {"Ref": "Name"},
                "Also": {"Fn::Sub": "x${Name}"},
                "More": {"Fn::Sub": "${Name}${A}"},
            },
        }
    }
    tree = {"Resources": {"Fn::ForEach::Topics": ["Name", ["a", "b"], body], "Other": {"Type": "T"}}}

    assert unrolled(tree, elements)["Resources"] == {
        "Topica": {"Type": "T", "Properties": {"Name": "a", "Also": "xa", "More": {"Fn::Sub": "a${A}"}}},
        "Topicb": {"Type": "T", "Properties": {"Name": "b", "Also": "xb", "More": {"Fn::Sub": "b${A}"}}},
        "Other": {"Type": "T"},
    }


def test_loops_nest_and_work_inside_properties() -> None:
    inner = {"Fn::ForEach::B": ["B", ["1", "2"], {"${A}${B}": "&{A}"}]}
    tree = {"Resources": {"R": {"Properties": {"Fn::ForEach::A": ["A", ["x-y"], inner]}}}}

    assert unrolled(tree, elements)["Resources"]["R"]["Properties"] == {"x-y1": "xy", "x-y2": "xy"}


def test_a_name_may_be_made_by_a_function() -> None:
    made = {"Fn::Sub": "Topic${Name}"}
    tree = {"Outputs": {"A": {"Value": [{"Ref": made}, {"Fn::GetAtt": [made, {"Ref": "P"}]}, {"Fn::GetAtt": "B.C"}]}}}

    found = named(tree, lambda node, path: {"Fn::Sub": "TopicA", "Ref": "Arn"}[next(iter(node))])

    assert found["Outputs"]["A"]["Value"] == [
        {"Ref": "TopicA"},
        {"Fn::GetAtt": ["TopicA", "Arn"]},
        {"Fn::GetAtt": "B.C"},
    ]


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        (["Name", ["a"]], "Fn::ForEach takes a list of"),
        (["Name", ["a", "b"], {"Same": 1}], "the loop makes Same twice"),
    ],
)
def test_loops_that_are_refused(loop: Any, message: str) -> None:
    with pytest.raises(Problem, match=message):
        unrolled({"Resources": {"Fn::ForEach::X": loop}}, elements)


def test_a_local_file_is_included_where_it_is_named() -> None:
    macro = {"Name": "AWS::Include", "Parameters": {"Location": "more.yaml"}}
    tree = {"Transform": [macro], "Resources": {"A": {"Type": "T", "Fn::Transform": macro}}}

    found = included(tree, lambda location, path: {"From": location})

    assert found["From"] == "more.yaml"
    assert found["Resources"]["A"] == {"Type": "T", "From": "more.yaml"}


def test_an_include_without_a_location_is_refused() -> None:
    with pytest.raises(Problem, match="Location"):
        included({"Resources": {"Fn::Transform": {"Name": "AWS::Include"}}}, lambda location, path: {})


def test_macros_are_known_or_refused_and_sam_is_noticed() -> None:
    resources = {"A": {"Type": "AWS::Serverless::Function"}}

    assert transforms({"Resources": resources}) == ("AWS::Serverless-2016-10-31",)
    assert transforms({"Transform": "AWS::LanguageExtensions", "Resources": {}}) == ("AWS::LanguageExtensions",)
    with pytest.raises(Problem, match="the macro Mine is not run here"):
        transforms({"Transform": ["Mine"], "Resources": {}})
