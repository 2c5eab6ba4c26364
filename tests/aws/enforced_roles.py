"""The roles that a deployment makes, in an AWS that enforces them, and what they allow: by requests, and simulated."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from ministack_projects import REGION, MiniStack

from deploy.stack.settings import StackSettings
from deploy.stack.template import template
from emulator.iam.needs import Need
from streamer.topology import Route, Topology
from streamer.topology.grants import Kind, Place, Resource, arn
from streamer.topology.logical_ids import bucket_id, queue_id, role_id

SECONDS = 30
STACK = "roles"
ROLE = "AWS::IAM::Role"
NAMED = ("AWS::SQS::Queue", "AWS::S3::Bucket")
"""What CloudFormation makes names up for."""
S3 = "arn:aws:s3:::"
ANYBODY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
DENIED = ("AccessDenied", "not authorized to perform")


def roles_of(topology: Topology) -> dict[str, Any]:
    """The template that is deployed, without what no role speaks of: functions, routes, alarms."""
    # A service without a route is none; which there are does not matter to roles.
    routes = (Route(route_key="$default", function=topology.functions[0].name),)
    whole = template(
        dataclasses.replace(topology, api=dataclasses.replace(topology.api, routes=routes)),
        StackSettings(stack_name=STACK, access_logs=False),
    )
    kept = {each for each, resource in whole["Resources"].items() if resource["Type"] == ROLE}
    waiting = list(kept)
    while waiting:
        for named in _named(whole["Resources"][waiting.pop()]):
            if named in whole["Resources"] and named not in kept:
                kept.add(named)
                waiting.append(named)
    resources = {each: resource for each, resource in whole["Resources"].items() if each in kept}
    resources.setdefault("Api", whole["Resources"]["Api"])
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {each: said for each, said in whole["Parameters"].items() if "Default" not in said},
        "Resources": resources,
        "Outputs": {each: {"Value": {"Fn::GetAtt": [each, "Arn"]}} for each in resources if each.endswith("Role")}
        | {"ApiId": {"Value": {"Ref": "Api"}}}
        | {each: {"Value": {"Ref": each}} for each, said in resources.items() if said["Type"] in NAMED},
    }


def _named(value: Any) -> Iterator[str]:
    """The logical ids that a part of a template refers to."""
    if isinstance(value, list):
        for each in value:
            yield from _named(each)
    if isinstance(value, dict):
        match value:
            case {"Ref": str(name)}:
                yield name
            case {"Fn::GetAtt": [str(name), *_]}:
                yield name
            case {"Fn::Sub": str(text)}:
                yield from (part.partition("}")[0].partition(".")[0] for part in text.split("${")[1:])
            case _:
                for each in value.values():
                    yield from _named(each)


@dataclasses.dataclass
class Roles:
    """The roles of one topology, deployed."""

    aws: MiniStack
    place: Place
    outputs: Mapping[str, str]
    _iam: Any
    _connection: http.client.HTTPConnection
    _credentials: dict[str, Credentials] = dataclasses.field(default_factory=dict)

    def arn_of(self, need: Need) -> str:
        """The ARN over there: CloudFormation named queues and buckets itself."""
        kind, name, detail = need.resource
        if kind is Kind.ARN and name.startswith(S3):
            bucket, slash, key = name.removeprefix(S3).partition("/")
            return f"{S3}{self.outputs.get(bucket_id(bucket), bucket)}{slash}{key}"
        logical_id = queue_id(name) if kind is Kind.QUEUE else bucket_id(name) if kind is Kind.BUCKET else ""
        there = self.outputs.get(logical_id)
        return arn(Resource(kind, there.rpartition("/")[2], detail) if there else need.resource, self.place)

    def simulated(self, function: str, needs: Iterable[Need]) -> dict[Need, bool]:
        """Whether the role allows each, by SimulatePrincipalPolicy."""
        by_resource: dict[str, list[Need]] = {}
        for need in needs:
            by_resource.setdefault(self.arn_of(need), []).append(need)
        found = {}
        for named, several in by_resource.items():
            answer = self._iam.simulate_principal_policy(
                PolicySourceArn=self.outputs[role_id(function)],
                ActionNames=[need.action for need in several],
                ResourceArns=[named],
            )
            for need, result in zip(several, answer["EvaluationResults"], strict=True):
                assert result["EvalActionName"] == need.action
                found[need] = result["EvalDecision"] == "allowed"
        return found

    def asked(self, function: str, need: Need) -> bool | None:
        """Whether a request that needs exactly this is let through; None: no request of ours does.

        It lacks what the operation needs besides, so that nothing comes of those that are let through.
        """
        request = request_for(need, self.arn_of(need), self.place)
        if request is None:
            return None
        signed = AWSRequest(request.method, f"{self.aws.url}{request.path}", request.headers, request.body)
        SigV4Auth(self._credentials_of(function), request.service, REGION).add_auth(signed)
        prepared = signed.prepare()
        self._connection.request(request.method, request.path, prepared.body, dict(prepared.headers.items()))
        answer = self._connection.getresponse()
        said = answer.read().decode("utf-8", "replace") + str(answer.headers)
        is_denied = answer.status in (400, 403) and any(each in said for each in DENIED)
        assert is_denied or answer.status not in (401, 403), f"{need} is answered by {answer.status}: {said}"
        return not is_denied

    def _credentials_of(self, function: str) -> Credentials:
        if function not in self._credentials:
            role = self.outputs[role_id(function)]
            # Who may take a role on is Lambda alone; what it allows then stays as it is.
            self._iam.update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=json.dumps(ANYBODY))
            taken = self.aws.client("sts").assume_role(RoleArn=role, RoleSessionName=f"of-{function}"[:64])[
                "Credentials"
            ]
            keys = (taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
            self._credentials[function] = Credentials(*keys)
        return self._credentials[function]


@dataclasses.dataclass(frozen=True)
class Request:
    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def request_for(need: Need, named: str, place: Place) -> Request | None:
    """A request that needs this one permission; None: there is none that MiniStack asks its IAM for rightly."""
    service, _, operation = need.action.partition(":")
    kind, name, detail = need.resource
    table = {"TableName": name} | ({"IndexName": detail} if kind is Kind.INDEX else {})
    match service, operation:
        case "dynamodb", "BatchGetItem" | "BatchWriteItem":
            return _json(service, "DynamoDB_20120810", operation, {"RequestItems": {name: {}}})
        case "dynamodb", "ConditionCheckItem":
            parts = {"TransactItems": [{"ConditionCheck": table}]}
            return _json(service, "DynamoDB_20120810", "TransactWriteItems", parts)
        case "dynamodb", _ if kind in (Kind.TABLE, Kind.INDEX) and not operation.startswith("PartiQL"):
            return _json(service, "DynamoDB_20120810", operation, table)
        case "dynamodb", "ListTables":
            return _json(service, "DynamoDB_20120810", operation, {})
        case "sqs", _:
            url = f"http://localhost/{place.account_id}/{named.rpartition(':')[2]}"
            return _json(service, "AmazonSQS", operation, {} if kind is Kind.ANYTHING else {"QueueUrl": url})
        case "lambda", "InvokeFunction" if not detail:
            function = named.rpartition(":")[2]
            return Request(service, "POST", f"/2015-03-31/functions/{function}/invocations", {}, b"{}")
        case "execute-api", _:
            api, stage = place.apis[detail]
            return Request(service, name, f"/_aws/execute-api/{api}/{stage}/@connections/{quote('x=')}", {}, b"")
    return None


def _json(service: str, target: str, operation: str, parameters: Mapping[str, Any]) -> Request:
    headers = {"X-Amz-Target": f"{target}.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    return Request(service, "POST", "/", headers, json.dumps(parameters).encode())


@contextlib.contextmanager
def deployed_roles(aws: MiniStack, topology: Topology) -> Iterator[Roles]:
    """Deploy the roles, with all that they name, while the block runs."""
    cloudformation, document = aws.client("cloudformation"), roles_of(topology)
    values = [{"ParameterKey": each, "ParameterValue": "v" * 40} for each in document["Parameters"]]
    capabilities = ["CAPABILITY_IAM"]
    body = json.dumps(document)
    cloudformation.create_stack(StackName=STACK, TemplateBody=body, Parameters=values, Capabilities=capabilities)
    try:
        stack = _ended(cloudformation)
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        place = Place(
            partition="aws",
            region=REGION,
            account_id=aws.client("sts").get_caller_identity()["Account"],
            apis={topology.api.name: (outputs["ApiId"], topology.api.stage)},
            function_prefix=f"{STACK}-",
        )
        address = urlsplit(aws.url)
        with contextlib.closing(
            http.client.HTTPConnection(str(address.hostname), address.port, timeout=SECONDS)
        ) as connection:
            yield Roles(aws, place, outputs, aws.client("iam"), connection)
    finally:
        cloudformation.delete_stack(StackName=STACK)
        _ended(cloudformation)
        tables = aws.client("dynamodb")
        for each in topology.tables:  # those of an App stay when their stack goes
            with contextlib.suppress(tables.exceptions.ResourceNotFoundException):
                tables.delete_table(TableName=each.name)


def _ended(cloudformation: Any) -> dict[str, Any]:
    """The stack once CloudFormation rests; empty: there is none any more."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            stack: dict[str, Any] = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        except cloudformation.exceptions.ClientError:
            return {}
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack if stack["StackStatus"] != "DELETE_COMPLETE" else {}
        time.sleep(0.01)
    raise AssertionError(f"CloudFormation does not rest: {stack}")
