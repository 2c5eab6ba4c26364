"""HTTP APIs, REST APIs and function URLs on the emulator's port, asked over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.client
import http.server
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from rsa_keys import FIRST

from emulator.functions.variables import OWNER
from emulator.gateway.http_apis.tokens import DISCOVERY, KEYS_BYTES, TokenError, Tokens
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Api, Function, Throttle, Topology
from streamer.topology.http_apis import Cors, FixedAnswer, HttpApi, HttpAuthorizer, HttpKind, HttpRoute
from streamer.topology.throttles import UsagePlan

HANDLER = """
import json, time, urllib.request

calls = {"door": 0}

def answer(event, context):
    if event.get("queryStringParameters") and "slow" in event["queryStringParameters"]:
        time.sleep(5)
    return {"statusCode": 200, "body": json.dumps(event)}

def door(event, context):
    calls["door"] += 1
    allowed = event.get("identitySource") == ["open"]
    return {"isAuthorized": allowed, "context": {"calls": calls["door"]}}

def neighbour(event, context):
    where = "https://urlurlurlu.lambda-url.us-east-1.on.aws/from/a/function"
    return {"statusCode": 200, "body": urllib.request.urlopen(where).read().decode()}

def token(event, context):
    if event["authorizationToken"] == "fail":
        raise Exception("Unauthorized")
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    key = "a-key-of-at-least-20-characters"
    return {"principalId": event["type"], "policyDocument": policy, "context": {"a": 1}, "usageIdentifierKey": key}
"""


STREAMING_RUNTIME = """
import http.client, json, os, sys, time

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    path = json.loads(answer.read())["rawPath"]
    request_id = answer.getheader("Lambda-Runtime-Aws-Request-Id")
    api.putrequest("POST", f"/2018-06-01/runtime/invocation/{request_id}/response")
    api.putheader("Content-Type", "application/vnd.awslambda.http-integration-response")
    api.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    api.putheader("Transfer-Encoding", "chunked")
    api.endheaders()
    for part in (b'{"statusCode": 201, "cookies": ["a=1"]}' + bytes(8), b"first ", b"second"):
        api.send(b"%x\\r\\n%b\\r\\n" % (len(part), part))
        if part == b"first " and path == "/waits":
            while not os.path.exists("go-on"):
                time.sleep(0.01)
        if part == b"first " and path == "/crashes":
            os._exit(1)
    api.send(b"0\\r\\n\\r\\n" if path != "/fails" else b"0\\r\\nLambda-Runtime-Function-Error-Type: Broken\\r\\n\\r\\n")
    api.getresponse().read()
"""


CORS = """
#set($origin = $input.params().header.get("Origin"))
#if($origin == "https://shop.example")
  #set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)
