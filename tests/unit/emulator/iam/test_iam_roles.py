"""Roles that a template gives: who is held to them, and what would allow what is refused."""

from __future__ import annotations

import pytest
import yaml
from msgspec import structs

from emulator.iam.guard import Guard, Mode
from emulator.iam.keys import KeyRing
from emulator.iam.managed import managed
from emulator.iam.needs import Need, of_api
from emulator.iam.policy import Statement, statement_of
from emulator.iam.roles import Boundary, Role, Roles, recorded_statements
from emulator.services.needs import of_operation
from streamer.topology import Api, Function, Topology
from streamer.topology.grants import ANYTHING, Kind, Place, Resource

PLACE = Place(partition="aws", region="eu-west-1", account_id="123456789012", apis={"chat": ("abc", "dev")})
TOPOLOGY = Topology(
    api=Api(name="chat", routes=()),
    functions=(Function(name="say", handler="h.say"), Function(name="other", handler="h.other")),
)
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-Notes"
GET = Need("dynamodb:GetItem", Resource(Kind.TABLE, "shop-Notes"))
PUT = Need("dynamodb:PutItem", Resource(Kind.TABLE, "shop-Notes"))
OF_INDEX = Need("dynamodb:Query", Resource(Kind.INDEX, "shop-Notes", "by-day"))
POST = Need("execute-api:ManageConnections", Resource(Kind.CONNECTIONS, "POST", "chat"))
WRITTEN = {
    TABLE: "${Notes.Arn}",
    "arn:aws:execute-api:eu-west-1:123456789012:abc": "arn:${AWS::Partition}:execute-api:x:${Api}",
    "arn:aws:sns:eu-west-1:123456789012:news": "${News}",
}


def allows(*actions: str, on: str = TABLE) -> Statement:
    return Statement(actions=actions, resources=(on,))


class World:
    def __init__(self, *statements: Statement, mode: Mode = "enforce") -> None:
        self.advice: list[str] = []
        self.guard = Guard(
            TOPOLOGY,
            PLACE,
            KeyRing(b"s" * 32),
            mode=mode,
            advise=lambda _, line: self.advice.append(line),
            roles=roles(*statements),
        )


def roles(*statements: Statement) -> Roles:
    return Roles(of={"say": Role(name="shop-SayRole", statements=statements)}, written=WRITTEN)


def test_a_function_may_do_what_its_role_allows_and_is_refused_in_the_roles_name() -> None:
    guard = World(allows("dynamodb:Get*")).guard

    assert guard.refusal("say", [GET]) is None
    refused = guard.refusal("say", [PUT])
    assert refused is not None
    assert refused.startswith("User: arn:aws:sts::123456789012:assumed-role/shop-SayRole/say is not authorized")


@pytest.mark.parametrize(
    ("need", "named"),
    [
        (
            Need("sns:Publish", Resource(Kind.ARN, "arn:aws:sns:eu-west-1:123456789012:news")),
            "SNS:Publish on resource: arn:aws:sns:eu-west-1:123456789012:news because no identity-based policy allows "
            "the SNS:Publish action",
        ),
        (
            Need("sns:ListTopics", ANYTHING),
            "SNS:ListTopics on resource: arn:aws:sns:eu-west-1:123456789012:* because no identity-based policy allows "
            "the SNS:ListTopics action",
        ),
        (
            Need("s3:GetObject", Resource(Kind.ARN, "arn:aws:s3:::files/a")),
            's3:GetObject on resource: "arn:aws:s3:::files/a" because no identity-based policy allows the s3:GetObject '
            "action",
        ),
        (
            next(of_operation("secretsmanager", "GetSecretValue", {"SecretId": "db/key"})),
            "secretsmanager:GetSecretValue on resource: db/key because no identity-based policy allows the "
            "secretsmanager:GetSecretValue action",
        ),
        (
            Need("secretsmanager:ListSecrets", ANYTHING),
            "secretsmanager:ListSecrets because no identity-based policy allows the secretsmanager:ListSecrets action",
        ),
        (
            Need("sqs:SendMessage", Resource(Kind.QUEUE, "jobs")),
            "sqs:sendmessage on resource: arn:aws:sqs:eu-west-1:123456789012:jobs because no identity-based policy "
            "allows the sqs:sendmessage action",
        ),
        (
            of_api("abc/dev/GET/a"),
            "execute-api:Invoke on resource: arn:aws:execute-api:eu-west-1:********9012:abc/dev/GET/a because no "
            "identity-based policy allows the execute-api:Invoke action",
        ),
    ],
)
def test_a_refusal_writes_actions_and_accounts_as_the_service_does(need: Need, named: str) -> None:
    refused = World().guard.refusal("say", [need]) or ""

    assert refused.partition("is not authorized to perform: ")[2] == named


