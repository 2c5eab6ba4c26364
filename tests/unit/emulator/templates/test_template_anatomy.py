"""What a template may consist of, and what may wait for what."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.templates import anatomy
from emulator.templates.errors import Problem, shown

QUEUE = {"Type": "AWS::SQS::Queue"}


@pytest.mark.parametrize(
    ("more", "where", "text"),
    [
        pytest.param(
            {"AWSTemplateFormatVersion": "2011-01-01"}, "AWSTemplateFormatVersion", "2010-09-09", id="version"
        ),
        pytest.param({"resources": {}}, "resources", "no section 'resources'; there is Resources", id="section"),
        pytest.param(
            {"Resources": {"A": {**QUEUE, "Dependson": "B"}}},
            "Resources.A.Dependson",
            "no attribute 'Dependson'; there is DependsOn",
            id="attribute",
        ),
        pytest.param(
            {"Resources": {"A": {**QUEUE, "QueueName": "b"}}},
            "Resources.A.QueueName",
            "stands below Properties",
            id="property beside Properties",
        ),
        pytest.param({"Resources": {"A-1": QUEUE}}, "Resources.A-1", "letters and digits alone", id="name"),
        pytest.param(
            {"Parameters": {"A_1": {"Type": "String"}}}, "Parameters.A_1", "letters and digits", id="parameter's name"
        ),
        pytest.param(
            {"Parameters": {"A": {"Type": "String", "Defalt": "x"}}},
            "Parameters.A.Defalt",
            "a parameter has no 'Defalt'; there is Default",
            id="parameter's attribute",
        ),
        pytest.param({"Parameters": {"A": {}}}, "Parameters.A", "a parameter has a Type", id="parameter without type"),
        pytest.param({"Parameters": {"A": {"Type": "Text"}}}, "Parameters.A.Type", "'Text'", id="parameter's type"),
        pytest.param(
            {"Parameters": {"A": {"Type": "String", "AllowedValues": "x"}}},
            "Parameters.A.AllowedValues",
            "a list is expected",
            id="parameter's choices",
        ),
        pytest.param({"Outputs": {"A_1": {"Value": "x"}}}, "Outputs.A_1", "letters and digits", id="output's name"),
        pytest.param({"Outputs": {"A": {}}}, "Outputs.A", "an output has a Value", id="output without value"),
        pytest.param(
            {"Outputs": {"A": {"Value": "x", "Exports": {"Name": "n"}}}},
            "Outputs.A.Exports",
            "an output has no 'Exports'; there is Export",
            id="output's attribute",
        ),
        pytest.param({"Outputs": {"A": {"Value": ["x"]}}}, "Outputs.A.Value", "text, not a list", id="list as output"),
        pytest.param(
            {"Outputs": {"A": {"Value": {"a": "b"}}}}, "Outputs.A.Value", "text, not a mapping", id="mapping as output"
        ),
        pytest.param(
            {"Outputs": {"A": {"Value": "x", "Export": {"Nme": "n"}}}}, "Outputs.A.Export", "has a Name", id="export"
        ),
        pytest.param({"Mappings": {"A_1": {}}}, "Mappings.A_1", "letters and digits alone", id="mapping's name"),
        pytest.param({"Mappings": {"A": {"b": "c"}}}, "Mappings.A.b", "keys with values", id="mapping of one level"),
        pytest.param(
            {"Mappings": {"A": {"b": {"c": {"Ref": "D"}}}}}, "Mappings.A.b.c", "text or a list", id="mapping's value"
        ),
        pytest.param(
            {"Conditions": {"IsProd": True}, "Resources": {"A": {**QUEUE, "Condition": "IsProt"}}},
            "Resources.A.Condition",
            "there is no condition 'IsProt'; there is IsProd",
            id="condition of a resource",
        ),
        pytest.param(
            {"Outputs": {"A": {"Value": "x", "Condition": ["C"]}}},
            "Outputs.A.Condition",
            "there is no condition ['C']",
            id="condition of an output",
        ),
        pytest.param({"Rules": {"A": {"RuleCondition": True}}}, "Rules.A", "a list of Assertions", id="rule"),
        pytest.param(
            {"Rules": {"A": {"Assertions": [], "Condition": "C"}}},
            "Rules.A.Condition",
            "a rule has no 'Condition'",
            id="rule's attribute",
        ),
        pytest.param(
            {"Rules": {"A": {"Assertions": [{"AssertDescription": "b"}]}}},
            "Rules.A.Assertions[0]",
            "an assertion has an Assert",
            id="assertion",
        ),
        pytest.param(
            {"Resources": {f"A{n}": QUEUE for n in range(501)}},
            "Resources",
            "500 resources at most, not 501",
            id="many",
        ),
        pytest.param(
            {"Outputs": {f"A{n}": {"Value": "x"} for n in range(201)}}, "Outputs", "200 outputs at most", id="outputs"
        ),
    ],
)
def test_what_no_template_has_is_refused_with_its_place(more: dict[str, Any], where: str, text: str) -> None:
    with pytest.raises(Problem) as problem:
        anatomy.check({"Resources": {"A": QUEUE}, **more})
    assert shown(problem.value.path) == where
    assert text in problem.value.text


def test_what_templates_have_is_taken() -> None:
    attributes = {"Metadata": {}, "Condition": "C", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Delete"}
    attributes |= {"Description": "what it is for", "Version": "1.0", "DependsOn": "B", "UpdatePolicy": {}}
    sections: dict[str, Any] = {
        "Rules": {"R": {"RuleCondition": True, "Assertions": [{"Assert": True, "AssertDescription": "d"}]}},
        "Metadata": {},
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": "d",
        "Conditions": {"C": True},
    }
    sections |= {
        "Parameters": {"P": {"Type": "List<AWS::EC2::Subnet::Id>", "Default": "a,b", "AllowedValues": ["a", "b"]}},
        "Mappings": {"M": {"eu-west-1": {"a": ["b"], "c": 1, "d": True}}},
        "Outputs": {"O": {"Value": {"Ref": "A"}, "Export": {"Name": {"Fn::Sub": "x"}}, "Condition": "C"}},
    }
    anatomy.check({"AWSTemplateFormatVersion": "2010-09-09", **sections, "Resources": {"A": {**QUEUE, **attributes}}})


@pytest.mark.parametrize(
    ("edges", "circle"),
    [
        pytest.param({"A": ["B"], "B": ["C"], "C": ["A"]}, "A -> B -> C -> A", id="three"),
        pytest.param({"A": ["A"]}, "A -> A", id="itself"),
        pytest.param({"A": ["B"], "B": ["C"], "C": ["B"]}, "B -> C -> B", id="behind another"),
        pytest.param({"A": ["B", "C"], "B": ["D"], "C": ["D"], "D": []}, None, id="two ways to one"),
        pytest.param({"A": ["Gone"]}, None, id="what does not exist"),
        pytest.param({f"A{n}": [f"A{n + 1}"] for n in range(5000)}, None, id="long"),
    ],
)
def test_resources_do_not_wait_for_each_other(edges: dict[str, list[str]], circle: str | None) -> None:
    if circle is None:
        anatomy.refuse_circle(edges)
        return
    with pytest.raises(Problem) as problem:
        anatomy.refuse_circle(edges)
    assert problem.value.text == f"resources in a circle: {circle}"
