"""Layers by Lambda's API."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import control_world
import pytest
from control_world import ControlWorld, refused

ARN = "arn:aws:lambda:us-east-1:123456789012:layer"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlWorld]:
    with control_world.running(tmp_path_factory.mktemp("layers")) as emulator:
        yield ControlWorld(emulator)


def zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr(name, text)
    return buffer.getvalue()


def layer(world: ControlWorld, name: str, word: str) -> Any:
    content = {"ZipFile": zipped("python/layered.py", f"WORD = {word!r}\n")}
    return world.client("lambda").publish_layer_version(
        LayerName=name, Description=word, Content=content, CompatibleRuntimes=["python3.12"]
    )


def function(world: ControlWorld, name: str, *layers: str) -> Any:
    return world.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": zipped("app.py", "import layered\ndef handler(event, context):\n    return layered.WORD\n")},
        Layers=list(layers),
    )


def answer(world: ControlWorld, name: str) -> bytes:
    return bytes(world.client("lambda").invoke(FunctionName=name)["Payload"].read())


def test_functions_have_the_version_of_a_layer_that_they_name(world: ControlWorld) -> None:
    functions = world.client("lambda")
    first, second = layer(world, "words", "one"), layer(world, "words", "two")
    assert (first["LayerVersionArn"], second["Version"]) == (f"{ARN}:words:1", 2)
    made = function(world, "worded", first["LayerVersionArn"])

    assert made["Layers"][0]["Arn"] == f"{ARN}:words:1"
    assert answer(world, "worded") == b'"one"'
    functions.update_function_configuration(FunctionName="worded", Layers=[second["LayerVersionArn"]])
    assert answer(world, "worded") == b'"two"'

    functions.delete_layer_version(LayerName="words", VersionNumber=2)
    assert answer(world, "worded") == b'"two"'
    assert layer(world, "words", "three")["Version"] == 3


def test_layers_and_their_versions_are_told(world: ControlWorld) -> None:
    functions = world.client("lambda")
    first, second = layer(world, "told", "one"), layer(world, "told", "two")

    listed = functions.list_layer_versions(LayerName="told")["LayerVersions"]
    assert [each["Version"] for each in listed] == [2, 1]
    (found,) = [each for each in functions.list_layers()["Layers"] if each["LayerName"] == "told"]
    assert (found["LayerArn"], found["LatestMatchingVersion"]["Version"]) == (f"{ARN}:told", 2)
    version = functions.get_layer_version(LayerName="told", VersionNumber=1)
    assert version["Content"]["CodeSha256"] == first["Content"]["CodeSha256"]
    assert (version["Description"], version["CompatibleRuntimes"]) == ("one", ["python3.12"])
    by_arn = functions.get_layer_version_by_arn(Arn=second["LayerVersionArn"])
    assert by_arn["Version"] == 2
    for _ in range(2):
        functions.delete_layer_version(LayerName="told", VersionNumber=2)
    assert [each["Version"] for each in functions.list_layer_versions(LayerName="told")["LayerVersions"]] == [1]
    assert functions.list_layer_versions(LayerName="nothing")["LayerVersions"] == []


@pytest.mark.parametrize(
    ("operation", "asked", "code", "text"),
    [
        pytest.param(
            "get_layer_version",
            {"LayerName": "nothing", "VersionNumber": 1},
            "ResourceNotFoundException",
            "The resource you requested does not exist.",
            id="no version",
        ),
        pytest.param(
            "get_layer_version",
            {"LayerName": "nothing", "VersionNumber": 0},
            "InvalidParameterValueException",
            "Layer Version Cannot be less than 1",
            id="no number",
        ),
        pytest.param(
            "publish_layer_version",
            {"LayerName": "nothing", "Content": {"ZipFile": b"no archive"}},
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
            id="no archive",
        ),
    ],
)
def test_a_layer_that_cannot_be_is_refused(
    world: ControlWorld, operation: str, asked: dict[str, Any], code: str, text: str
) -> None:
    assert refused(getattr(world.client("lambda"), operation), **asked) == (code, text)


def test_a_function_has_layers_that_are_there_and_each_once(world: ControlWorld) -> None:
    for word in ("one", "two"):
        layer(world, "twice", word)
    calls = world.client("lambda").update_function_configuration
    function(world, "unlayered")

    assert refused(calls, FunctionName="unlayered", Layers=[f"{ARN}:nothing:1"]) == (
        "InvalidParameterValueException",
        f"Layer version {ARN}:nothing:1 does not exist.",
    )
    assert refused(calls, FunctionName="unlayered", Layers=[f"{ARN}:twice:1", f"{ARN}:twice:2"]) == (
        "InvalidParameterValueException",
        "Two different versions of the same layer are not allowed to be referenced in the same function. "
        f"{ARN}:twice:1 and {ARN}:twice:2 are versions of the same layer.",
    )
