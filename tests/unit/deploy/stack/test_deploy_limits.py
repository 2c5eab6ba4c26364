"""What AWS would refuse after minutes is refused at once, in one line that says what to do."""

import dataclasses
import math
from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.stack.limits import require_sizes
from deploy.stack.settings import StackSettings
from deploy.stack.template import template, to_json
from streamer.app import App
from streamer.aws_limits import TEMPLATE_BYTES
from streamer.topology import (
    Api,
    EventSourceMapping,
    Function,
    Index,
    Key,
    Permission,
    Queue,
    Route,
    StreamView,
    Table,
    Topology,
)

FUNCTION = Function(name="say", handler="handlers.say", secrets=("TOKEN",))
SERVICE = Topology(
    api=Api(name="plain", routes=(Route(route_key="$default", function="say"),)),
    functions=(FUNCTION,),
    tables=(Table(name="rooms", key=Key(partition="id")),),
)
TOPIC = "arn:aws:sns:eu-central-1:123456789012:given-up"
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x"


def with_function(**changes: Any) -> Topology:
    function = dataclasses.replace(FUNCTION, **changes)
    api = dataclasses.replace(SERVICE.api, routes=(Route(route_key="$default", function=function.name),))
    return dataclasses.replace(SERVICE, functions=(function,), api=api)


def with_table(**changes: Any) -> Topology:
    return dataclasses.replace(SERVICE, tables=(dataclasses.replace(SERVICE.tables[0], **changes),))


@pytest.mark.parametrize(
    ("topology", "complaint"),
    [
        pytest.param(
            with_function(name="s" * 62),
            "has 66 characters and may have 64; shorten it, the",
            id="function",
        ),
        pytest.param(with_function(name="say hello"), "letters, digits, '_' and '-' only", id="a blank"),
        pytest.param(
            dataclasses.replace(SERVICE, queues=(Queue(name="q" * 77),)),
            "81 characters and may have 80",
            id="queue",
        ),
        pytest.param(with_table(name="ab"), "'ab' is no name of a table or index", id="a short table"),
        pytest.param(
            dataclasses.replace(
                with_table(stream=StreamView.NEW_IMAGE),
                event_source_mappings=(EventSourceMapping(function="say", table="rooms", on_failure=TOPIC),),
            ),
            "destinations of 'say' that are queues alone",
            id="a topic that is told of what was given up",
        ),
        pytest.param(
            with_table(indexes=(Index(name="by owner", key=Key(partition="owner")),)), "'by owner' is no", id="an index"
        ),
        pytest.param(with_function(environment={"A-B": "1"}), "it takes letters, digits and '_'", id="a variable"),
        pytest.param(
            with_function(environment={"KEY": "npm" + "_q7Wz0RkT5mYb3XcV9nHs1LdF8gJp6ZtG2xKv"}),
            r"the variable KEY holds a token of npm, .* make it a secret, with App\(environment=...\) or Func",
            id="a token",
        ),
        pytest.param(
            with_function(environment={"SIGNING": f"-----BEGIN PRIVATE KEY-----\n{'a1B2' * 12}"}),
            "the variable SIGNING holds a private key, which everyone",
            id="a private key",
        ),
        pytest.param(
            with_function(environment={"BACKUP_AWS_SECRET_ACCESS_KEY": "a1B2" * 10}),
            "the variable BACKUP_AWS_SECRET_ACCESS_KEY holds a secret access key of AWS, which everyone",
            id="a key of AWS by the variable's name",
        ),
        pytest.param(with_function(environment={"AWS_REGION": "x"}), "Lambda sets it itself", id="a reserved one"),
        pytest.param(
            with_function(environment={"BIG": "x" * 5000}),
            r"SayFunction have 5,\d+ bytes; Lambda takes",
            id="all",
        ),
        pytest.param(
            with_function(
                permissions=[
                    Permission(actions=["s3:GetObject"], resources=[f"arn:aws:s3:::a-bucket-of-ours-{number}/*"])
                    for number in range(90)
                ]
            ),
            r"SayRole have 1\d,\d+ characters or more and IAM takes 10,240; put resources of the same",
            id="a role",
        ),
    ],
)
def test_names_and_sizes_that_aws_would_refuse_are_refused(topology: Topology, complaint: str) -> None:
    with pytest.raises(DeployError, match=complaint):
        template(topology, StackSettings(stack_name="c-d"))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        pytest.param({"throttle_rate": 0.0}, "throttle_rate is 0.0; it must be above 0", id="rate"),
        pytest.param({"throttle_rate": math.inf}, "throttle_rate is inf", id="no rate"),
        pytest.param({"throttle_rate": math.nan}, "throttle_rate is nan", id="not a number"),
        pytest.param({"throttle_burst": 0}, "throttle_burst is 0", id="burst"),
        pytest.param({"reserved_concurrency": {"say": -1}}, "of say is -1", id="concurrency"),
        pytest.param({"reserved_concurrency": {"sya": 1}}, "names 'sya', .* it has say", id="no such function"),
        pytest.param({"secret_arns": {"TOKNE": ARN}}, "names 'TOKNE', .* it has TOKEN", id="no such secret"),
        pytest.param({"alarm_topic_arn": "ops"}, "'ops', which is not the ARN of an SNS topic", id="topic"),
        pytest.param({"alarms": {"duration": 101}}, "a percentage of the time-out, at most 100", id="percentage"),
        pytest.param(
            {"environment": {"KEY": "npm" + "_q7Wz0RkT5mYb3XcV9nHs1LdF8gJp6ZtG2xKv"}},
            "the variable KEY holds a token of npm",
            id="a token",
        ),
        pytest.param({"environment": {"_HANDLER": "x"}}, "'_HANDLER' cannot be", id="reserved"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DeployError, match=complaint):
        template(SERVICE, StackSettings(stack_name="c-d", **settings))


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        pytest.param({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL is 'LOUD', but must be one of", id="level"),
        pytest.param({"QUEUE_THRESHOLD_SECONDS": "x"}, "must be a number of seconds, 0 or more", id="seconds"),
        pytest.param({"JWT_SECRET": "short"}, "JWT_SECRET has 5 bytes, but HS256 needs at least 32", id="secret"),
        pytest.param({"JWT_JWKS_URL": "https://a/b"}, "JWT_JWKS_URL needs JWT_ISSUER", id="any issuer"),
    ],
)
def test_what_every_function_of_an_app_would_refuse(environment: dict[str, str], complaint: str) -> None:
    topology = App().topology(target="app:app", environment={"JWT_SECRET": "in Secrets Manager"})

    with pytest.raises(DeployError, match=complaint):
        template(topology, StackSettings(stack_name="c-d", environment=environment))

    template(SERVICE, StackSettings(stack_name="c-d", environment=environment))  # plain handlers take what they like


