"""The template: what no emulator enforces is asserted here, on the resources themselves."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deployed_topologies import FULL, of_an_app

from deploy.errors import DeployError
from deploy.stack.settings import StackSettings
from deploy.stack.template import template, to_json
from streamer.app import App
from streamer.aws_limits import INLINE_TEMPLATE_BYTES
from streamer.observability.metrics import CATALOG, NAMESPACE, Metrics
from streamer.topology import (
    Api,
    AsyncInvocation,
    EventSourceMapping,
    Function,
    Key,
    Queue,
    Route,
    StreamView,
    Table,
    Topology,
)

Resources = dict[str, dict[str, Any]]


@pytest.fixture
def app_topology() -> Topology:
    return of_an_app()


@pytest.fixture
def resources(topology: Topology, settings: StackSettings) -> Resources:
    made: Resources = template(topology, settings)["Resources"]
    return made


def of_type(resources: Resources, name: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in resources.values() if each["Type"] == f"AWS::{name}"]


def test_the_template_of_an_app_fits_into_a_request(app_topology: Topology, settings: StackSettings) -> None:
    assert len(to_json(template(app_topology, settings)).encode()) < INLINE_TEMPLATE_BYTES


def test_a_template_is_ascii_since_gettemplate_tells_nothing_else(topology: Topology) -> None:
    settings = StackSettings(stack_name="chat-dev", environment={"SAYS": "Grüß Gott"})

    text = to_json(template(topology, settings))

    assert text.isascii()
    router = json.loads(text)["Resources"]["RouterFunction"]["Properties"]
    assert router["Environment"]["Variables"]["SAYS"] == "Grüß Gott"


def test_no_value_of_a_secret_is_in_it(app_topology: Topology, settings: StackSettings) -> None:
    assert "db-password" not in to_json(template(app_topology, settings))


def test_secrets_are_noecho_parameters_kept_in_secrets_manager(app_topology: Topology, settings: StackSettings) -> None:
    made = template(app_topology, settings)

    parameters, resources = made["Parameters"], made["Resources"]
    assert {name for name, each in parameters.items() if each.get("NoEcho")} == {"JwtSecret", "DatabaseUrl"}
    assert resources["JwtSecretStore"]["Properties"]["SecretString"] == {"Ref": "JwtSecret"}
    variables = resources["ConnectFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["JWT_SECRET_ARN"] == {"Fn::GetAtt": ["JwtSecretStore", "Id"]}
    assert variables["STREAMER_SECRETS"] == "JWT_SECRET"
    assert "JWT_SECRET" not in variables
    assert "JWT_SECRET_ARN" not in resources["RouterFunction"]["Properties"]["Environment"]["Variables"]


def of_secrets(*variables: str) -> Topology:
    functions = (Function(name="connect", handler="a.b", secrets=variables),)
    return Topology(
        functions=functions, api=Api(name="a", stage="dev", routes=(Route(route_key="$connect", function="connect"),))
    )


def test_a_secret_may_be_named_as_what_every_stack_has(settings: StackSettings) -> None:
    made = template(of_secrets("API", "STAGE", "CODE_KEY", "CODE_BUCKET", "DASHBOARD", "ACCESS_LOGS"), settings)

    names = ("Api", "Stage", "CodeKey", "CodeBucket", "Dashboard", "AccessLogs")
    assert {name for name, each in made["Parameters"].items() if each.get("NoEcho")} == {f"{n}Secret" for n in names}
    assert not made["Parameters"].keys() & made["Resources"].keys()
    variables = made["Resources"]["ConnectFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["CODE_KEY_ARN"] == {"Fn::GetAtt": ["CodeKeySecretStore", "Id"]}


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        pytest.param(("TOKEN_1", "TOKEN1"), "the secrets TOKEN_1 and TOKEN1 would have one parameter", id="each other"),
        pytest.param(("CONNECT_ROLE",), "CONNECT_ROLE would have the parameter ConnectRole, which", id="a resource"),
    ],
)
def test_secrets_whose_parameters_are_something_else_are_refused(
    settings: StackSettings, variables: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(DeployError, match=complaint):
        template(of_secrets(*variables), settings)


def test_published_keys_need_no_secret(topology: Topology, settings: StackSettings) -> None:
    url = {"JWT_JWKS_URL": "https://idp.example.com/jwks.json", "JWT_ISSUER": "https://idp.example.com/"}
    made = template(topology, dataclasses.replace(settings, environment=url))

    assert "JwtSecret" not in made["Parameters"]


def test_a_public_key_needs_no_secret(topology: Topology, settings: StackSettings) -> None:
    made = template(topology, dataclasses.replace(settings, jwt_public_key="PEM"))

    assert "JwtSecret" not in made["Parameters"]
    assert made["Resources"]["ConnectFunction"]["Properties"]["Environment"]["Variables"]["JWT_PUBLIC_KEY"] == "PEM"
    assert "secretsmanager" not in to_json(made)


def test_a_public_key_takes_the_place_of_no_other_secret(app_topology: Topology, settings: StackSettings) -> None:
    made = template(app_topology, dataclasses.replace(settings, jwt_public_key="PEM"))

    assert {name for name, each in made["Parameters"].items() if each.get("NoEcho")} == {"DatabaseUrl"}


def test_a_variable_named_as_plain_is_no_secret(app_topology: Topology, settings: StackSettings) -> None:
    made = template(app_topology, dataclasses.replace(settings, environment={"DATABASE_URL": "sqlite://"}))

    assert "DatabaseUrl" not in made["Parameters"]
    assert made["Resources"]["RouterFunction"]["Properties"]["Environment"]["Variables"]["DATABASE_URL"] == "sqlite://"


def test_every_part_of_the_topology_is_in_it(app_topology: Topology, settings: StackSettings) -> None:
    resources = template(app_topology, settings)["Resources"]

    functions = {each["Handler"] for each in of_type(resources, "Lambda::Function")}
    assert functions == {function.handler for function in app_topology.functions}
    routes = {each["RouteKey"] for each in of_type(resources, "ApiGatewayV2::Route")}
    assert routes == {route.route_key for route in app_topology.api.routes}
    tables = {each["TableName"]: each for each in of_type(resources, "DynamoDB::Table")}
    assert tables.keys() == {table.name for table in app_topology.tables}
    for table in app_topology.tables:
        indexes = {each["IndexName"] for each in tables[table.name].get("GlobalSecondaryIndexes", [])}
        assert indexes == {index.name for index in table.indexes}
        assert ("StreamSpecification" in tables[table.name]) == (table.stream is not None)
    assert len(of_type(resources, "Lambda::EventSourceMapping")) == len(app_topology.event_source_mappings)
    assert len(of_type(resources, "SQS::Queue")) == len(app_topology.queues)
    assert len(of_type(resources, "Lambda::EventInvokeConfig")) == len(app_topology.async_invocations)
    assert len(of_type(resources, "Events::Rule")) == len(app_topology.schedules)


def test_every_table_survives_with_its_history(resources: Resources) -> None:
    tables = [each for each in resources.values() if each["Type"] == "AWS::DynamoDB::Table"]

    assert len(tables) == 2
    for table in tables:
        assert table["DeletionPolicy"] == "RetainExceptOnCreate"
        assert table["UpdateReplacePolicy"] == "Retain"
        properties = table["Properties"]
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert resources["RequestsTable"]["Properties"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_api_gateway_may_call_each_function_for_its_route_only(resources: Resources) -> None:
    permissions = {name: each for name, each in resources.items() if each["Type"] == "AWS::Lambda::Permission"}

    found = {
        (each["Properties"]["FunctionName"]["Ref"], each["Properties"]["SourceArn"]["Fn::Sub"].split("${Api}/")[1])
        for each in permissions.values()
    }
    assert found == {
        ("ConnectFunction", "dev/$connect"),
        ("DisconnectFunction", "dev/$disconnect"),
        ("RouterFunction", "dev/$default"),
    }
    assert {each["Properties"]["Principal"] for each in permissions.values()} == {"apigateway.amazonaws.com"}


def test_the_stage_throttles_logs_and_deploys_itself(resources: Resources) -> None:
    stage = resources["Stage"]

    assert stage["Properties"]["AutoDeploy"] is True
    settings = stage["Properties"]["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] == 500
    assert settings["ThrottlingBurstLimit"] == 1000
    assert stage["Properties"]["AccessLogSettings"]["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    assert set(stage["DependsOn"]) == {"ConnectRoute", "DisconnectRoute", "DefaultRoute"}


def test_access_logs_never_hold_a_query_string(resources: Resources) -> None:
    logged = json.loads(resources["Stage"]["Properties"]["AccessLogSettings"]["Format"])

    assert all(value.startswith("$context.") for value in logged.values())
    assert not [value for value in logged.values() if "query" in value.lower() or "authorizer" in value.lower()]


def test_the_event_source_mapping(resources: Resources) -> None:
    mapping = resources["RequestsTableToProcessorFunction"]["Properties"]

    assert mapping["FilterCriteria"] == {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]}
    assert mapping["MaximumRetryAttempts"] == 5
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["DeadLettersQueue", "Arn"]}


def test_functions_run_where_and_how_they_should(resources: Resources) -> None:
    for function in of_type(resources, "Lambda::Function"):
        assert function["Architectures"] == ["arm64"]
        assert function["Runtime"] == "python3.13"
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert {each["RetentionInDays"] for each in of_type(resources, "Logs::LogGroup")} == {30}
    assert resources["ProcessorFunction"]["Properties"]["Timeout"] == 900


@pytest.mark.parametrize(("seconds", "deployed"), [(0.3, 1), (2.0, 2), (2.5, 3), (3.2, 4), (900, 900)])
def test_no_function_has_less_time_than_it_was_given(seconds: float, deployed: int, settings: StackSettings) -> None:
    function = Function(name="f", handler="app.f", timeout_seconds=seconds)
    resources = template(Topology(api=Api(name="a", routes=()), functions=(function,)), settings)["Resources"]

    assert resources["FFunction"]["Properties"]["Timeout"] == deployed


def test_schedules_invoke_their_function_and_may(settings: StackSettings) -> None:
    resources = template(FULL, settings)["Resources"]

    rule = resources["SweepSchedule"]["Properties"]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert rule["Targets"] == [
        {"Id": "echo", "Arn": {"Fn::GetAtt": ["EchoFunction", "Arn"]}, "Input": '{"sweep":true}'}
    ]
    assert resources["TidyUpSchedule"]["Properties"]["ScheduleExpression"] == "rate(90 minutes)"
    permission = resources["SweepSchedulePermission"]["Properties"]
    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": ["SweepSchedule", "Arn"]}


def test_reserved_concurrency_is_optional(topology: Topology, settings: StackSettings) -> None:
    made = template(topology, dataclasses.replace(settings, reserved_concurrency={"processor": 5}))["Resources"]

    assert made["ProcessorFunction"]["Properties"]["ReservedConcurrentExecutions"] == 5
    assert "ReservedConcurrentExecutions" not in made["RouterFunction"]["Properties"]


def test_routes_of_similar_names_keep_apart(settings: StackSettings) -> None:
    resources = template(FULL, settings)["Resources"]

    assert len(of_type(resources, "ApiGatewayV2::Route")) == 3
    assert resources["ConnectRoute"]["Properties"]["RouteKey"] == "$connect"
    assert resources["ConnectActionRoute"]["Properties"]["RouteKey"] == "connect"
    assert resources["Stage"]["Properties"]["RouteSettings"] == {
        "join/room": {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 2}
    }


def emitted(topology: Topology) -> Iterator[tuple[str, frozenset[tuple[str, str]]]]:
    """Name and dimensions of every metric as the runtime really writes it."""
    from io import StringIO

    from streamer.settings import Settings

    environment = {k: v for function in topology.functions for k, v in function.environment.items()}
    environment.pop("STREAMER_APP", None)
    stream = StringIO()
    metrics = Metrics(dimensions=Settings.from_environ(environment).metric_dimensions, stream=stream)
    for metric in CATALOG:
        metrics.put(metric, 1, **dict.fromkeys(metric.dimensions, "report"))
    metrics.flush()
    for line in stream.getvalue().splitlines():
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == NAMESPACE
            for metric in directive["Metrics"]:
                for names in directive["Dimensions"]:
                    yield metric["Name"], frozenset((name, document[name]) for name in names)


def test_alarms_watch_metrics_that_the_functions_emit(app_topology: Topology, settings: StackSettings) -> None:
    resources = template(app_topology, dataclasses.replace(settings, actions=("report",)))["Resources"]

    alarms = of_type(resources, "CloudWatch::Alarm")
    own = {
        (alarm["MetricName"], frozenset((each["Name"], each["Value"]) for each in alarm["Dimensions"]))
        for alarm in alarms
        if alarm["Namespace"] == NAMESPACE
    }
    assert {name for name, _ in own} == {"AuthenticationFailed", "ActionErrors", "RequestWait"}
    assert own <= set(emitted(app_topology))


def test_no_alarm_rings_for_what_clients_are_rightly_refused_and_all_that_can_be_lost_is_watched(
    app_topology: Topology, settings: StackSettings
) -> None:
    alarms = of_type(template(app_topology, settings)["Resources"], "CloudWatch::Alarm")

    watched = {alarm["MetricName"] for alarm in alarms}

    assert "IntegrationError" not in watched  # counts every refused token
    assert watched >= {
        "AsyncEventAge",
        "AsyncEventsDropped",
        "IteratorAge",
        "ClientError",
        "ExecutionError",
        "Duration",
    }
    assert watched >= {"ReadThrottleEvents", "WriteThrottleEvents", "ApproximateNumberOfMessagesVisible", "Throttles"}


@pytest.mark.parametrize(("count", "permissions"), [(20, 20), (80, 1)])
def test_a_function_of_many_routes_has_one_permission_for_all_since_its_policy_takes_no_more(
    settings: StackSettings, count: int, permissions: int
) -> None:
    routes = tuple(Route(route_key=f"action-{number}", function="say") for number in range(count))
    topology = Topology(api=Api(name="plain", routes=routes), functions=(Function(name="say", handler="handlers.say"),))

    found = of_type(template(topology, settings)["Resources"], "Lambda::Permission")

    assert len(found) == permissions
    end = found[0]["SourceArn"]["Fn::Sub"].rpartition("${Api}/")[2]
    assert end == ("dev/action-0" if permissions > 1 else "dev/*")


def test_a_queue_of_work_rings_when_messages_wait_and_one_of_dead_letters_when_it_has_any(
    settings: StackSettings,
) -> None:
    topology = App(queues=[Queue(name="mails")]).topology(target="app:app", environment={"JWT_SECRET": "s" * 40})

    resources = template(topology, settings)["Resources"]

    watched = {
        name: (each["Properties"]["MetricName"], each["Properties"]["Threshold"])
        for name, each in resources.items()
        if each["Type"] == "AWS::CloudWatch::Alarm" and each["Properties"]["Namespace"] == "AWS/SQS"
    }
    assert watched == {
        "DeadLettersQueueAlarm": ("ApproximateNumberOfMessagesVisible", 1),
        "MailsQueueAgeAlarm": ("ApproximateAgeOfOldestMessage", 3600),
    }


def test_every_function_that_reads_a_stream_late_rings(settings: StackSettings) -> None:
    topology = Topology(
        api=Api(name="shop", routes=()),
        functions=(Function(name="bill", handler="a.bill"), Function(name="count", handler="a.count")),
        tables=(Table(name="orders", key=Key(partition="id"), stream=StreamView.NEW_IMAGE),),
        event_source_mappings=tuple(EventSourceMapping(function=name, table="orders") for name in ("bill", "count")),
    )

    resources = template(topology, settings)["Resources"]

    watched = {
        name: (each["Properties"]["Dimensions"][0]["Value"]["Ref"], each["Properties"]["Threshold"])
        for name, each in resources.items()
        if each["Properties"].get("MetricName") == "IteratorAge"
    }
    assert watched == {
        "OrdersTableLagAlarm": ("BillFunction", 60_000),
        "OrdersTableToCountLagAlarm": ("CountFunction", 60_000),
    }


def test_two_alarms_of_one_id_are_refused_of_which_one_would_never_ring(settings: StackSettings) -> None:
    topology = Topology(
        api=Api(name="shop", routes=()),
        functions=(Function(name="orders-table-read", handler="a.b"),),
        tables=(Table(name="orders", key=Key(partition="id")),),
    )

    with pytest.raises(DeployError, match="two things of this service become the id OrdersTableReadThrottlesAlarm"):
        template(topology, settings)


def test_a_function_with_a_reserved_concurrency_may_wait_for_it(
    app_topology: Topology, settings: StackSettings
) -> None:
    reserved = dataclasses.replace(settings, reserved_concurrency={"processor": 5})

    resources = template(app_topology, reserved)["Resources"]

    assert "ProcessorThrottlesAlarm" not in resources
    assert "RouterThrottlesAlarm" in resources
    # Waiting is what was asked for; waiting for an hour is not.
    waiting = ("ProcessorEventAgeAlarm", "RequestWaitAlarm")
    assert [resources[name]["Properties"]["Threshold"] for name in waiting] == [3_600_000, 3_600_000]
    chosen = dataclasses.replace(reserved, alarms={"event_age": 1000, "RequestWaitAlarm": 2000})
    resources = template(app_topology, chosen)["Resources"]
    assert [resources[name]["Properties"]["Threshold"] for name in waiting] == [1000, 2000]


def test_work_that_waits_rings_after_minutes_where_nobody_asked_it_to_wait(
    app_topology: Topology, settings: StackSettings
) -> None:
    resources = template(app_topology, settings)["Resources"]

    waiting = ("ProcessorEventAgeAlarm", "RequestWaitAlarm")
    assert [resources[name]["Properties"]["Threshold"] for name in waiting] == [300_000, 60_000]


def test_thresholds_are_set_by_kind_or_alarm_and_each_alarm_can_be_switched_off(
    app_topology: Topology, settings: StackSettings
) -> None:
    chosen = {"errors": 5, "RouterErrorsAlarm": 7, "duration": 50, "client_errors": 0, "ConnectThrottlesAlarm": 0}

    resources = template(app_topology, dataclasses.replace(settings, alarms=chosen))["Resources"]

    assert resources["ConnectErrorsAlarm"]["Properties"]["Threshold"] == 5
    assert resources["RouterErrorsAlarm"]["Properties"]["Threshold"] == 7
    assert resources["ProcessorDurationAlarm"]["Properties"]["Threshold"] == 450_000
    all_time = template(app_topology, dataclasses.replace(settings, alarms={"duration": 100}))["Resources"]
    assert all_time["ProcessorDurationAlarm"]["Properties"]["Threshold"] == 900_000
    assert not {"ClientErrorsAlarm", "ConnectThrottlesAlarm"} & set(resources)


@pytest.mark.parametrize(
    ("alarms", "complaint"),
    [
        pytest.param({"eror": 1}, "there is no 'eror'; kinds are errors, throttles", id="mistyped"),
        pytest.param({"errors": -1}, "errors is -1", id="below 0"),
        pytest.param({"duration": 101}, "duration is 101; it is a percentage", id="more than all time"),
        pytest.param({"RouterDurationAlarm": 101}, "RouterDurationAlarm is 101", id="more than all time of one"),
    ],
)
def test_an_impossible_threshold_is_refused(
    topology: Topology, settings: StackSettings, alarms: dict[str, int], complaint: str
) -> None:
    with pytest.raises(DeployError, match=complaint):
        template(topology, dataclasses.replace(settings, alarms=alarms))


def test_functions_are_told_the_apis_own_management_address(topology: Topology, settings: StackSettings) -> None:
    resources = template(topology, settings)["Resources"]

    def variable(function: str) -> object:
        variables = resources[function]["Properties"]["Environment"]["Variables"]
        return variables.get("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI")

    own = {"Fn::Sub": f"https://${{Api}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{topology.api.stage}"}
    assert (variable("RouterFunction"), variable("ProcessorFunction")) == (own, own)
    assert variable("ConnectFunction") is None
    said = dataclasses.replace(settings, environment={"AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": "https://x"})
    router = template(topology, said)["Resources"]["RouterFunction"]["Properties"]["Environment"]["Variables"]
    assert router["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"] == "https://x"


def test_the_dashboard_is_json_and_draws_every_metric_of_the_catalogue(resources: Resources) -> None:
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]

    json.loads(body)
    drawn = ("ConnectionEstablished", "ConnectionDisconnected", "ConnectionDuration", "AuthenticationFailed")
    assert all(name in body for name in (*drawn, "ActionCount", "ActionLatency"))


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        pytest.param(Function(name="f", handler="a.b", runtime="node x"), "not Python", id="another language"),
        pytest.param(Function(name="f", handler="a.b", code_root="src"), "code_root", id="a folder of its own"),
    ],
)
def test_what_cannot_be_packed_is_refused(function: Function, complaint: str, settings: StackSettings) -> None:
    topology = Topology(api=Api(name="x", routes=(Route(route_key="$default", function="f"),)), functions=(function,))

    with pytest.raises(DeployError, match=complaint):
        template(topology, settings)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        pytest.param({"stack_name": "has_underscore"}, "stack name", id="stack name"),
        pytest.param({"stack_name": "x" * 54}, "stack name", id="long stack name"),
        pytest.param({"python": "3.9"}, "python is '3.9'", id="python"),
        pytest.param({"architecture": "riscv"}, "architecture", id="architecture"),
        pytest.param({"log_retention_days": 31}, "log_retention_days", id="retention"),
        pytest.param({"secret_arns": {"JWT_SECRET": "my-secret"}}, "not the full ARN", id="secret by name"),
    ],
)
def test_impossible_settings_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DeployError, match=complaint):
        StackSettings(**{"stack_name": "chat-dev", **values})


def test_the_template_is_made_without_touching_the_disk(
    topology: Topology, settings: StackSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    template(topology, settings)

    assert list(tmp_path.iterdir()) == []


SENDER = Topology(
    api=Api(name="plain", routes=(Route(route_key="$default", function="send"),)),
    functions=(
        Function(name="send", handler="handlers.send", sends_to=("jobs", "given-up"), secrets=("TOKEN", "OTHER")),
        Function(name="stay", handler="handlers.stay"),
    ),
    queues=(Queue(name="jobs"), Queue(name="given-up")),
    async_invocations=(AsyncInvocation(function="stay", on_failure="given-up"),),
)


def test_plain_handlers_get_their_secrets_before_their_module_is_imported() -> None:
    resources = template(SENDER, StackSettings(stack_name="plain-dev", environment={"OTHER": "is no secret"}))[
        "Resources"
    ]

    sending, staying = resources["SendFunction"]["Properties"], resources["StayFunction"]["Properties"]
    assert sending["Handler"] == "streamer.handlers.plain.handler"
    variables = sending["Environment"]["Variables"]
    assert (variables["STREAMER_HANDLER"], variables["STREAMER_SECRETS"]) == ("handlers.send", "TOKEN")
    assert variables["TOKEN_ARN"] == {"Fn::GetAtt": ["TokenStore", "Id"]}
    assert staying["Handler"] == "handlers.stay"
    assert staying["Environment"]["Variables"] == {"OTHER": "is no secret"}


def test_queues_can_be_found_by_those_who_send_to_them() -> None:
    resources = template(SENDER, StackSettings(stack_name="plain-dev"))["Resources"]

    variables = resources["SendFunction"]["Properties"]["Environment"]["Variables"]
    assert (variables["JOBS_QUEUE_URL"], variables["GIVEN_UP_QUEUE_URL"]) == (
        {"Ref": "JobsQueue"},
        {"Ref": "GivenUpQueue"},
    )
    assert queue_actions(resources["SendRole"]) == ["GetQueueAttributes", "GetQueueUrl", "SendMessage"]
    assert queue_actions(resources["StayRole"]) == ["SendMessage"]  # Lambda's, for what it gives up


def queue_actions(role: dict[str, Any]) -> list[str]:
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    actions = [action for statement in statements for action in statement["Action"]]
    return [action.removeprefix("sqs:") for action in actions if action.startswith("sqs:")]
