"""Who calls, and whether its role allows it: the same statements that are deployed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from every_feature import every_feature
from hypothesis import given
from hypothesis import strategies as st

from deploy.stack import policy as deployed
from deploy.stack.settings import StackSettings
from emulator.iam.caller import Caller
from emulator.iam.guard import Guard, Mode
from emulator.iam.keys import KeyRing, Keys, Secrets, as_owner
from emulator.iam.needs import Need, of_api
from emulator.iam.policy import statement_of
from emulator.iam.texts import grant_lines
from emulator.iam.topology_roles import statements_of
from emulator.port.http import HttpRequest
from streamer.topology import Api, Function, Index, Key, Permission, Queue, Table, TableAccess, Topology
from streamer.topology.grants import Kind, Place, Resource
from streamer.topology.logical_ids import queue_id

PLACE = Place(partition="aws", region="eu-west-1", account_id="123456789012", apis={"chat": ("abc", "dev")})
TOPOLOGY = Topology(
    api=Api(name="chat", routes=()),
    functions=(
        Function(name="connect", handler="h.connect"),
        Function(
            name="say",
            handler="h.say",
            tables=(TableAccess(table="chat", actions=("GetItem", "Scan"), indexes=("by-user",)),),
            posts_to_connections=True,
            invokes=("connect",),
            sends_to=("jobs",),
        ),
    ),
    tables=(Table(name="chat", key=Key(partition="id"), indexes=(Index(name="by-user", key=Key(partition="user")),)),),
    queues=(Queue(name="jobs"),),
)


def keys_by_name(seed: bytes) -> dict[str, Keys]:
    ring = KeyRing(seed)
    return {name: ring[name] for name in ("connect", "say")}


KEYS = keys_by_name(b"s" * 32)


class World:
    def __init__(self, mode: Mode = "enforce", topology: Topology = TOPOLOGY) -> None:
        self.advice: list[str] = []
        self.guard = Guard(topology, PLACE, KEYS, mode=mode, advise=lambda _, line: self.advice.append(line))

    def caller(self, function: str) -> Caller:
        found = self.guard.caller(signed_by(KEYS[function].access_key_id))
        assert found is not None
        return found


def signed_by(access_key_id: str) -> HttpRequest:
    value = f"AWS4-HMAC-SHA256 Credential={access_key_id}/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host"
    return HttpRequest("POST", "/", (), b"", "", {"authorization": value})


def presigned_by(access_key_id: str) -> HttpRequest:
    return HttpRequest("GET", f"/?X-Amz-Credential={access_key_id}%2F20260101%2Feu-west-1", (), b"", "", {})


REPORT = Need("s3:GetObject", Resource(Kind.BUCKET, "reports", "x"))


@pytest.mark.parametrize(
    ("key", "value", "is_allowed"),
    [
        ("aws:SecureTransport", "true", True),
        ("aws:SecureTransport", "false", False),
        ("aws:ViaAWSService", "false", True),
        ("aws:PrincipalIsAWSService", "false", True),
        ("aws:RequestedRegion", "eu-west-1", True),
        ("aws:PrincipalAccount", "210987654321", False),
        ("aws:ResourceAccount", "123456789012", True),
        ("lambda:SourceFunctionArn", "arn:aws:lambda:eu-west-1:123456789012:function:say", True),
        ("aws:PrincipalType", "AssumedRole", True),
    ],
)
def test_a_condition_on_what_every_request_has_is_held_to(key: str, value: str, is_allowed: bool) -> None:
    world = World(topology=permitted({"StringEquals": {key: value}}))

    assert (world.caller("say").service([REPORT]) is None) is is_allowed


def test_a_condition_key_that_is_not_known_is_told() -> None:
    conditions = {"aws:SourceIp": "a", "aws:RequestedRegion": "eu-west-1", "S3:Prefix": "a", "aws:SourceArn": "a"}
    world = World(topology=permitted({"StringEquals": conditions}))

    assert world.advice == ["the condition key aws:SourceIp is not known here, so that no request has a value for it"]


def test_a_condition_sees_what_the_request_itself_has() -> None:
    caller = World(topology=permitted({"StringLike": {"s3:prefix": "mine/*"}})).caller("say")

    def of(prefix: str) -> str | None:
        return caller.service([REPORT._replace(about=(("s3:prefix", prefix),))])

    assert of("mine/a") is None
    assert of("others/a") is not None
    assert caller.service([REPORT]) is not None


def test_a_condition_sees_what_time_it_is_at_each_request() -> None:
    now = [1_767_225_599.0]  # a second before 2026
    topology = permitted(
        {"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}, "Null": {"aws:EpochTime": "false"}}
    )
    guard = Guard(topology, PLACE, KEYS, mode="enforce", advise=lambda *_: None, clock=lambda: now[0])
    caller = guard.caller(signed_by(KEYS["say"].access_key_id))
    assert caller is not None
    assert (caller.service([REPORT]), caller.connections("POST", "chat")) == (None, None)

    now[0] += 1

    assert "because no identity-based policy allows" in str(caller.service([REPORT]))


def test_what_a_request_has_besides_is_no_part_of_what_is_recorded() -> None:
    world = World("record")
    for prefix in "ab":
        need = Need("s3:ListBucket", Resource(Kind.ARN, "arn:aws:s3:::b"), (("s3:prefix", prefix),))
        assert world.caller("say").service([need]) is None

    assert (world.guard.recorded() or "").count("s3:ListBucket") == 1


CHANGED = {"Permission": Permission, "TableAccess": TableAccess}


@pytest.mark.parametrize(
    "need",
    [
        Need("dynamodb:PutItem", Resource(Kind.TABLE, "chat")),
        Need("dynamodb:Query", Resource(Kind.INDEX, "chat", "by-user")),
        Need("dynamodb:Scan", Resource(Kind.INDEX, "chat", "by-user")),
        Need("dynamodb:PartiQLSelect", Resource(Kind.INDEX, "chat", "by-user")),
        Need("dynamodb:GetRecords", Resource(Kind.STREAM, "chat", "2026-01-01T00:00:00.000")),
        Need("sqs:SendMessage", Resource(Kind.QUEUE, "jobs")),
        Need("sqs:ReceiveMessage", Resource(Kind.QUEUE, "jobs")),
        Need("lambda:InvokeFunction", Resource(Kind.FUNCTION, "say")),
        Need("lambda:InvokeFunction", Resource(Kind.FUNCTION, "say", "live")),
        Need("lambda:InvokeFunctionUrl", Resource(Kind.FUNCTION, "say")),
        Need("execute-api:ManageConnections", Resource(Kind.CONNECTIONS, "POST", "chat")),
        Need("execute-api:ManageConnections", Resource(Kind.CONNECTIONS, "DELETE", "chat")),
        Need("s3:ListAllMyBuckets", Resource(Kind.ANYTHING)),
        Need("ssm:GetParameter", Resource(Kind.ARN, "arn:${AWS::Partition}:ssm:${AWS::Region}:1:parameter/a")),
        of_api("abc/dev/GET/pets"),
    ],
    ids=lambda need: f"{need.action}-{need.resource.kind.name}",
)
def test_what_the_log_says_to_add_allows_it(need: Need) -> None:
    world = World()
    assert world.caller("connect").service([need]) is not None
    field = world.advice[0].partition("; add ")[2].partition(" to it")[0]
    if field.startswith("Permission"):
        field = f"permissions=({field},)"
    elif field.startswith("TableAccess"):
        field = f"tables=({field},)"
    changed = eval(f"dict({field})", CHANGED)  # a line of ours, as it is pasted
    connect, say = TOPOLOGY.functions

    after = World(topology=replace(TOPOLOGY, functions=(replace(connect, **changed), say)))

    assert after.caller("connect").service([need]) is None


def test_what_no_other_field_allows_is_recorded_as_a_permission_of_any_stack() -> None:
    world = World("record")
    stream = Need("dynamodb:GetRecords", Resource(Kind.STREAM, "chat", "2026-01-01T00:00:00.000"))
    needs = [stream, Need("dynamodb:GetItem", Resource(Kind.TABLE, "chat"))]

    assert world.caller("say").service(needs) is None

    where = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/*chat/stream/*"
    said = f'    Permission(actions=["dynamodb:GetRecords"], resources=["{where}"]),'
    assert (world.guard.recorded() or "").splitlines().count(said) == 1


@pytest.mark.parametrize(
    ("folder", "is_allowed"), [("${aws:PrincipalAccount}", True), ("${aws:PrincipalType}", False), ("x", False)]
)
def test_a_variable_has_the_value_that_every_request_has(folder: str, is_allowed: bool) -> None:
    world = World(topology=permitted({}, f"arn:aws:s3:::reports/{folder}/*"))
    need = Need("s3:GetObject", Resource(Kind.BUCKET, "reports", "123456789012/x"))

    assert (world.caller("say").service([need]) is None) is is_allowed


def test_values_of_conditions_may_say_where_it_runs() -> None:
    here = {
        "StringEquals": {"aws:PrincipalAccount": "${AWS::AccountId}", "aws:RequestedRegion": ["x", "${AWS::Region}"]}
    }

    assert World(topology=permitted(here)).caller("say").service([REPORT]) is None


def test_variables_without_a_value_are_told() -> None:
    world = World(topology=permitted({}, "arn:aws:s3:::reports/${aws:username}/*"))

    assert world.caller("say").service([Need("s3:GetObject", Resource(Kind.BUCKET, "reports", "x/x"))]) is not None
    assert world.advice[0] == (
        "the policy variable aws:username has no value here, so that a statement with it never applies"
    )


def permitted(conditions: Any, resource: str = "arn:aws:s3:::reports/*") -> Topology:
    permission = Permission(actions=["s3:GetObject"], resources=[resource], conditions=conditions)
    connect, say = TOPOLOGY.functions
    return replace(TOPOLOGY, functions=(connect, replace(say, permissions=(permission,))))


@pytest.mark.parametrize("sign", [signed_by, presigned_by])
def test_a_function_is_known_by_its_access_key(sign: Any) -> None:
    caller = World().guard.caller(sign(KEYS["say"].access_key_id))

    assert caller is not None
    assert caller.function == "say"


def test_each_of_several_callers_in_turns_is_told_by_its_own_name() -> None:
    guard = World().guard
    requests = [sign(KEYS[name].access_key_id) for name in ("say", "connect") for sign in (signed_by, presigned_by)]

    told = [(guard.caller(each), guard.function(each)) for each in [*requests, signed_by("AKIAOTHER"), *requests]]

    assert [name for _, name in told] == [*2 * ["say"], *2 * ["connect"], None, *2 * ["say"], *2 * ["connect"]]
    assert all((caller and caller.function) == name for caller, name in told)


def test_a_function_that_signs_as_the_owner_may_do_everything_and_is_known_by_its_session_token() -> None:
    owner = Keys(access_key_id="AKIAOWNER", secret_access_key="o", session_token="local")
    keys = as_owner(owner, "say")
    fields = {**signed_by(keys.access_key_id).fields, "x-amz-security-token": keys.session_token}
    guard = Guard(TOPOLOGY, PLACE, {}, mode="off", advise=lambda *_: None)

    request = HttpRequest("POST", "/", (), b"", "", fields)

    assert (guard.caller(request), guard.function(request)) == (None, "say")
    assert guard.function(HttpRequest("POST", "/", (), b"", "", {"x-amz-security-token": "local"})) is None
    assert (keys.access_key_id, keys.secret_access_key) == (owner.access_key_id, owner.secret_access_key)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(signed_by("AKIAIOSFODNN7EXAMPLE"), id="the emulator's own"),
        pytest.param(presigned_by("AKIASOMEBODY"), id="a key that only AWS knows"),
        pytest.param(HttpRequest("GET", "/", (), b"", "", {"authorization": "Bearer x"}), id="another scheme"),
        pytest.param(HttpRequest("GET", "/", (), b"", ""), id="no signature"),
    ],
)
def test_everybody_else_is_the_owner(request_: HttpRequest) -> None:
    assert World().guard.caller(request_) is None


def test_when_it_is_off_everybody_is_the_owner() -> None:
    guard = Guard(TOPOLOGY, PLACE, {}, mode="off", advise=lambda *_: None)

    assert guard.caller(signed_by(KEYS["say"].access_key_id)) is None


@pytest.mark.parametrize(
    ("ask", "is_allowed"),
    [
        (lambda say: say.dynamodb("GetItem", {"TableName": "chat"}), True),
        (lambda say: say.dynamodb("PutItem", {"TableName": "chat"}), False),
        (lambda say: say.dynamodb("GetItem", {"TableName": "other"}), False),
        (lambda say: say.dynamodb("Query", {"TableName": "chat", "IndexName": "by-user"}), True),
        (lambda say: say.dynamodb("Query", {"TableName": "chat", "IndexName": "by-day"}), False),
        (lambda say: say.dynamodb("Query", {"TableName": "chat"}), False),
        (lambda say: say.dynamodb("ExecuteStatement", {"Statement": "SELECT * FROM chat"}), False),
        (lambda say: say.dynamodb("BatchGetItem", {"RequestItems": {"chat": {}}}), False),
        (lambda say: say.dynamodb("TransactGetItems", {"TransactItems": [{"Get": {"TableName": "chat"}}]}), True),
        (lambda say: say.dynamodb("ListTables", {}), False),
        (lambda say: say.connections("POST", "chat"), True),
        (lambda say: say.connections("GET", "chat"), True),
        (lambda say: say.connections("DELETE", "chat"), False),
        (lambda say: say.invoke("connect", None), True),
        (lambda say: say.invoke("connect", "live"), False),
        (lambda say: say.invoke("say", None), False),
        (lambda say: say.sqs("SendMessage", {"QueueUrl": "http://x/1/jobs"}), True),
        (lambda say: say.sqs("ReceiveMessage", {"QueueUrl": "http://x/1/jobs"}), False),
    ],
)
def test_what_the_topology_grants_is_allowed_and_nothing_else(ask: Any, is_allowed: bool) -> None:
    world = World()

    assert (ask(world.caller("say")) is None) is is_allowed
    assert ask(world.caller("connect")) is not None


WHO = "User: arn:aws:sts::123456789012:assumed-role/connect-role/connect is not authorized to perform: "


@pytest.mark.parametrize(
    ("ask", "message", "advice"),
    [
        pytest.param(
            lambda connect: connect.dynamodb("PutItem", {"TableName": "chat"}),
            "dynamodb:PutItem on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/chat "
            "because no identity-based policy allows the dynamodb:PutItem action",
            'dynamodb:PutItem on chat; add TableAccess(table="chat", actions=("PutItem",)) to it',
            id="table",
        ),
        pytest.param(
            lambda connect: connect.dynamodb("Query", {"TableName": "chat", "IndexName": "by-user"}),
            "dynamodb:Query on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/chat/index/by-user "
            "because no identity-based policy allows the dynamodb:Query action",
            "dynamodb:Query on index by-user of chat; "
            'add TableAccess(table="chat", actions=(), indexes=("by-user",)) to it',
            id="index",
        ),
        pytest.param(
            lambda connect: connect.dynamodb("PutItem", {"TableName": "caht"}),
            "dynamodb:PutItem on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/caht "
            "because no identity-based policy allows the dynamodb:PutItem action",
            "dynamodb:PutItem on caht; the topology has no table caht",
            id="no such table",
        ),
        pytest.param(
            lambda connect: connect.connections("POST", "chat"),
            "execute-api:ManageConnections on resource: "
            "arn:aws:execute-api:eu-west-1:********9012:abc/dev/POST/@connections/{connectionId} "
            "because no identity-based policy allows the execute-api:ManageConnections action",
            "execute-api:ManageConnections on @connections (POST); add posts_to_connections=True to it",
            id="connections",
        ),
        pytest.param(
            lambda connect: connect.connections("DELETE", "chat"),
            "execute-api:ManageConnections on resource: "
            "arn:aws:execute-api:eu-west-1:********9012:abc/dev/DELETE/@connections/{connectionId} "
            "because no identity-based policy allows the execute-api:ManageConnections action",
            "execute-api:ManageConnections on @connections (DELETE); add Permission("
            'actions=["execute-api:ManageConnections"], resources=["arn:${AWS::Partition}:execute-api:${AWS::Region}:'
            '${AWS::AccountId}:*/*/DELETE/@connections/*"]) to its permissions',
            id="closing connections",
        ),
        pytest.param(
            lambda connect: connect.invoke("say", None),
            "lambda:InvokeFunction on resource: arn:aws:lambda:eu-west-1:123456789012:function:say "
            "because no identity-based policy allows the lambda:InvokeFunction action",
            'lambda:InvokeFunction on function say; add invokes=("say",) to it',
            id="function",
        ),
        pytest.param(
            lambda connect: connect.sqs("SendMessage", {"QueueUrl": "http://x/123456789012/jobs"}),
            "sqs:sendmessage on resource: arn:aws:sqs:eu-west-1:123456789012:jobs "
            "because no identity-based policy allows the sqs:sendmessage action",
            'sqs:SendMessage on queue jobs; add sends_to=("jobs",) to it',
            id="queue",
        ),
    ],
)
def test_a_refusal_is_in_awss_words_and_the_log_says_what_would_allow_it(ask: Any, message: str, advice: str) -> None:
    world = World()

    assert ask(world.caller("connect")) == WHO + message
    assert world.advice == [f"function connect may not {advice}"]


@pytest.mark.parametrize(
    "need",
    [
        pytest.param(Need("s3:GetObject", Resource(Kind.ARN, "arn:aws:s3:::reports/x")), id="something else of AWS"),
        pytest.param(Need("s3:ListAllMyBuckets", Resource(Kind.ANYTHING)), id="no resource"),
        pytest.param(
            Need("execute-api:ManageConnections", Resource(Kind.CONNECTIONS, "DELETE", "chat")),
            id="closing connections",
        ),
    ],
)
def test_what_is_advised_for_all_else_allows_it(need: Need) -> None:
    world = World()
    assert world.guard.refusal("connect", [need]) is not None

    _, _, advised = world.advice[0].partition("; add ")
    permission = eval(advised.removesuffix(" to its permissions"), {"Permission": Permission})
    connect = replace(TOPOLOGY.functions[0], permissions=(permission,))
    allowed = World(topology=replace(TOPOLOGY, functions=(connect, *TOPOLOGY.functions[1:])))

    assert allowed.guard.refusal("connect", [need]) is None


def test_an_app_is_told_where_it_says_what_its_functions_may_do() -> None:
    connect = replace(TOPOLOGY.functions[0], handler="streamer.handlers.connect.handler")
    world = World(topology=replace(TOPOLOGY, functions=(connect, *TOPOLOGY.functions[1:])))

    assert world.caller("connect").dynamodb("PutItem", {"TableName": "chat"}) is not None

    assert world.advice == [
        "function connect may not dynamodb:PutItem on chat; "
        "App(access=) says what its actions may do with the App's own"
    ]


def test_whoever_posts_to_connections_posts_to_those_of_every_api() -> None:
    topology = replace(TOPOLOGY, more_apis=(Api(name="admin", routes=(), stage="prod"),))
    place = replace(PLACE, apis={**PLACE.apis, "admin": ("xyz", "prod")})
    guard = Guard(topology, place, KEYS, mode="enforce", advise=lambda *_: None)

    connect, say = (guard.caller(signed_by(KEYS[name].access_key_id)) for name in ("connect", "say"))

    assert say is not None
    assert connect is not None
    assert say.connections("POST", "admin") is None
    assert ":xyz/prod/POST/@connections/{connectionId}" in str(connect.connections("POST", "admin"))


def test_of_a_transaction_the_first_refusal_counts() -> None:
    world = World()
    entries = [{"ConditionCheck": {"TableName": "chat"}}, {"Put": {"TableName": "chat"}}]

    message = world.caller("say").dynamodb("TransactWriteItems", {"TransactItems": entries})

    assert message is not None
    assert "dynamodb:ConditionCheckItem" in message
    assert len(world.advice) == 1


def test_recording_allows_everything_and_tells_the_smallest_grants() -> None:
    world = World("record")
    connect, say = world.caller("connect"), world.caller("say")

    assert connect.dynamodb("PutItem", {"TableName": "chat"}) is None
    assert connect.dynamodb("PutItem", {"TableName": "chat"}) is None
    for operation, index in (("GetItem", {}), ("Query", {"IndexName": "by-user"}), ("DeleteItem", {})):
        assert say.dynamodb(operation, {"TableName": "chat", **index}) is None
    assert say.connections("POST", "chat") is None
    assert say.connections("DELETE", "chat") is None
    assert say.invoke("connect", None) is None
    assert say.sqs("SendMessageBatch", {"QueueUrl": "http://x/1/jobs"}) is None
    assert (world.guard.recorded() or "").splitlines() == [
        "# the grants that this run needed",
        "# connect",
        "tables=(",
        '    TableAccess(table="chat", actions=("PutItem",)),',
        "),",
        "# say",
        "tables=(",
        '    TableAccess(table="chat", actions=("DeleteItem", "GetItem"), indexes=("by-user",)),',
        "),",
        "posts_to_connections=True,",
        'invokes=("connect",),',
        'sends_to=("jobs",),',
        "permissions=(",
        '    Permission(actions=["execute-api:ManageConnections"], resources=["arn:${AWS::Partition}:execute-api:'
        '${AWS::Region}:${AWS::AccountId}:*/*/DELETE/@connections/*"]),',
        "),",
    ]


def test_only_a_recording_has_something_to_tell() -> None:
    assert World("record").guard.recorded() == (
        "no function called DynamoDB, @connections, Lambda or SQS: none needs a grant"
    )
    assert World("enforce").guard.recorded() is None


NEEDS = st.one_of(
    st.builds(
        lambda action: Need(f"dynamodb:{action}", Resource(Kind.TABLE, "chat")),
        st.sampled_from(["GetItem", "PutItem", "PartiQLSelect", "DescribeTable"]),
    ),
    st.just(Need("dynamodb:Query", Resource(Kind.INDEX, "chat", "by-user"))),
    st.builds(
        lambda method: Need("execute-api:ManageConnections", Resource(Kind.CONNECTIONS, method, "chat")),
        st.sampled_from(["GET", "POST"]),
    ),
    st.just(Need("lambda:InvokeFunction", Resource(Kind.FUNCTION, "connect"))),
    st.just(Need("sqs:SendMessage", Resource(Kind.QUEUE, "jobs"))),
)


@given(st.sets(NEEDS), NEEDS)
def test_what_a_recording_says_allows_what_was_recorded_and_no_more(needs: set[Need], other: Need) -> None:
    tables, fields = [], {}
    for line in grant_lines(needs):
        if line.startswith("TableAccess("):
            tables.append(eval(line))
        else:
            name, _, value = line.partition("=")
            fields[name] = eval(value)
    say = Function(name="say", handler="h.say", tables=tuple(tables), **fields)
    topology = Topology(api=TOPOLOGY.api, functions=(TOPOLOGY.functions[0], say))
    guard = World(topology=topology).guard

    assert all(guard.refusal("say", [need]) is None for need in needs)
    is_connection = other.resource.kind is Kind.CONNECTIONS  # granted for both methods at once
    if other not in needs and not (is_connection and "posts_to_connections" in fields):
        assert guard.refusal("say", [other]) is not None


AWS_ONLY = {"logs:PutLogEvents", "xray:PutTraceSegments", "secretsmanager:GetSecretValue"}


@pytest.mark.parametrize("name", ["answer", "authorize"])
def test_the_statements_are_those_of_the_deployed_role(name: str) -> None:
    topology = every_feature()
    function = topology.function(name)
    settings = StackSettings(stack_name="shop-prod", tracing=True)
    place = Place(
        partition="aws",
        region="eu-west-1",
        account_id="123456789012",
        apis={"shop": ("abc", "prod")},
        function_prefix="shop-prod-",
    )

    on_aws = [
        statement_of({**statement, "Resource": [placed(resource) for resource in statement["Resource"]]})
        for statement in deployed.statements(topology, settings, function)
        if not AWS_ONLY & set(statement["Action"])
    ]

    assert on_aws == list(statements_of(topology, function, place))


def placed(resource: Any) -> str:
    """What CloudFormation makes of a resource of a policy."""
    table = "arn:aws:dynamodb:eu-west-1:123456789012:table/shop_orders"
    attributes = {
        "OrdersTable.Arn": table,
        "OrdersTable.StreamArn": f"{table}/stream/*",
        "GivenUpQueue.Arn": "arn:aws:sqs:eu-west-1:123456789012:given-up",
        "PicturesBucket.Arn": "arn:aws:s3:::pictures",
        f"{queue_id('jobs.fifo')}.Arn": "arn:aws:sqs:eu-west-1:123456789012:jobs.fifo",
        "JobsQueue.Arn": "arn:aws:sqs:eu-west-1:123456789012:jobs",
        "AWS::Partition": "aws",
        "AWS::Region": "eu-west-1",
        "AWS::AccountId": "123456789012",
        "AWS::StackName": "shop-prod",
        "Api": "abc",
    }
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        return attributes[".".join(resource["Fn::GetAtt"])]
    text = str(resource["Fn::Sub"])
    for name, value in attributes.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def test_keys_differ_between_functions_and_runs_and_are_not_shown() -> None:
    again = keys_by_name(b"t" * 32)
    everything = [text for keys in (*KEYS.values(), *again.values()) for text in parts(keys)]

    assert len(set(everything)) == 12
    assert all(len(keys.access_key_id) == 20 and keys.access_key_id.startswith("ASIA") for keys in KEYS.values())
    assert all(len(keys.secret_access_key) == 40 for keys in KEYS.values())
    assert repr(KEYS["say"]) == f"Keys({KEYS['say'].access_key_id})"


def parts(keys: Keys) -> tuple[str, str, str]:
    return keys.access_key_id, keys.secret_access_key, keys.session_token


@pytest.mark.parametrize("mode", ["enforce", "record"])
def test_each_post_is_told_to_whoever_wants_every_call(mode: Mode) -> None:
    told: list[tuple[str, str, bool]] = []
    guard = Guard(
        TOPOLOGY,
        PLACE,
        KEYS,
        mode=mode,
        advise=lambda *_: None,
        note=lambda function, need, is_allowed: told.append((function, need.resource.name, is_allowed)),
    )
    for name in ("say", "connect"):
        caller = guard.caller(signed_by(KEYS[name].access_key_id))
        assert caller is not None
        for _ in range(2):
            assert (caller.connections("POST", "chat") is None) is (name == "say" or mode == "record")

    assert told == [("say", "POST", True)] * 2 + [("connect", "POST", False)] * 2


def test_a_post_that_is_refused_is_advised_upon_each_time_and_one_that_is_allowed_never() -> None:
    world = World()
    for _ in range(2):
        assert world.caller("connect").connections("POST", "chat") is not None
        assert world.caller("say").connections("POST", "chat") is None
        assert world.caller("say").connections("DELETE", "chat") is not None

    assert len(world.advice) == 4


def test_a_function_that_comes_is_guarded_and_known_by_a_key_of_its_own() -> None:
    keys = KeyRing(b"s" * 32)
    owner = Keys(access_key_id="AKIA", secret_access_key="o", session_token="")
    secrets = Secrets(owner, keys)
    guard = Guard(TOPOLOGY, PLACE, keys, mode="enforce", advise=lambda *_: None)
    assert len(secrets) == 3

    newcomer = Function(name="newcomer", handler="h.newcomer")
    guard.change(replace(TOPOLOGY, functions=(*TOPOLOGY.functions, newcomer)), PLACE, None)

    key_id = keys["newcomer"].access_key_id
    assert guard.function(signed_by(key_id)) == "newcomer"
    assert guard.refusal("newcomer", [REPORT]) is not None
    assert (secrets[key_id], secrets["AKIA"]) == (keys["newcomer"].secret_access_key, "o")
    assert guard.caller_with("AKIA") is None