@pytest.mark.parametrize(
    ("resource", "is_allowed"),
    [
        ("abc/dev/POST/@connections/*", True),
        ("abc/*", True),
        ("*/dev/POST/@connections/*", True),
        ("abc/dev/*/@connections/*", True),
        ("*", True),
        ("abc/dev/GET/@connections/*", False),
        ("abc/prod/POST/@connections/*", False),
        ("other/*", False),
        ("abc/dev/POST/@connections", False),
        ("abc", False),
    ],
)
def test_connections_are_named_by_api_stage_and_method(resource: str, is_allowed: bool) -> None:
    """[DOC] apigw-docs:apigateway-websocket-control-access-iam"""
    on = f"arn:aws:execute-api:eu-west-1:123456789012:{resource}"

    assert (World(allows("execute-api:ManageConnections", on=on)).guard.refusal("say", [POST]) is None) is is_allowed
    assert World(allows("execute-api:Invoke", on="*")).guard.refusal("say", [POST]) is not None


def test_a_role_is_known_to_conditions_by_its_path() -> None:
    named = {"ArnLike": {"aws:PrincipalArn": ("arn:aws:iam::123456789012:role/app/*",)}}
    statement = Statement(actions=("dynamodb:*",), resources=("*",), conditions=named)
    guard = World().guard

    for path, is_allowed in (("/app/", True), ("/", False)):
        guard.change(TOPOLOGY, PLACE, Roles(of={"say": Role(name="SayRole", path=path, statements=(statement,))}))
        assert (guard.refusal("say", [GET]) is None) is is_allowed


def test_a_function_whose_role_nobody_knows_may_do_everything() -> None:
    world = World()

    assert world.guard.refusal("other", [PUT, POST]) is None
    assert world.advice == []


def test_what_a_role_becomes_holds_from_then_on_for_what_was_allowed_too() -> None:
    guard = World(allows("execute-api:*", on="*"), allows("dynamodb:GetItem")).guard
    caller = next(iter(guard._callers.values()))
    assert caller.function == "say"
    assert caller.connections("POST", "chat") is None
    assert guard.refusal("say", [GET]) is None

    guard.change(TOPOLOGY, PLACE, roles(allows("dynamodb:PutItem")))

    assert caller.connections("POST", "chat") is not None
    assert guard.refusal("say", [GET]) is not None
    assert guard.refusal("say", [PUT]) is None


@pytest.mark.parametrize(
    ("need", "resource", "add"),
    [
        pytest.param(PUT, "Notes", "!GetAtt Notes.Arn", id="a resource"),
        pytest.param(OF_INDEX, "index by-day of shop-Notes", '!Sub "${Notes.Arn}/index/by-day"', id="a part of one"),
        pytest.param(
            POST,
            "@connections (POST)",
            '!Sub "arn:${AWS::Partition}:execute-api:x:${Api}/dev/POST/@connections/*"',
            id="connections",
        ),
        pytest.param(
            Need("sns:Publish", Resource(Kind.ARN, "arn:aws:sns:eu-west-1:123456789012:news")),
            "News",
            "!Ref News",
            id="whose Ref is its ARN",
        ),
        pytest.param(
            Need("sns:Publish", Resource(Kind.ARN, "arn:aws:sns:eu-west-1:123456789012:newsroom")),
            "arn:aws:sns:eu-west-1:123456789012:newsroom",
            '!Sub "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:newsroom"',
            id="nothing of the template",
        ),
        pytest.param(
            Need("iam:PassRole", Resource(Kind.ARN, "arn:aws:iam::123456789012:role/x")),
            "arn:aws:iam::123456789012:role/x",
            '!Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/x"',
            id="of no Region",
        ),
        pytest.param(
            Need("sns:Publish", Resource(Kind.ARN, "arn:aws:sns:eu-west-1:210987654321:x")),
            "arn:aws:sns:eu-west-1:210987654321:x",
            "arn:aws:sns:eu-west-1:210987654321:x",
            id="of another account",
        ),
        pytest.param(
            Need("s3:GetObject", Resource(Kind.ARN, "arn:aws:s3:::files/a")),
            "arn:aws:s3:::files/a",
            "arn:aws:s3:::files/a",
            id="of no account",
        ),
        pytest.param(Need("dynamodb:ListTables", ANYTHING), "*", '"*"', id="no resource"),
        pytest.param(
            of_api("abc/dev/GET/a"),
            "arn:aws:execute-api:eu-west-1:123456789012:abc/dev/GET/a",
            '!Sub "arn:${AWS::Partition}:execute-api:x:${Api}/dev/GET/a"',
            id="an API",
        ),
        pytest.param(
            Need("ssm:GetParameter", Resource(Kind.ARN, "arn:${AWS::Partition}:ssm:${AWS::Region}:1:parameter/a")),
            "arn:aws:ssm:eu-west-1:1:parameter/a",
            "arn:aws:ssm:eu-west-1:1:parameter/a",
            id="somewhere here",
        ),
    ],
)
def test_advice_is_a_statement_as_the_template_would_have_it(need: Need, resource: str, add: str) -> None:
    world = World()

    world.guard.refusal("say", [need])

    assert world.advice == [
        f"function say may not {need.action} on {resource}: no statement of its role shop-SayRole allows it; "
        f"add {{Effect: Allow, Action: {need.action}, Resource: {add}}}"
    ]