#end
"""
"""As CDK and Serverless write it for several origins."""


def topology(issuer: str) -> Topology:
    web = HttpApi(
        name="Web",
        kind=HttpKind.HTTP,
        api_id="webwebweb0",
        routes=(
            HttpRoute(path="/open", method="GET", function="answer"),
            HttpRoute(path="/neighbour", method="GET", function="neighbour"),
            HttpRoute(path="/slow", method="GET", function="answer", timeout_seconds=0.05),
            HttpRoute(path="/token", method="GET", function="answer", authorizer="jwt", scopes=("read",)),
            HttpRoute(path="/door", method="GET", function="answer", authorizer="door"),
            HttpRoute(path="/signed", method="POST", function="answer", iam=True),
            HttpRoute(path="/signed-1.0", method="POST", function="answer", iam=True, payload="1.0"),
        ),
        authorizers=(
            HttpAuthorizer(
                name="jwt",
                kind="JWT",
                identity_sources=("$request.header.Authorization",),
                issuers=(issuer,),
                audience=("shop",),
            ),
            HttpAuthorizer(
                name="door",
                kind="REQUEST",
                function="door",
                identity_sources=("$request.header.Key",),
                payload="2.0",
                simple=True,
                ttl_seconds=300,
            ),
        ),
        cors=Cors(origins=("https://shop.example",), methods=("GET",)),
    )
    rest = HttpApi(
        name="Rest",
        kind=HttpKind.REST,
        api_id="restrestre",
        stage="Prod",
        routes=(
            HttpRoute(path="/items/{id}", method="GET", function="answer", authorizer="token"),
            HttpRoute(path="/items/{id}", method="OPTIONS", fixed=FixedAnswer(headers={"X-A": "b"}, body="{}")),
            HttpRoute(path="/cors", method="OPTIONS", fixed=FixedAnswer(status=204, headers={"A": "b"}, body=CORS)),
            HttpRoute(path="/wrong", method="GET", fixed=FixedAnswer(body="#if")),
            HttpRoute(path="/keyed", function="answer", api_key_required=True),
            HttpRoute(path="/both", function="answer", authorizer="token", api_key_required=True),
            HttpRoute(path="/seldom", method="GET", function="answer", throttle=Throttle(rate=0.0, burst=1)),
        ),
        authorizers=(
            HttpAuthorizer(
                name="token",
                kind="TOKEN",
                function="token",
                identity_sources=("method.request.header.Auth",),
                validation="[a-z]+",
            ),
        ),
        api_keys=("a-key-of-at-least-20-characters", "another-key-of-20-characters"),
        usage_plans=(UsagePlan(keys=("another-key-of-20-characters",), quota=1),),
    )
    named = dataclasses.replace(rest, name="Named", api_id="namednamed", stage="Named", keys_from_authorizers=True)
    url = HttpApi(
        name="Url", kind=HttpKind.URL, api_id="urlurlurlu", routes=(HttpRoute(path="$default", function="answer"),)
    )
    own = HttpRoute(path="$default", function="answer", iam=True)
    signed_url = HttpApi(name="SignedUrl", kind=HttpKind.URL, api_id="signedurl1", routes=(own,))
    streams = HttpRoute(path="$default", function="streams", streamed=True)
    streaming_url = HttpApi(
        name="StreamingUrl", kind=HttpKind.URL, api_id="streamurl1", routes=(streams,), cors=Cors(origins=("*",))
    )
    names = ("answer", "door", "neighbour", "token")
    return Topology(
        api=Api(name="chat", routes=(), stage="prod"),
        functions=(
            *(Function(name=name, handler=f"handlers.{name}", timeout_seconds=30) for name in names),
            Function(
                name="streams", handler="none", timeout_seconds=30, runtime=f"{sys.executable} streaming_runtime.py"
            ),
        ),
        http_apis=(web, rest, named, url, signed_url, streaming_url),
    )


CURVE = ec.generate_private_key(ec.SECP256R1())


class _Issuer(http.server.BaseHTTPRequestHandler):
    """An identity provider that publishes its key."""

    def do_GET(self) -> None:
        host = f"http://{self.headers['Host']}"
        first = {**json.loads(RSAAlgorithm.to_jwk(FIRST.public_key())), "alg": "RS256", "use": "sig", "kid": "first"}
        curve = {**json.loads(ECAlgorithm.to_jwk(CURVE.public_key())), "alg": "ES256", "use": "sig", "kid": "curve"}
        folder = self.path.removesuffix(DISCOVERY)
        content: Any = {"jwks_uri": f"{host}{folder}/keys"} if folder != self.path else {"keys": [first, curve]}
        body = json.dumps(content).encode() + (b" " * KEYS_BYTES if self.path == "/large/keys" else b"")
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextlib.contextmanager
def issuing() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Issuer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with issuing() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("http-apis")


@pytest.fixture(scope="module")
def emulator(issuer: str, folder: Path) -> Iterator[EmulatorThread]:
    (folder / "handlers.py").write_text(HANDLER)
    (folder / "streaming_runtime.py").write_text(STREAMING_RUNTIME)
    with EmulatorThread(
        topology(issuer), EmulatorConfig(project_folder=folder, state_folder=folder, iam="off")
    ) as found:
        yield found


def ask(
    emulator: EmulatorThread,
    target: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes = b"",
) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body, from JSON where it is JSON."""
    connection = http.client.HTTPConnection(urlsplit(emulator.websocket_url).netloc, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, target, body=body or None, headers=dict(headers or {}))
        with connection.getresponse() as answer:
            content: Any = answer.read()
    with contextlib.suppress(ValueError):
        content = json.loads(content)
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def test_apis_stand_at_the_root_and_under_names_of_their_own(emulator: EmulatorThread) -> None:
    for headers in (
        {},
        {"Host": "webwebweb0.execute-api.localhost"},
        {"Host": "webwebweb0.execute-api.us-east-1.amazonaws.com"},
    ):
        status, _, event = ask(emulator, "/open", headers)
        assert (status, event["requestContext"]["apiId"]) == (200, "webwebweb0")
    assert ask(emulator, "/x/y", {"Host": "urlurlurlu.lambda-url.us-east-1.on.aws"})[2]["rawPath"] == "/x/y"
    assert ask(emulator, "/Prod/items/1", {"Auth": "abc"})[2]["resource"] == "/items/{id}"
    rest = {"Host": "restrestre.execute-api.us-east-1.amazonaws.com", "Auth": "abc"}
    event = ask(emulator, "//Prod//items/1", rest)[2]
    assert (event["path"], event["requestContext"]["path"]) == ("/items/1", "/Prod//items/1")
    assert ask(emulator, "/nothing")[0] == 404
    assert ask(emulator, "/Prod/nothing")[0] == 403
    assert ask(emulator, "/prod")[0] == 426


