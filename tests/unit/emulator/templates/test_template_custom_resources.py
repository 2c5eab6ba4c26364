"""Functions that tools put into templates for custom resources whose work is not wanted, or done otherwise, here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from template_parts import PLACE, att, base, ref, resource

from emulator.templates.custom_resources import idle_functions
from emulator.templates.located import Located
from emulator.templates.source import load
from emulator.templates.stack import Surroundings, resolve
from emulator.templates.topology import Wanted, describe

PROVIDER = resource("Lambda::Function", FunctionName="empties", Handler="index.handler", Runtime="nodejs20.x")
TOKEN = {"ServiceToken": att("Provider")}


def custom(kind: str, **more: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": {**TOKEN, **more}}


def stack(**resources: Any) -> Any:
    around = {name: base()[name] for name in ("Api", "Stage", "Answer")}
    tree = {"Resources": {**around, "Provider": PROVIDER, **resources}}
    return resolve(load(json.dumps(tree), "template.json"), Surroundings(place=PLACE))


CLEANS = custom("Custom::S3AutoDeleteObjects", BucketName="up")
PERMISSION = resource("Lambda::Permission", Action="lambda:InvokeFunction", FunctionName=att("Provider"), Principal="*")
ROLE = resource("IAM::ManagedPolicy", PolicyDocument={"Statement": [{"Resource": att("Provider")}]})
RULE = resource("Events::Rule", ScheduleExpression="rate(1 hour)", Targets=[{"Id": "a", "Arn": att("Provider")}])
LOGS = {"Type": "Custom::LogRetention", "Properties": {"LogGroupName": {"Fn::Sub": "/aws/lambda/${Provider}"}}}
ALIAS = resource("Lambda::Alias", FunctionName=ref("Provider"), FunctionVersion="$LATEST", Name="live")

FRAMEWORK = resource(
    "Lambda::Function",
    FunctionName="empties",
    Handler="framework.onEvent",
    Runtime="nodejs20.x",
    Environment={"Variables": {"USER_ON_EVENT_FUNCTION_ARN": "arn"}},
)


@pytest.mark.parametrize(
    ("resources", "is_idle"),
    [
        pytest.param({"Cleans": CLEANS}, True, id="of what is ignored"),
        pytest.param({"Told": custom("Custom::S3BucketNotifications")}, True, id="of what is done here"),
        pytest.param({"Cleans": CLEANS, "May": PERMISSION, "Policy": ROLE}, True, id="named by permissions"),
        pytest.param({"Cleans": CLEANS, "Logs": LOGS}, True, id="named by how long its logs are kept"),
        pytest.param({"Seeds": custom("Custom::Seeds")}, False, id="of the project's own, which somebody may run"),
        pytest.param({"Cleans": CLEANS, "Seeds": custom("Custom::Seeds")}, False, id="of both"),
        pytest.param({"Provider": FRAMEWORK, "Seeds": custom("Custom::Seeds")}, True, id="CDK's, which calls one"),
        pytest.param({"Cleans": CLEANS, "Rule": RULE}, False, id="run by something else"),
        pytest.param({"Cleans": CLEANS, "Live": ALIAS}, False, id="with an alias"),
        pytest.param(
            {"Trigger": custom("Custom::S3AutoDeleteObjects", HandlerArn=att("Provider"))}, False, id="named beside"
        ),
        pytest.param({}, False, id="of nothing"),
    ],
)
def test_a_function_is_idle_if_only_what_is_not_done_here_has_it(resources: dict[str, Any], is_idle: bool) -> None:
    found = idle_functions(stack(**resources).resources.values())

    assert found == (frozenset({"empties"}) if is_idle else frozenset())


def test_an_idle_function_is_not_run_unless_its_stack_is_deployed() -> None:
    made = stack(Cleans=CLEANS)

    def functions(wanted: Wanted) -> list[str]:
        found = describe([made], lambda _stack, _resource: Located(folder="code"), wanted)
        return [each.name for each in found.topology.functions]

    home = describe([made], lambda _stack, _resource: Located(folder="code"), Wanted()).topology.api
    assert functions(Wanted()) == ["answer"]
    assert functions(Wanted(home=home)) == ["answer", "empties"]
