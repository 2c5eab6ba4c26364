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
    sections = {"Rules": {}, "Metadata": {}, "Transform": "AWS::Serverless-2016-10-31", "Description": "d"}
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