def test_a_page_of_another_origin_may_ask_an_http_api_and_none_of_awss_own(emulator: EmulatorThread) -> None:
    foreign = {"Origin": "https://evil.example"}

    assert ask(emulator, "/open", headers=foreign)[0] == 200
    path = "/2015-03-31/functions/answer/invocations"
    assert ask(emulator, path, method="POST", body=b"{}", headers=foreign)[0] == 404
    assert ask(emulator, "/open", {"Host": "evil.example"})[0] == 403


def test_cors_is_the_apis_own(emulator: EmulatorThread) -> None:
    shop = {"Origin": "https://shop.example"}

    status, headers, _ = ask(emulator, "/anything", {**shop, "Access-Control-Request-Method": "GET"}, method="OPTIONS")
    assert (status, headers["access-control-allow-methods"]) == (204, "GET")
    assert ask(emulator, "/open", headers=shop)[1]["access-control-allow-origin"] == "https://shop.example"


def test_an_integration_that_is_slow_is_not_waited_for(emulator: EmulatorThread) -> None:
    status, _, body = ask(emulator, "/slow?slow=1")

    assert (status, body) == (503, {"message": "Service Unavailable"})


STREAMING = {"Host": "streamurl1.lambda-url.localhost", "Origin": "https://shop.example"}


def test_a_function_url_sends_what_its_function_streams_when_it_writes_it(
    emulator: EmulatorThread, folder: Path
) -> None:
    connection = http.client.HTTPConnection(urlsplit(emulator.websocket_url).netloc, timeout=30)
    connection.request("GET", "/waits", headers=STREAMING)
    answer = connection.getresponse()
    first = answer.read(6)
    (folder / "go-on").touch()
    rest = answer.read()
    connection.close()

    assert (answer.status, first, rest) == (201, b"first ", b"second")
    assert (answer.getheader("set-cookie"), answer.getheader("access-control-allow-origin")) == ("a=1", "*")


@pytest.mark.parametrize("path", ["/fails", "/crashes"])
def test_a_function_url_cuts_off_what_its_function_does_not_finish(emulator: EmulatorThread, path: str) -> None:
    with pytest.raises(http.client.IncompleteRead):
        ask(emulator, path, STREAMING)

    assert ask(emulator, "/", STREAMING)[2] == b"first second"


def test_more_keys_than_api_gateway_reads_verify_nothing(issuer: str) -> None:
    large = f"{issuer}/large"

    with pytest.raises(TokenError, match="more than 150,000 bytes"):
        asyncio.run(Tokens("").claims(token(large), (large,)))


