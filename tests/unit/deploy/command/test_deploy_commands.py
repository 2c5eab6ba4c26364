"""The commands: what they parse, say and refuse. AWS is a fake, bundles are made for real from a tiny project."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_cloud import OURS, STACK_ID, FakeCloud, NoCredentials, event, stack

from deploy.cloud import BucketState, Change, LogEvent, Replacement, Resource, Stack
from deploy.command.commands import COMMANDS
from deploy.errors import DangerError, DeniedError, DeployError, StackStateError
from streamer.errors import ConfigurationError

APP = """
from streamer import App

app = App()


@app.action("greet")
def greet(request):
    return "hello"
"""

Run = Callable[..., Result]


class NoCloud(FakeCloud):
    def log_events(self, group: str, *, start_ms: int, pattern: str | None) -> Any:
        raise AssertionError("AWS was asked")


@pytest.fixture
def project(tmp_path: Path, no_other_python: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    name = "command_test_app"
    (tmp_path / f"{name}.py").write_text(APP)
    (tmp_path / "streamer.toml").write_text(f'service = "chat"\napp = "{name}:app"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("JWT_SECRET", "s" * 32)
    monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    return tmp_path


@pytest.fixture
def run(project: Path) -> Run:
    def invoke(cloud: FakeCloud, command: str, *arguments: str, **options: Any) -> Result:
        found = CliRunner().invoke(
            COMMANDS[command], arguments, obj=lambda config: cloud, standalone_mode=False, **options
        )
        if found.exception is not None and not isinstance(found.exception, DeployError | SystemExit):
            raise found.exception
        return found

    return invoke


def test_template_prints_the_template_and_nothing_else(run: Run) -> None:
    found = json.loads(run(FakeCloud(), "template").stdout)

    assert "GreetActionErrorsAlarm" in found["Resources"]


def test_build_writes_the_zip_and_reports_sizes(run: Run, project: Path) -> None:
    found = run(FakeCloud(), "build", "--output", "code.zip")

    assert found.exit_code == 0
    assert (project / "code.zip").stat().st_size > 10_000
    assert [word in found.stdout for word in ("runtime", "pyjwt", "project", "together")] == [True] * 4


@pytest.mark.parametrize("command", ["build", "template", "deploy"])
def test_a_folder_without_a_service_is_told_as_that(
    command: str, run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "streamer.toml").write_text('service = "chat"\n')
    monkeypatch.delitem(sys.modules, "app", raising=False)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if not Path(each, "app.py").exists()])

    with pytest.raises(ConfigurationError, match=f"there is no service in {project}: no app.py, and streamer.toml"):
        run(FakeCloud(), command)


def test_what_build_wrote_into_the_project_is_not_in_the_next_bundle(run: Run, project: Path) -> None:
    digests = [run(FakeCloud(), "build", "--output", "code.zip").stdout.split()[-1] for _ in range(2)]
    noted = run(FakeCloud(), "build").stdout

    assert digests[0] == digests[1]
    assert "left out: code.zip is code that `streamer build` packed" in noted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_whatever_ends_a_command_before_it_asks_aws_is_told(run: Run, project: Path, command: str, number: int) -> None:
    killing = f"import os\nos.kill(os.getpid(), {int(number)})\n"
    (project / "command_test_app.py").write_text(killing + APP)
    cloud = FakeCloud(found=stack())
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a command ignores it from the first one on

    try:
        found = run(cloud, command, "--yes")
    finally:
        signal.signal(signal.SIGHUP, before)

    assert found.return_value == 130
    assert found.stderr.endswith("streamer: stopped; nothing was changed on AWS\n")
    assert cloud.did == []


def test_what_the_code_sets_when_it_is_imported_is_not_taken_for_the_shells(run: Run, project: Path) -> None:
    loading = "import os\nos.environ['JWT_SECRET'] = 'of development, from .env by load_dotenv'\n"
    (project / "command_test_app.py").write_text(loading + APP)
    cloud = FakeCloud()

    run(cloud, "deploy", "--yes")

    assert [p.value for p in cloud.proposals[0].parameters if p.name == "JwtSecret"] == ["s" * 32]


def test_a_dry_run_needs_no_credentials_and_does_nothing(run: Run) -> None:
    cloud = NoCredentials()

    found = run(cloud, "deploy", "--dry-run")

    assert found.return_value == 0
    assert "note: there are no AWS credentials here" in found.stdout
    assert "would create the stack chat-dev" in found.stdout
    assert cloud.did == []


def test_a_dry_run_with_credentials_compares_with_what_is_there(run: Run) -> None:
    template = json.loads(run(FakeCloud(), "template").stdout)
    template["Resources"]["Old"] = {"Type": "AWS::SQS::Queue", "Properties": {}}
    cloud = FakeCloud(found=stack(parameters={"JwtSecret": "****"}), template=template)

    found, allowed = run(cloud, "deploy", "--dry-run"), run(cloud, "deploy", "--dry-run", "--replace", "Old")

    assert "- Old  AWS::SQS::Queue" in found.stdout
    assert "~ RouterFunction  AWS::Lambda::Function (Code)" in found.stdout
    assert isinstance(found.exception, DangerError)
    assert "if you want that, say --replace Old" in str(found.exception)
    assert (allowed.exception, allowed.stdout) == (None, found.stdout)
    assert cloud.did == []


def test_deploy_makes_the_bucket_proposes_and_executes_and_tells_each_step(run: Run) -> None:
    done = ("CREATE_COMPLETE", [event(1, "CREATE_COMPLETE", "Api", type_="AWS::ApiGatewayV2::Api")])
    cloud = FakeCloud(state=BucketState.ABSENT, found=stack("REVIEW_IN_PROGRESS"), script=[done])

    found = run(cloud, "deploy", "--yes")

    assert found.return_value == 0
    assert [step.split()[0] for step in cloud.did] == ["create", "put", "propose", "execute", "put"]
    assert "+ Api  AWS::ApiGatewayV2::Api" in found.stdout
    assert "✓ Api" in found.stdout
    assert "chat-dev is deployed" in found.stdout
    assert "s" * 32 not in found.output
    assert {p.name for p in cloud.proposals[0].parameters} == {"CodeBucket", "CodeKey", "JwtSecret"}


def test_nothing_to_do_is_said(run: Run) -> None:
    cloud = FakeCloud(
        found=stack(outputs={"WebSocketUrl": "wss://x"}, parameters={"JwtSecret": "****"}),
        change_set_status="FAILED",
        change_set_reason="The submitted information didn't contain changes.",
    )

    found = run(cloud, "deploy", "--yes")

    assert found.return_value == 0
    assert "nothing to do: chat-dev runs exactly this already" in found.stdout
    assert "wss://x" in found.stdout
    assert "execute" not in cloud.did


def drifted(project_template: str, **functions: Any) -> FakeCloud:
    """A stack whose router was changed by hand, or deleted, and a deployment that changes nothing."""
    described = json.loads(project_template)
    router = described["Resources"]["RouterFunction"]["Properties"]
    part = Resource(
        logical_id="RouterFunction",
        physical_id="chat-dev-router",
        resource_type="AWS::Lambda::Function",
        status="CREATE_COMPLETE",
    )
    return FakeCloud(
        found=stack(parameters={"JwtSecret": "****"}),
        parts=[part],
        template=described,
        functions={"chat-dev-router": {**router, **functions}} if functions else {},
        change_set_status="FAILED",
        change_set_reason="The submitted information didn't contain changes.",
    )


def test_what_was_changed_by_hand_is_told_and_set_back(run: Run) -> None:
    cloud = drifted(run(FakeCloud(), "template").stdout, MemorySize=128)

    found = run(cloud, "deploy", "--yes")

    assert found.return_value == 0
    assert "note: RouterFunction was changed by hand: MemorySize is 128 and not 512" in found.stdout
    assert "nothing to do: chat-dev is described exactly like this, but for what is noted above already" in found.stdout
    assert "set RouterFunction back" in found.stdout
    assert cloud.functions["chat-dev-router"]["MemorySize"] == 512


def test_what_somebody_deleted_is_not_deployed_over(run: Run) -> None:
    cloud = drifted(run(FakeCloud(), "template").stdout)

    found = run(cloud, "deploy", "--yes")

    assert isinstance(found.exception, StackStateError)
    assert str(found.exception) == (
        "RouterFunction (chat-dev-router) is gone: somebody deleted it, and the stack does not know; `streamer deploy "
        "--revert-drift` lets CloudFormation make it anew; else run `streamer destroy`, which keeps the tables, and "
        "deploy again; nothing was changed"
    )
    assert cloud.did == []


@pytest.mark.parametrize(
    ("is_there", "said"),
    [pytest.param(True, True, id="an update"), pytest.param(False, False, id="a first deployment")],
)
def test_what_somebody_deleted_comes_back_when_cloudformation_compares_with_what_there_is(
    run: Run, *, is_there: bool, said: bool
) -> None:
    cloud = drifted(run(FakeCloud(), "template").stdout) if is_there else FakeCloud()
    cloud.change_set_status, cloud.script = "CREATE_COMPLETE", [("UPDATE_COMPLETE", [])]

    found = run(cloud, "deploy", "--yes", "--revert-drift")

    assert found.return_value == 0
    assert [each.reverts_drift for each in cloud.proposals] == [said]


@pytest.mark.parametrize(
    ("name", "kind", "there", "words", "told"),
    [
        pytest.param(
            "RouterLogGroup",
            "AWS::Logs::LogGroup",
            None,
            [],
            "is gone: somebody deleted it, and the stack does not know; `streamer deploy --revert-drift` lets "
            "CloudFormation make it anew",
            id="what is gone, and not needed",
        ),
        pytest.param(
            "RouterRole",
            "AWS::IAM::Role",
            {"PermissionsBoundary": "b"},
            [],
            "was changed by hand: PermissionsBoundary is b and not none; `streamer deploy --revert-drift` lets "
            "CloudFormation set it back",
            id="a role",
        ),
        pytest.param(
            "RouterRole",
            "AWS::IAM::Role",
            {"PermissionsBoundary": "b"},
            ["--revert-drift"],
            "was changed by hand: PermissionsBoundary is b and not none; nothing but your own hand sets that back",
            id="what CloudFormation was told to set back",
        ),
    ],
)
def test_what_is_not_set_back_here_is_told_with_the_way(
    run: Run, *, name: str, kind: str, there: Any, words: list[str], told: str
) -> None:
    template = run(FakeCloud(), "template").stdout
    cloud = drifted(template, **json.loads(template)["Resources"]["RouterFunction"]["Properties"])
    cloud.parts.append(Resource(logical_id=name, physical_id="it", resource_type=kind, status="X"))
    cloud.others = {"it": there}

    found = run(cloud, "deploy", "--yes", *words)

    assert found.return_value == 0
    assert f"note: {name} {told.partition('; `')[0].partition('; no')[0]}\n" in found.stdout
    assert f"{name} {told}\n" in found.stdout


@pytest.mark.parametrize(
    ("settings", "is_finished"),
    [
        pytest.param("", True, id="the one that is made"),
        pytest.param('bucket = "own"\n', False, id="one of the user's"),
    ],
)
def test_a_bucket_that_was_left_half_made_is_finished(
    run: Run, project: Path, settings: str, *, is_finished: bool
) -> None:
    file = project / "streamer.toml"
    file.write_text(file.read_text() + settings)
    cloud = FakeCloud(is_bucket_closed=False, script=[("CREATE_COMPLETE", [])])

    run(cloud, "deploy", "--yes")

    assert ("create bucket streamer-code-123456789012-us-east-1" in cloud.did) is is_finished
    assert "execute" in cloud.did


def test_status_tells_of_it_too(run: Run) -> None:
    cloud = drifted(run(FakeCloud(), "template").stdout)

    assert "✗ RouterFunction is gone: somebody deleted it" in run(cloud, "status").stdout


def loose(project_template: str) -> FakeCloud:
    """A table of a name of ours, which somebody else made."""
    described = json.loads(project_template)["Resources"]["ConnectionsTable"]["Properties"]
    name = described["TableName"]
    return FakeCloud(
        tables=[name],
        descriptions={name: described},
        tags_of={name: {"team": "billing"}},
        script=[("CREATE_COMPLETE", [])],
    )


def test_a_table_without_our_tags_is_taken_over_by_its_name_only(run: Run) -> None:
    template = run(FakeCloud(), "template").stdout

    refused = run(loose(template), "deploy", "--yes")
    adopted = run(loose(template), "deploy", "--yes", "--adopt", "chat-dev_connections")
    mistyped = run(loose(template), "deploy", "--yes", "--adopt", "chat-dev_conections")

    assert "a table chat-dev_connections exists already and has not the tags streamer:service=chat" in str(
        refused.exception
    )
    assert str(refused.exception).endswith("say --adopt chat-dev_connections; nothing was changed")
    assert adopted.return_value == 0
    assert "taken over with their data: chat-dev_connections" in adopted.stdout
    assert isinstance(mistyped.exception, DeployError)


def test_a_table_that_was_restored_from_a_backup_gets_what_it_lost(run: Run) -> None:
    cloud = loose(run(FakeCloud(), "template").stdout)
    [name] = cloud.tables
    cloud.settings_of = {name: {"TimeToLiveSpecification": {"Enabled": False}}}
    cloud.template = json.loads(run(FakeCloud(), "template").stdout)
    cloud.parts = [
        Resource(logical_id="ConnectionsTable", physical_id=name, resource_type="AWS::DynamoDB::Table", status="X")
    ]

    found = run(cloud, "deploy", "--yes", "--adopt", name)

    assert "note: ConnectionsTable was changed by hand: TTL: Enabled is False and not True" in found.stdout
    assert cloud.did[-1] == f"set {name}"
    assert cloud.settings_of[name]["TimeToLiveSpecification"]["Enabled"] is True


ANOTHERS = [
    {"streamer:service": "chat-dev", "streamer:stage": "eu"},
    {"streamer:service": "chat", "streamer:stage": "x"},
]


@pytest.mark.parametrize("tags", ANOTHERS)
def test_a_stack_of_another_service_or_stage_is_taken_over_by_its_name_only(run: Run, tags: dict[str, str]) -> None:
    def cloud() -> FakeCloud:
        template = json.loads(run(FakeCloud(), "template").stdout)
        changes = (Change(action="Modify", logical_id="RouterFunction", resource_type="AWS::Lambda::Function"),)
        there = stack(tags=tags, parameters={"JwtSecret": "****"})
        return FakeCloud(found=there, template=template, changes=changes, script=[("UPDATE_COMPLETE", [])])

    untouched = cloud()
    refused = run(untouched, "deploy", "--yes")
    rehearsed = run(cloud(), "deploy", "--dry-run")
    adopted = run(cloud(), "deploy", "--yes", "--adopt", "chat-dev")

    owner = f"the service {tags['streamer:service']} in its stage {tags['streamer:stage']}"
    assert str(refused.exception) == (
        f"the stack chat-dev is that of {owner}, not of chat in dev; choose another name with --stack-name, or, if it "
        "shall be this one's from now on, say `streamer deploy --adopt chat-dev`; nothing was changed"
    )
    assert untouched.did == []
    assert isinstance(rehearsed.exception, StackStateError)
    assert adopted.return_value == 0


@pytest.mark.parametrize("tags", ANOTHERS)
def test_destroy_takes_no_stack_away_from_another_service_or_stage(run: Run, tags: dict[str, str]) -> None:
    cloud = FakeCloud(found=stack(tags=tags), tables=[*TABLES])

    found = run(cloud, "destroy", "--yes", "--delete-data")

    assert "destroy it from there, or name the right one with --stack-name" in str(found.exception)
    assert cloud.did == []


def test_a_name_that_the_service_does_not_have_cannot_be_adopted(run: Run) -> None:
    found = run(FakeCloud(), "deploy", "--yes", "--adopt", "rooms")

    assert "--adopt rooms: the service has no such table; it has chat-dev_connections," in str(found.exception)


def test_destroy_deletes_no_table_by_its_name_alone(run: Run) -> None:
    cloud = FakeCloud(tables=[*TABLES, "chat-dev_old"], tags_of={TABLES[0]: {"team": "billing"}})

    found = run(cloud, "destroy", "--yes", "--delete-data")

    assert found.return_value == 0
    assert f"keep the table {TABLES[0]}: by its tags it may be somebody else's" in found.stdout
    assert "delete the table chat-dev_old" in found.stdout  # which the code here no longer describes
    assert cloud.tables == [TABLES[0]]


def test_destroy_where_nothing_is_surely_ours(run: Run) -> None:
    cloud = FakeCloud(tables=[TABLES[0]], tags_of={TABLES[0]: {}})

    found = run(cloud, "destroy", "--yes", "--delete-data")

    assert str(found.exception).startswith(
        "there is no stack chat-dev in this account and region, and no table of one; "
    )


def test_a_failure_is_one_line_with_the_root_cause(run: Run) -> None:
    failed = event(1, "CREATE_FAILED", "Table", "limit exceeded", "AWS::DynamoDB::Table")
    cloud = FakeCloud(found=stack("REVIEW_IN_PROGRESS"), script=[("ROLLBACK_COMPLETE", [failed])])

    found = run(cloud, "deploy", "--yes")

    assert found.return_value == 4
    assert found.stderr == (
        "streamer: Table (AWS::DynamoDB::Table) failed: limit exceeded. The stack is in ROLLBACK_COMPLETE.\n"
    )


def test_without_a_terminal_and_without_yes_nothing_is_asked_of_aws(run: Run) -> None:
    cloud = FakeCloud()

    found = run(cloud, "deploy")

    assert isinstance(found.exception, DeployError)
    assert "--yes" in str(found.exception)
    assert cloud.did == []


def test_a_dangerous_change_is_discarded_unless_it_is_named(run: Run) -> None:
    lost = Change(
        action="Modify",
        logical_id="RequestsTable",
        resource_type="AWS::DynamoDB::Table",
        replacement=Replacement.YES,
        properties=("KeySchema",),
    )
    there = stack(parameters={"JwtSecret": "****"})
    cloud = FakeCloud(found=there, changes=(lost,))

    refused = run(cloud, "deploy", "--yes")

    assert isinstance(refused.exception, DangerError)
    assert cloud.did[-2:] == ["propose", "delete change set"]
    allowed = FakeCloud(found=there, changes=(lost,), script=[("UPDATE_COMPLETE", [event(1, "UPDATE_COMPLETE")])])
    assert run(allowed, "deploy", "--yes", "--replace", "RequestsTable").return_value == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["--parameter", "Jwt=x"], "one of the names JwtSecret", id="unknown parameter"),
        pytest.param(["--parameter", "JwtSecret=short"], "at least 32 characters; it has 5", id="short secret"),
        pytest.param(["--parameter", f"JwtSecret={'ä' * 2049}"], "JwtSecret has 4,098 bytes, and", id="long secret"),
        pytest.param(["--guided"], "there is no terminal", id="guided without a terminal"),
        pytest.param(["--stack-name", "no_good"], "stack name", id="stack name"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_built(run: Run, arguments: list[str], complaint: str) -> None:
    found = run(FakeCloud(), "deploy", "--yes", *arguments)

    assert isinstance(found.exception, DeployError)
    assert complaint in str(found.exception)
    assert "\n" not in str(found.exception)


@pytest.mark.parametrize(
    ("parameters", "number"),
    [
        pytest.param(["JwtSecret"], 1, id="a name alone"),
        pytest.param(["c2VjcmV0"], 1, id="a secret alone"),
        pytest.param(["=c2VjcmV0"], 1, id="no name"),
        pytest.param(["c2VjcmV0=="], 1, id="a secret that ends with ="),
        pytest.param(["JwtSecret=" + "s" * 32, "c2VjcmV0 of mine"], 2, id="the second"),
    ],
)
def test_what_was_given_as_a_parameter_may_be_a_secret_and_is_not_repeated(
    run: Run, parameters: list[str], number: int
) -> None:
    found = run(FakeCloud(), "deploy", "--yes", *(part for each in parameters for part in ("--parameter", each)))

    assert isinstance(found.exception, DeployError)
    said = f"--parameter number {number} is not NAME=VALUE with one of the names JwtSecret"
    assert (str(found.exception), found.output) == (said, "")


def test_status_tells_what_is_unhealthy_rings_or_waits(run: Run) -> None:
    parts = [
        Resource(logical_id="Alarm", physical_id="a", resource_type="AWS::CloudWatch::Alarm", status="CREATE_COMPLETE"),
        Resource(logical_id="Dead", physical_id="q", resource_type="AWS::SQS::Queue", status="CREATE_COMPLETE"),
        Resource(logical_id="Api", physical_id="x", resource_type="AWS::ApiGatewayV2::Api", status="UPDATE_FAILED"),
    ]
    cloud = FakeCloud(found=stack(changed_at=0.0, outputs={"ApiId": "x"}), parts=parts)

    said = run(cloud, "status").stdout

    assert said.splitlines() == [
        "chat-dev: CREATE_COMPLETE, 1970-01-01 00:00:00Z",
        "  ✗ Api is in UPDATE_FAILED",
        "  alarm: a rings",
        "  Dead: about 3 wait",
        "  resources: 1 Api, 1 Alarm, 1 Queue",
        "  ApiId                      x",
    ]


def test_status_for_programs_tells_no_parameters(run: Run) -> None:
    parts = [
        Resource(logical_id="Api", physical_id="x", resource_type="AWS::ApiGatewayV2::Api", status="UPDATE_FAILED")
    ]
    secret = {"JwtSecret": "****"}
    cloud = FakeCloud(found=stack(changed_at=1.0, outputs={"ApiId": "x"}, parameters=secret), parts=parts)

    told = json.loads(run(cloud, "status", "--json").stdout)

    assert {name: told[name] for name in ("stack", "status", "changed_at", "is_protected", "outputs")} == {
        "stack": "chat-dev",
        "status": "CREATE_COMPLETE",
        "changed_at": 1.0,
        "is_protected": False,
        "outputs": {"ApiId": "x"},
    }
    assert told["unhealthy"] == [{"logical_id": "Api", "status": "UPDATE_FAILED"}]
    assert "JwtSecret" not in str(told)


@pytest.mark.parametrize(
    ("cloud", "complaint"),
    [
        pytest.param(FakeCloud(), "there is no stack chat-dev", id="none"),
        pytest.param(FakeCloud(found=stack(tags={})), "was not made by streamer", id="of somebody else"),
    ],
)
def test_status_of_no_stack_of_ours_is_refused(run: Run, cloud: FakeCloud, complaint: str) -> None:
    found = run(cloud, "status")

    assert isinstance(found.exception, StackStateError)
    assert complaint in str(found.exception)


def test_logs_are_printed_as_they_are(run: Run) -> None:
    now = 4_000_000_000_000
    cloud = FakeCloud(lines=[LogEvent(event_id="1", at_ms=now, message='{"level":"INFO"}\n')])

    assert run(cloud, "logs", "router").stdout.endswith('{"level":"INFO"}\n')


def test_what_clients_sent_into_a_log_commands_no_terminal(run: Run) -> None:
    text = "hi\x1b[2J\x9b31m\u202e there\r\n\tframe\rover\n"
    cloud = FakeCloud(lines=[LogEvent(event_id="1", at_ms=4_000_000_000_000, message=text)])

    assert run(cloud, "logs", "router").stdout.endswith("hi\\x1b[2J\\x9b31m\\u202e there\n\tframe\\rover\n")


def test_that_there_are_no_lines_is_said(run: Run) -> None:
    done = run(FakeCloud(), "logs", "router", "--since", "5m")

    assert (done.stdout, done.stderr) == ("", "streamer: there are no such lines of the last 5m; see --since\n")


def test_logs_of_all_functions_are_told_apart(run: Run) -> None:
    groups = [f"/aws/lambda/chat-dev-{name}" for name in ("connect", "router")]
    now, kind = 4_000_000_000_000, "AWS::Logs::LogGroup"
    parts = [
        Resource(logical_id=group, physical_id=group, resource_type=kind, status="CREATE_COMPLETE")
        for group in (*groups, "/aws/apigateway/chat-dev")
    ]
    lines = [LogEvent(event_id=str(n), at_ms=now - n, message=f"line {n}\n", group=g) for n, g in enumerate(groups)]

    said = run(FakeCloud(found=stack(), parts=parts, lines=lines), "logs").stdout.splitlines()

    assert [line.split("Z ")[1] for line in said] == ["router  line 1", "connect line 0"]


@pytest.mark.parametrize("options", [(), ("--stage", "prod")], ids=["stage of its own", "another stage"])
def test_a_function_that_the_service_does_not_have_is_refused_before_aws_is_asked(
    run: Run, options: tuple[str, ...]
) -> None:
    found = run(NoCloud(), "logs", "nope", *options)

    assert isinstance(found.exception, DeployError)
    assert str(found.exception) == "the service has no function 'nope'; it has connect, disconnect, router, processor"


def test_logs_of_another_stack_may_be_of_any_function(run: Run) -> None:
    cloud = FakeCloud(lines=[LogEvent(event_id="1", at_ms=4_000_000_000_000, message="hello\n")])

    assert run(cloud, "logs", "nope", "--stack-name", "another-prod").stdout.endswith("hello\n")


def test_logs_can_be_read_while_the_code_here_is_broken(run: Run, project: Path) -> None:
    (project / "command_test_app.py").write_text("def broken(:\n")
    cloud = FakeCloud(lines=[LogEvent(event_id="1", at_ms=4_000_000_000_000, message="hello\n")])

    assert run(cloud, "logs", "router").stdout.endswith("hello\n")


TABLES = ["chat-dev_connections", "chat-dev_requests", "chat-dev_subscriptions"]


def test_destroy_keeps_tables_and_says_so(run: Run) -> None:
    cloud = FakeCloud(found=stack(), tables=list(TABLES), script=[("DELETE_COMPLETE", [event(1, "DELETE_COMPLETE")])])

    found = run(cloud, "destroy", "--yes")

    assert found.return_value == 0
    assert cloud.did == ["delete stack"]
    assert cloud.tables == TABLES
    assert "keep the table chat-dev_requests" in found.stdout
    assert "the tables stay" in found.stdout


def test_destroy_says_that_a_bucket_stays_which_cloudformation_cannot_delete(run: Run) -> None:
    parts = [
        Resource(logical_id=each, physical_id=f"chat-dev-{each.lower()}", resource_type="AWS::S3::Bucket", status="X")
        for each in ("UploadsBucket", "OwnBucket", "DocumentsBucket")
    ]
    stays = {"DeletionPolicy": "RetainExceptOnCreate"}
    rules = [{"Status": "Enabled", "ExpirationInDays": 1}]
    expires = stays | {"Properties": {"LifecycleConfiguration": {"Rules": rules}}}
    own = {"Type": "AWS::S3::Bucket"}
    template = {"Resources": {"UploadsBucket": expires, "OwnBucket": own, "DocumentsBucket": stays}}
    cloud = FakeCloud(found=stack(), parts=parts, template=template, script=[("DELETE_COMPLETE", [event(1, "X")])])

    found = run(cloud, "destroy", "--yes")

    assert found.return_value == 0
    assert "keep the bucket chat-dev-uploadsbucket: what is in it expires by itself" in found.stdout
    assert "keep the bucket chat-dev-documentsbucket, with all in it" in found.stdout
    assert "delete OwnBucket (AWS::S3::Bucket, chat-dev-ownbucket): it is deleted if it is empty" in found.stdout


def test_destroy_says_what_of_ones_own_goes_with_all_in_it(run: Run) -> None:
    kinds = {"Users": "AWS::Cognito::UserPool", "Notes": "AWS::DynamoDB::Table", "Kept": "AWS::DynamoDB::Table"}
    parts = [Resource(logical_id=i, physical_id=i.lower(), resource_type=t, status="X") for i, t in kinds.items()]
    resources = {each: {"Type": kind} for each, kind in kinds.items()}
    template = {"Resources": resources | {"Kept": {"Type": kinds["Kept"], "DeletionPolicy": "Retain"}}}
    cloud = FakeCloud(found=stack(), parts=parts, template=template, script=[("DELETE_COMPLETE", [event(1, "X")])])
    cloud.tables = ["notes", "kept"]

    found = run(cloud, "destroy", "--yes")

    assert found.return_value == 0
    assert "delete Users (AWS::Cognito::UserPool, users): it is deleted with all in it; Del" in found.stdout
    assert "delete Notes (AWS::DynamoDB::Table, notes): it is deleted with all in it; Del" in found.stdout
    assert "keep the table notes" not in found.stdout
    assert "keep the table kept" in found.stdout


def test_destroy_with_data_deletes_the_services_tables_alone(run: Run) -> None:
    cloud = FakeCloud(found=stack(), tables=["mine", *TABLES], script=[("DELETE_COMPLETE", [event(1, "X")])])

    assert run(cloud, "destroy", "--yes", "--delete-data").return_value == 0
    assert cloud.tables == ["mine"]


@pytest.mark.parametrize(
    ("tags", "is_deleted"),
    [pytest.param(OURS, True, id="ours"), pytest.param({**OURS, "streamer:service": "other"}, False, id="another's")],
)
def test_destroy_with_data_goes_by_the_tags_of_a_table_that_the_stack_has_no_more(
    run: Run, tags: dict[str, str], *, is_deleted: bool
) -> None:
    kind = "AWS::DynamoDB::Table"
    parts = [Resource(logical_id="Old", physical_id="moved", resource_type=kind, status="DELETE_SKIPPED")]
    cloud = FakeCloud(found=stack(), parts=parts, tables=["moved"], script=[("DELETE_COMPLETE", [event(1, "X")])])
    cloud.tags_of = {"moved": tags}

    found = run(cloud, "destroy", "--yes", "--delete-data")

    assert found.return_value == 0
    assert cloud.tables == ([] if is_deleted else ["moved"])
    assert ("keep the table moved: by its tags" in found.stdout) is not is_deleted


class Beside(FakeCloud):
    """There is another stack, in the state that ``other`` says; DENIED: whoever asks may not look at it."""

    other = "UPDATE_COMPLETE"

    def stack(self, name: str) -> Stack | None:
        if name != "of-before":
            return super().stack(name)
        if self.other == "DENIED":
            raise DeniedError("not permitted")
        return stack(self.other) if self.other else None


@pytest.mark.parametrize(
    ("other", "stays"),
    [
        pytest.param("UPDATE_COMPLETE", True, id="it lives"),
        pytest.param("DELETE_FAILED", True, id="it is stuck"),
        pytest.param("DENIED", True, id="nobody here may look at it"),
        pytest.param("DELETE_COMPLETE", False, id="it is deleted"),
        pytest.param("", False, id="it was deleted long ago"),
    ],
)
def test_destroy_with_data_deletes_no_table_that_another_stack_has(run: Run, other: str, *, stays: bool) -> None:
    cloud = Beside(tables=list(TABLES))
    cloud.other = other
    cloud.tags_of = {TABLES[0]: {**OURS, "aws:cloudformation:stack-id": "of-before"}}

    found = run(cloud, "destroy", "--yes", "--delete-data")

    assert found.return_value == 0
    assert cloud.tables == ([TABLES[0]] if stays else [])
    assert (f"keep the table {TABLES[0]}: by its tags it may be somebody else's" in found.stdout) is stays


def test_destroy_with_data_deletes_what_the_stack_has_given_up(run: Run) -> None:
    cloud = Beside(found=stack(), tables=list(TABLES), script=[("DELETE_COMPLETE", [event(1, "X")])])
    cloud.tags_of = {TABLES[0]: {**OURS, "aws:cloudformation:stack-id": STACK_ID}}

    assert run(cloud, "destroy", "--yes", "--delete-data").return_value == 0
    assert cloud.tables == []


def test_destroy_with_data_works_after_the_stack_is_gone(run: Run) -> None:
    cloud = FakeCloud(tables=list(TABLES))

    assert run(cloud, "destroy", "--yes", "--delete-data").return_value == 0
    assert cloud.tables == []


class Redeployed(FakeCloud):
    """One in which a colleague deploys when some of the tables are deleted."""

    deleted: int
    looked: int = 0

    def stack(self, name: str) -> Stack | None:
        self.looked += 1
        is_back = self.looked > 1 and len(self.tables) == len(TABLES) - self.deleted
        return stack("CREATE_IN_PROGRESS") if is_back else None


@pytest.mark.parametrize("deleted", [0, 1])
def test_destroy_with_data_deletes_no_table_of_a_stack_that_is_there_again(run: Run, deleted: int) -> None:
    cloud = Redeployed(tables=list(TABLES))
    cloud.deleted = deleted

    found = run(cloud, "destroy", "--yes", "--delete-data")

    left = sorted(TABLES)[deleted:]
    assert str(found.exception) == f"somebody deployed chat-dev meanwhile, and it may have taken over {', '.join(left)}"
    assert sorted(cloud.tables) == left


@pytest.mark.parametrize(
    ("cloud", "complaint"),
    [
        pytest.param(FakeCloud(), "there is no stack chat-dev", id="nothing there"),
        pytest.param(FakeCloud(found=stack("UPDATE_IN_PROGRESS")), "being changed right now", id="in progress"),
        pytest.param(FakeCloud(found=stack(tags={})), "was not made by streamer", id="of somebody else"),
    ],
)
def test_what_destroy_refuses(run: Run, cloud: FakeCloud, complaint: str) -> None:
    found = run(cloud, "destroy", "--yes")

    assert isinstance(found.exception, DeployError)
    assert complaint in str(found.exception)
    assert cloud.did == []


PLAIN = """
from streamer.topology import Api, Function, Key, Route, Table, Topology