def test_of_two_names_the_closer_one_is_advised() -> None:
    function = "arn:aws:lambda:eu-west-1:123456789012:function:say"
    world = World()
    written = {function: "${Say.Arn}", f"{function}:live": "${Live}"}
    world.guard.change(TOPOLOGY, PLACE, structs.replace(roles(), written=written))

    for alias in ("live", "other"):
        world.guard.refusal("say", [Need("lambda:InvokeFunction", Resource(Kind.FUNCTION, "say", alias))])

    added = [line.partition("Resource: ")[2] for line in world.advice]
    assert added == ["!Ref Live}", '!Sub "${Say.Arn}:other"}']


def test_what_a_statement_denies_is_told_as_denied() -> None:
    world = World(allows("dynamodb:*"), Statement(is_allow=False, actions=("dynamodb:PutItem",), resources=("*",)))

    refused = world.guard.refusal("say", [PUT])

    assert refused is not None
    assert refused.endswith("with an explicit deny in an identity-based policy")
    assert world.advice == [
        "function say may not dynamodb:PutItem on Notes: a statement of its role shop-SayRole denies it"
    ]


DENIES = Statement(is_allow=False, actions=("dynamodb:PutItem",), resources=("*",))
IN_EUROPE = {"StringEquals": {"aws:RequestedRegion": ("eu-north-1",)}}


@pytest.mark.parametrize(
    ("within", "ends", "advice"),
    [
        pytest.param(
            [allows("dynamodb:Get*")],
            "because no permissions boundary allows the dynamodb:PutItem action",
            "no statement of bounds, the permissions boundary of its role shop-SayRole, allows it; "
            "add {Effect: Allow, Action: dynamodb:PutItem, Resource: !GetAtt Notes.Arn}",
            id="does not allow",
        ),
        pytest.param(
            [allows("dynamodb:*"), DENIES],
            "with an explicit deny in a permissions boundary",
            "a statement of bounds, the permissions boundary of its role shop-SayRole denies it",
            id="denies",
        ),
        pytest.param(
            [structs.replace(allows("dynamodb:*"), conditions=IN_EUROPE)],
            "because no permissions boundary allows the dynamodb:PutItem action",
            "a statement allows it, but its condition "
            'StringEquals {aws:RequestedRegion: ["eu-north-1"]} is not met by ["eu-west-1"]',
            id="allows it elsewhere",
        ),
    ],
)
def test_what_is_beyond_a_permissions_boundary_is_refused_in_awss_words(
    within: list[Statement], ends: str, advice: str
) -> None:
    world = World(allows("dynamodb:*"))
    role = structs.replace(
        roles(allows("dynamodb:*")).of["say"], boundary=Boundary(name="bounds", statements=tuple(within))
    )
    world.guard.change(TOPOLOGY, PLACE, Roles(of={"say": role}, written=WRITTEN))

    refused = world.guard.refusal("say", [PUT])

    assert refused is not None
    assert refused.endswith(f"table/shop-Notes {ends}")
    assert [line.partition(": ")[2] for line in world.advice] == [advice]


def test_a_condition_that_is_not_met_is_told_and_the_resource_named_as_the_template_names_it() -> None:
    many = tuple(f"eu-{number}" for number in range(7))
    world = World(structs.replace(allows("dynamodb:*"), conditions={"StringEquals": {"aws:RequestedRegion": many}}))

    assert world.guard.refusal("say", [PUT]) is not None

    assert world.advice == [
        "function say may not dynamodb:PutItem on Notes: a statement allows it, but its condition StringEquals "
        '{aws:RequestedRegion: ["eu-0", "eu-1", "eu-2", "eu-3", "eu-4", ...]} is not met by ["eu-west-1"]'
    ]