def token(issuer: str, key_id: str | None = "first", **claims: Any) -> str:
    said = {"iss": issuer, "aud": "shop", "scope": "read", "exp": time.time() + 3600, "user_id": "ann", **claims}
    key, algorithm = (CURVE, "ES256") if key_id == "curve" else (FIRST, "RS256")
    return jwt.encode(said, key, algorithm=algorithm, headers={} if key_id is None else {"kid": key_id})


def test_a_token_is_verified_by_the_keys_that_its_issuer_publishes(emulator: EmulatorThread, issuer: str) -> None:
    status, _, event = ask(emulator, "/token", {"Authorization": f"Bearer {token(issuer)}"})

    assert status == 200
    assert event["requestContext"]["authorizer"]["jwt"]["scopes"] == ["read"]
    assert event["requestContext"]["authorizer"]["jwt"]["claims"]["user_id"] == "ann"
    assert ask(emulator, "/token", {"Authorization": token(issuer)})[0] == 200
    assert ask(emulator, "/token", {"Authorization": token(issuer, scope="write")})[0] == 403


def test_of_several_issuers_the_one_that_a_token_names_has_to_have_signed_it(issuer: str) -> None:
    async def claimed(said: str) -> Mapping[str, Any]:
        return await Tokens("http://home").claims(said, ("http://127.0.0.1:1", issuer))

    assert asyncio.run(claimed(token(issuer)))["user_id"] == "ann"
    with pytest.raises(TokenError):
        asyncio.run(claimed(token("http://third", key_id="unknown")))


@pytest.mark.parametrize(
    ("made", "challenge"),
    [
        pytest.param(lambda _: None, "Bearer", id="no token"),
        pytest.param(
            lambda _: "Bearer nonsense",
            'Bearer scope="read" error="invalid_token" '
            'error_description="token contains an invalid number of segments"',
            id="no token's form",
        ),
        pytest.param(
            lambda issuer: token(issuer, aud="other"),
            'Bearer scope="read" error="invalid_token" error_description="the token does not have a valid audience"',
            id="for others",
        ),
        pytest.param(
            lambda issuer: token(issuer, exp=1),
            'Bearer scope="read" error="invalid_token" error_description="the token has expired"',
            id="expired",
        ),
        pytest.param(
            lambda issuer: token(issuer)[:-8] + "AAAAAAAA", 'Bearer scope="read" error="invalid_token"', id="forged"
        ),
        pytest.param(lambda issuer: token(issuer, None), 'Bearer scope="read" error="invalid_token"', id="of no key"),
        pytest.param(
            lambda issuer: token(issuer, "curve"), 'Bearer scope="read" error="invalid_token"', id="not of RSA"
        ),
    ],
)
def test_a_refused_token_is_told_why(
    emulator: EmulatorThread, issuer: str, made: Callable[[str], str | None], challenge: str
) -> None:
    said = made(issuer)

    status, headers, body = ask(emulator, "/token", {} if said is None else {"Authorization": said})

    assert (status, headers["www-authenticate"], body) == (401, challenge, {"message": "Unauthorized"})


def test_an_authorizers_answer_counts_as_long_as_it_says(emulator: EmulatorThread) -> None:
    calls = [ask(emulator, "/door", {"Key": "open"})[2]["requestContext"]["authorizer"]["lambda"] for _ in range(2)]

    assert calls[0] == calls[1]
    assert ask(emulator, "/door", {"Key": "shut"})[0] == 403
    assert ask(emulator, "/door")[0] == 401


def test_a_token_authorizer_of_a_rest_api(emulator: EmulatorThread) -> None:
    status, headers, event = ask(emulator, "/Prod/items/1", {"Auth": "abc"})

    assert status == 200
    told = event["requestContext"]["authorizer"]
    assert {k: v for k, v in told.items() if k != "integrationLatency"} == {"a": "1", "principalId": "TOKEN"}
    assert "x-amz-apigw-id" in headers
    assert ask(emulator, "/Prod/items/1", {"Auth": "fail"})[0] == 401
    assert ask(emulator, "/Prod/items/1", {"Auth": "123"})[0] == 401
    assert ask(emulator, "/Prod/items/1")[0] == 401
    assert ask(emulator, "/Prod/items/1", method="OPTIONS")[:3:2] == (200, {})


