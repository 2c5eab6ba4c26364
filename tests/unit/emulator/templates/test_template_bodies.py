"""Definitions of state machines and of APIs that stand in files, or in objects that tools put into S3."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.templates.bodies import brought
from emulator.templates.early import Early
from emulator.templates.errors import Problem
from emulator.templates.resources.kind import Place

PLACE = Place(stack="shop", region="eu-west-1", account_id="123456789012", partition="aws", url_suffix="amazonaws.com")
MACHINE, REST, HTTP = "AWS::StepFunctions::StateMachine", "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"
ASSETS = {"Bucket": {"Fn::Sub": "assets-${AWS::Region}"}, "Key": "ab12.json"}


def brought_in(kind: str, says: Any = "what it says", **properties: Any) -> tuple[dict[str, Any], list[str]]:
    tree = {"Resources": {"Own": {"Type": kind, "Properties": properties}, "Other": {"Type": "A::B::C"}}}

    def find(bucket: Any, key: Any, path: Any) -> str | None:
        return "/assets/ab12.json" if (bucket, key) == ("assets-eu-west-1", "ab12.json") else None

    def read(file: str, path: Any) -> Any:
        assert path == ("Resources", "Own", "Properties", next(iter(properties)))
        if file == "gone.json":
            raise Problem(path, "there is no file")
        return {"in": file, "says": says}

    found, notes = brought(tree, Early({}, {}, PLACE), find, read)
    assert found["Resources"]["Other"] == tree["Resources"]["Other"]
    return found["Resources"]["Own"]["Properties"], notes


@pytest.mark.parametrize(
    ("kind", "source", "whole"),
    [
        (MACHINE, "DefinitionS3Location", "Definition"),
        (REST, "BodyS3Location", "Body"),
        (HTTP, "BodyS3Location", "Body"),
    ],
)
@pytest.mark.parametrize(
    ("written", "file"),
    [(ASSETS, "/assets/ab12.json"), ("api.yaml", "api.yaml")],
    ids=["an asset", "a file that tools would upload"],
)
def test_what_is_in_a_file_takes_the_place_of_its_name(
    kind: str, source: str, whole: str, written: Any, file: str
) -> None:
    properties, notes = brought_in(kind, **{source: written}, Name="n")

    assert properties == {"Name": "n", whole: {"in": file, "says": "what it says"}}
    assert notes == []


@pytest.mark.parametrize(
    "written",
    [{"Bucket": "theirs", "Key": "api.yaml"}, {"Bucket": {"Ref": "Own"}, "Key": "k"}, "s3://theirs/api.yaml"],
    ids=["another bucket", "a bucket of the stack", "an address"],
)
def test_an_api_whose_body_is_elsewhere_is_told(written: Any) -> None:
    properties, notes = brought_in(REST, BodyS3Location=written)

    assert properties == {"BodyS3Location": written}
    assert notes == ["Own: what its BodyS3Location names is not on this machine: it has no routes of it"]


def test_functions_that_cloudformation_does_not_see_are_told() -> None:
    says = {"uri": {"Fn::Sub": "${A.Arn}"}, "more": [{"Ref": "B"}, {"Fn::Sub": "c"}]}

    _, notes = brought_in(HTTP, says, BodyS3Location="api.yaml")

    told = "which is done here and not on AWS: what S3 has is taken as it is"
    assert notes == [f"Own: api.yaml has Fn::Sub, Ref, {told}"]


@pytest.mark.parametrize("odd", [{"Type": {}}, {"Type": REST, "Properties": []}, "text"], ids=repr)
def test_what_is_no_resource_is_left_for_others_to_refuse(odd: Any) -> None:
    tree = {"Resources": {"Own": odd}}

    assert brought(tree, Early({}, {}, PLACE), lambda *_: None, lambda *_: None) == (tree, [])


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(Problem, match="there is no file"):
        brought_in(REST, BodyS3Location="gone.json")