def test_a_condition_on_what_the_request_does_not_have_is_told_as_such() -> None:
    world = World(structs.replace(allows("dynamodb:*"), conditions={"StringLike": {"aws:SourceVpc": ("vpc-*",)}}))

    world.guard.refusal("say", [PUT])

    assert world.advice[-1].endswith(
        'its condition StringLike {aws:SourceVpc: ["vpc-*"]} is not met by a request without a value for it'
    )


def test_a_statement_that_denies_elsewhere_is_none_that_almost_allows() -> None:
    elsewhere = structs.replace(DENIES, conditions=IN_EUROPE)
    world = World(elsewhere)

    world.guard.refusal("say", [PUT])

    (line,) = world.advice
    assert "no statement of its role shop-SayRole allows it; add" in line


class Tagged(yaml.SafeLoader):
    """Reads CloudFormation's tags as the ARNs that they stand for here."""


Tagged.add_constructor("!GetAtt", lambda loader, node: TABLE)
Tagged.add_constructor("!Sub", lambda loader, node: str(node.value).replace("${Notes.Arn}", TABLE))


def test_a_recording_ends_with_statements_which_then_suffice() -> None:
    world = World(mode="record")
    assert world.guard.refusal("say", [GET, PUT]) is None
    assert world.guard.refusal("other", [OF_INDEX, Need("dynamodb:ListTables", ANYTHING)]) is None

    text = world.guard.recorded() or ""

    assert text.splitlines() == [
        "# the statements that this run needed",
        "# other",
        "- Effect: Allow",
        "  Action: dynamodb:Query",
        '  Resource: !Sub "${Notes.Arn}/index/by-day"',
        "- Effect: Allow",
        "  Action: dynamodb:ListTables",
        '  Resource: "*"',
        "# say",
        "- Effect: Allow",
        "  Action:",
        "    - dynamodb:GetItem",
        "    - dynamodb:PutItem",
        "  Resource: !GetAtt Notes.Arn",
    ]
    held = World(*(statement_of(each) for each in yaml.load(text, Tagged))).guard
    assert held.refusal("say", [GET, PUT, OF_INDEX]) is None
    assert held.refusal("say", [POST]) is not None


def test_what_lambda_does_with_event_sources_is_needed_besides() -> None:
    queue = Resource(Kind.ARN, "arn:aws:sqs:eu-west-1:123456789012:jobs")
    reads = (Need("sqs:ReceiveMessage", queue), Need("sqs:DeleteMessage", queue))
    own = structs.replace(roles(), behind={"other": reads})

    text = recorded_statements({"say": [GET]}, PLACE, own)

    assert text.splitlines()[1:] == [
        "# other",
        "- Effect: Allow",
        "  Action:",
        "    - sqs:DeleteMessage",
        "    - sqs:ReceiveMessage",
        '  Resource: !Sub "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:jobs"',
        "# say",
        "- Effect: Allow",
        "  Action: dynamodb:GetItem",
        "  Resource: !GetAtt Notes.Arn",
    ]


def test_a_run_without_calls_needs_nothing() -> None:
    assert World(mode="record").guard.recorded() == "no function called a service: none needs a statement"


@pytest.mark.parametrize(
    ("arn", "action"),
    [
        ("arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole", "dynamodb:GetRecords"),
        ("arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess", "dynamodb:GetItem"),
        ("arn:aws-cn:iam::aws:policy/AmazonAPIGatewayInvokeFullAccess", "execute-api:ManageConnections"),
    ],
)
def test_awss_own_policies_are_known(arn: str, action: str) -> None:
    assert any(action in (each.actions or ()) or f"{action[:12]}*" in str(each.actions) for each in managed(arn) or ())


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::aws:policy/AWSLambdaDynamoDBExecutionRole",  # its path is missing
        "arn:aws:iam::123456789012:policy/AmazonDynamoDBReadOnlyAccess",  # of an account
        "arn:aws:iam::aws:policy/NoSuchPolicy",
        "AmazonDynamoDBReadOnlyAccess",
        "arn:aws:s3::aws:policy/AmazonDynamoDBReadOnlyAccess",  # of no IAM
    ],
)
def test_what_is_none_of_awss_policies_is_not_known(arn: str) -> None:
    assert managed(arn) is None