def test_a_mock_method_of_a_rest_api_answers_by_its_template(emulator: EmulatorThread) -> None:
    allowed = ask(emulator, "/Prod/cors", {"Origin": "https://shop.example"}, method="OPTIONS")
    other = ask(emulator, "/Prod/cors", {"Origin": "https://other.example"}, method="OPTIONS")

    assert (allowed[0], allowed[1]["a"]) == (204, "b")
    assert allowed[1]["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in other[1]
    assert ask(emulator, "/Prod/wrong")[::2] == (500, {"message": "Internal server error"})


def test_a_function_finds_the_url_of_another_by_awss_name(emulator: EmulatorThread) -> None:
    assert ask(emulator, "/neighbour")[2]["rawPath"] == "/from/a/function"


@pytest.mark.parametrize(("service", "status"), [("lambda", 200), ("execute-api", 403)])
def test_a_function_url_is_signed_for_lambda(emulator: EmulatorThread, service: str, status: int) -> None:
    host = "signedurl1.lambda-url.us-east-1.on.aws"
    request = AWSRequest("GET", f"https://{host}/a?b=c")
    SigV4Auth(Credentials(OWNER.access_key_id, OWNER.secret_access_key), service, "us-east-1").add_auth(request)

    assert ask(emulator, "/a?b=c", headers={"Host": host, **dict(request.headers.items())})[0] == status


def test_an_api_key_opens_a_method_that_wants_one(emulator: EmulatorThread) -> None:
    key = "a-key-of-at-least-20-characters"

    status, _, event = ask(emulator, "/Prod/keyed", {"X-Api-Key": key})

    assert status == 200
    assert event["requestContext"]["identity"]["apiKey"] == key
    assert len(event["requestContext"]["identity"]["apiKeyId"]) == 10
    assert ask(emulator, "/Prod/keyed")[0] == 403


def test_an_api_key_counts_where_the_api_looks_for_it_alone(emulator: EmulatorThread) -> None:
    key = {"X-Api-Key": "a-key-of-at-least-20-characters"}
    named = {"Auth": "key"}

    asked = [("/Prod/both", named), ("/Prod/both", {**named, **key}), ("/Named/both", named), ("/Named/keyed", key)]

    assert [ask(emulator, target, headers)[0] for target, headers in asked] == [403, 200, 200, 403]


def test_who_asks_too_often_is_refused(emulator: EmulatorThread) -> None:
    key = {"X-Api-Key": "another-key-of-20-characters"}

    seldom, keyed = (
        [ask(emulator, path, headers) for _ in range(2)]
        for path, headers in (("/Prod/seldom", None), ("/Prod/keyed", key))
    )

    assert [status for status, _, _ in (*seldom, *keyed)] == [200, 429, 200, 429]
    assert (seldom[1][1]["x-amzn-errortype"], seldom[1][2]) == (
        "TooManyRequestsException",
        {"message": "Too Many Requests"},
    )
    assert (keyed[1][1]["x-amzn-errortype"], keyed[1][2]) == ("LimitExceededException", {"message": "Limit Exceeded"})


@pytest.mark.parametrize("path", ["/signed", "/signed-1.0"])
def test_a_signed_request_says_who_signed_it(emulator: EmulatorThread, path: str) -> None:
    url = emulator.websocket_url.replace("ws:", "http:").replace("/prod", path)
    request = AWSRequest("POST", url, data=b"{}", headers={"Content-Type": "application/json"})
    keys = Credentials(OWNER.access_key_id, OWNER.secret_access_key, OWNER.session_token)
    SigV4Auth(keys, "execute-api", "us-east-1").add_auth(request)

    status, _, event = ask(emulator, path, method="POST", headers=dict(request.headers.items()), body=b"{}")

    assert status == 200
    context = event["requestContext"]
    signer = context["authorizer"]["iam"] if path == "/signed" else context["identity"]
    assert (signer["accountId"], signer["accessKey"]) == ("123456789012", OWNER.access_key_id)
    assert ask(emulator, path, method="POST", body=b"{}")[::2] == (403, {"message": "Forbidden"})