def chat(stage, prefix):
    return Topology(
        api=Api(name="chat", stage=stage, routes=(Route(route_key="$default", function="say"),)),
        functions=(Function(name="say", handler="command_test_plain.say"),),
        tables=(Table(name=f"{prefix}rooms", key=Key(partition="id")),),
    )
"""


@pytest.fixture
def plain(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (project / "command_test_plain.py").write_text(PLAIN)
    monkeypatch.delitem(__import__("sys").modules, "command_test_plain", raising=False)
    return "command_test_plain:chat"


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_plain_handlers_have_stages_side_by_side(run: Run, plain: str, stage: str) -> None:
    found = json.loads(run(FakeCloud(), "template", plain, "--stage", stage).stdout)["Resources"]

    (table,) = (each["Properties"] for each in found.values() if each["Type"] == "AWS::DynamoDB::Table")
    assert table["TableName"] == f"chat-{stage}_rooms"
    assert found["Stage"]["Properties"]["StageName"] == stage


def test_destroy_finds_the_tables_of_plain_handlers_after_the_stack_is_gone(
    run: Run, plain: str, project: Path
) -> None:
    (project / "streamer.toml").write_text(f'service = "chat"\napp = "{plain}"\n')
    cloud = FakeCloud(tables=["chat-dev_rooms", "rooms"])

    assert run(cloud, "destroy", "--yes", "--delete-data").return_value == 0
    assert cloud.tables == ["rooms"]
