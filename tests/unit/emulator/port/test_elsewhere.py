"""What is said to functions that call services which are not emulated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path
from xml.etree import ElementTree

import botocore
import pytest

from emulator.port.command_names import COMMANDS
from emulator.port.elsewhere import Elsewhere, Hosted, operation_of, refusal
from emulator.port.http import HttpRequest, HttpResponse

FORM = "application/x-www-form-urlencoded; charset=utf-8"


def signed(service: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"


def request(method: str = "POST", target: str = "/", body: bytes = b"", **fields: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return HttpRequest(
        method=method, target=target, headers=tuple(named.items()), body=body, peer="127.0.0.1", fields=named
    )


@pytest.mark.parametrize(
    ("asked", "service"),
    [
        pytest.param(request(host="sts.amazonaws.com"), "sts", id="by its name"),
        pytest.param(request(host="127.0.0.1:1", authorization=signed("bedrock")), "bedrock", id="by its signature"),
        pytest.param(request(host="sqs.us-east-1.amazonaws.com"), None, id="a service of ours by name"),
        pytest.param(request(host="127.0.0.1:1", authorization=signed("dynamodb")), None, id="by signature"),
        pytest.param(request(host="a.execute-api.us-east-1.amazonaws.com"), None, id="an API"),
        pytest.param(request(host="127.0.0.1:1"), None, id="no service"),
        pytest.param(
            request(target="/2015-03-31/functions/f/invocations", authorization=signed("lambda")), None, id="Invoke"
        ),
        pytest.param(
            request("GET", "/2015-03-31/functions", authorization=signed("lambda")), "lambda", id="else of Lambda"
        ),
        pytest.param(
            request("GET", "/2018-10-31/layers", host="lambda.us-east-1.amazonaws.com"), "lambda", id="the same by name"
        ),
    ],
)
def test_what_is_not_emulated_is_known(asked: HttpRequest, service: str | None) -> None:
    assert Elsewhere().service(asked) == service


def test_a_json_client_reads_an_error_that_names_the_option() -> None:
    answer = Elsewhere().answer(request(x_amz_target="Secrets.GetSecretValue"), "secretsmanager")

    assert isinstance(answer, HttpResponse)
    assert answer.status == 501
    assert ("x-amzn-ErrorType", "NotImplementedException") in answer.headers
    message = json.loads(answer.body)["message"]
    assert "GetSecretValue" in message
    assert "--real secretsmanager" in message


@pytest.mark.parametrize(
    ("service", "asked", "place", "operation"),
    [
        ("s3", request("GET", "/key"), ".", "GET /key"),
        ("sts", request(body=b"Action=GetCallerIdentity", content_type=FORM), "Error", "GetCallerIdentity"),
        ("sts", request(body=b"Action=%3Ca%3E%26", content_type=FORM), "Error", "<a>&"),
        ("sts", request(body=b"Action=" + b"a" * 500, content_type=FORM), "Error", "a" * 200),
        ("route53", request("GET", "/2013-04-01/hostedzone"), "Error", "GET /2013-04-01/hostedzone"),
        ("cloudfront", request("POST", "/2020-05-31/distribution"), "Error", "POST /2020-05-31/distribution"),
    ],
    ids=["s3", "query", "what no operation is called", "a long one", "route53", "cloudfront"],
)
def test_an_xml_client_reads_an_error_of_its_own_form(
    service: str, asked: HttpRequest, place: str, operation: str
) -> None:
    answer = refusal(asked, service, operation_of(asked), is_known=True)
    error = ElementTree.fromstring(answer.body).find(place)
    assert error is not None
    assert error.findtext("Code") == "NotImplementedException"
    assert str(error.findtext("Message")).startswith(f"{operation} of {service} is not emulated")


def test_what_the_user_named_is_passed_on() -> None:
    class Real:
        def wants(self, host: str) -> bool:
            return host == "sts.amazonaws.com"

        async def forward(self, _request: HttpRequest) -> HttpResponse:
            return HttpResponse(200, b"from AWS")

    async def ask() -> bytes:
        answer = Elsewhere(Real()).answer(request(host="sts.amazonaws.com"), "sts")
        assert isinstance(answer, Awaitable)
        return (await answer).body

    assert asyncio.run(ask()) == b"from AWS"


def test_who_deploys_is_told_of_the_control_plane() -> None:
    form = request(body=b"Action=CreateStack", content_type="application/x-www-form-urlencoded")
    answer = Elsewhere().answer(form, "cloudformation")

    assert isinstance(answer, HttpResponse)
    assert b"or with --control-plane to deploy to it" in answer.body


@pytest.mark.parametrize(
    ("is_deployed_to", "hint"),
    [(False, "; start streamer emulate with --control-plane to deploy to it"), (True, "")],
    ids=["without a control plane", "with one"],
)
def test_what_lambda_is_asked_besides_invocations_is_told_by_name(is_deployed_to: bool, hint: str) -> None:
    answer = Elsewhere(is_deployed_to=is_deployed_to).answer(request("GET", "/2018-10-31/layers"), "lambda")

    assert isinstance(answer, HttpResponse)
    assert json.loads(answer.body)["message"] == (
        f"GET /2018-10-31/layers of lambda is not emulated, so it was not done and AWS was not asked{hint}"
    )


def told(service: str, asked: HttpRequest, *, hosted: Hosted | None = None) -> str:
    elsewhere = Elsewhere()
    elsewhere.hosted = hosted

    async def ask() -> HttpResponse:
        found = elsewhere.answer(asked, service)
        return found if isinstance(found, HttpResponse) else await found

    answer = asyncio.run(ask())
    return str(json.loads(answer.body)["message"])


@pytest.mark.parametrize(
    ("service", "named"),
    [
        pytest.param("textract", "--real textract to", id="as it is"),
        pytest.param("elasticmapreduce", "--real emr to", id="by its command's name"),
        pytest.param("email", "--real ses or --real sesv2 or --real pinpoint-email to", id="several"),
    ],
)
def test_the_option_is_told_as_it_is_written(service: str, named: str) -> None:
    assert named in told(service, request(x_amz_target="A.Do"))


def test_every_name_that_is_told_is_one_that_aws_has() -> None:
    known = {folder.name for folder in (Path(botocore.__file__).parent / "data").iterdir()}
    assert {each for names in COMMANDS.values() for each in names.split(" or --real ")} <= known


def test_an_operation_that_is_missing_is_not_told_as_a_missing_service() -> None:
    class Here:
        def has(self, service: str) -> bool:
            return True

        def opens(self, request: HttpRequest, service: str) -> bool:
            return False

        async def answer(self, request: HttpRequest, service: str) -> HttpResponse | None:
            return None

    text = told("kinesis", request(x_amz_target="Kinesis.Do"), hosted=Here())
    assert text.startswith("Do of kinesis is not emulated, so it was not done and AWS was not asked; ")