def test_more_actions_than_a_stack_has_resources_for_are_deployed_without_their_alarms() -> None:
    topology = App().topology(target="app:app", environment={"JWT_SECRET": "s" * 40})
    actions = tuple(f"action-{number}" for number in range(470))

    with pytest.raises(DeployError, match=r"have 5\d\d resources and may have 500; 470 are alarms .*action_errors = 0"):
        template(topology, StackSettings(stack_name="c-d", actions=actions))

    template(topology, StackSettings(stack_name="c-d", actions=actions, alarms={"action_errors": 0}))


def test_a_template_over_the_largest_size_is_refused_before_it_is_uploaded() -> None:
    document = template(SERVICE, StackSettings(stack_name="c-d"))

    require_sizes(document, TEMPLATE_BYTES)
    with pytest.raises(DeployError, match=r"has 1,000,001 bytes and CloudFormation takes 1,000,000; make several"):
        require_sizes(document, TEMPLATE_BYTES + 1)
    assert len(to_json(document)) < TEMPLATE_BYTES


def test_a_function_that_would_read_a_stream_by_two_mappings() -> None:
    tables = (dataclasses.replace(SERVICE.tables[0], stream=StreamView.NEW_IMAGE),)
    twice = (EventSourceMapping(table="rooms", function="say"), EventSourceMapping(table="rooms", function="say"))
    topology = dataclasses.replace(SERVICE, tables=tables, event_source_mappings=twice)

    with pytest.raises(DeployError, match="'say' reads the stream of 'rooms' by two mappings, and Lambda takes one"):
        template(topology, StackSettings(stack_name="c-d"))


@pytest.mark.parametrize(
    ("pairs", "circle"),
    [
        pytest.param({"q": "q"}, "q -> q", id="itself"),
        pytest.param({"a": "q", "q": "r", "r": "q"}, "q -> r -> q", id="each other, and one before them"),
    ],
)
def test_dead_letters_that_go_in_a_circle_are_refused(
    pairs: dict[str, str], circle: str, settings: StackSettings
) -> None:
    queues = tuple(Queue(name=name, dead_letter_queue=dead) for name, dead in pairs.items())

    with pytest.raises(DeployError, match=f"in a circle, which CloudFormation refuses: {circle}$"):
        template(dataclasses.replace(SERVICE, queues=queues), settings)
