"""What pipelines do apart from deploying at once: propose, execute later, go back; and what they are told."""

import errno
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_cloud import OURS, FakeCloud, NoCredentials, event, stack

from deploy.cloud import Account, Change, Proposal, Replacement, Resource, Stack
from deploy.command.commands import COMMANDS
from deploy.config import parse
from deploy.deployment import Desk
from deploy.errors import DangerError, DeniedError, DeployError, StackStateError, StoppedError
from deploy.history import deployments, keep, prefix
from deploy.pipeline import carry_out, go_back

APP = "from streamer import App\n\napp = App()\n"
DONE = ("UPDATE_COMPLETE", [event(1, "UPDATE_COMPLETE")])

Run = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, no_other_python: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    name = "pipeline_test_app"
    (tmp_path / f"{name}.py").write_text(APP)
    (tmp_path / "streamer.toml").write_text(f'service = "chat"\napp = "{name}:app"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("JWT_SECRET", "s" * 32)
    return tmp_path


@pytest.fixture
def run(project: Path) -> Run:
    def invoke(cloud: FakeCloud, command: str, *arguments: str) -> Result:
        found = CliRunner().invoke(COMMANDS[command], arguments, obj=lambda config: cloud, standalone_mode=False)
        if found.exception is not None and not isinstance(found.exception, DeployError | SystemExit):
            raise found.exception
        return found

    return invoke


def running(code: str = "old", **changes: Any) -> Stack:
    parameters = {"CodeBucket": "code", "CodeKey": f"chat/{code}.zip", "JwtSecret": "****"}
    return stack(parameters=parameters, tags=OURS, outputs={"WebSocketUrl": "wss://x"}, **changes)


@pytest.mark.parametrize("command", ["deploy", "rollback"])
@pytest.mark.parametrize(
    "others",
    [
        pytest.param({"found": running("theirs")}, id="other code"),
        pytest.param({"template": {"Resources": {"Theirs": {"Type": "AWS::SQS::Queue"}}}}, id="another template"),
        pytest.param({"found": None}, id="destroyed"),
    ],
)
def test_nobody_undoes_what_was_deployed_while_they_uploaded(run: Run, command: str, others: dict[str, Any]) -> None:
    class Overtaken(FakeCloud):
        def propose(self, proposal: Proposal) -> str:
            vars(self).update(others)
            return super().propose(proposal)

    cloud = Overtaken(found=running(), template=json.loads(run(FakeCloud(), "template").stdout))
    before: dict[str, Any] = {"Resources": {}}
    keep(cloud, "chat", replace(running("older"), changed_at=1.0), before)
    cloud.objects["chat/older.zip"] = b""

    found = run(cloud, command, "--yes")

    assert str(found.exception) == ("somebody deployed chat-dev meanwhile; look, and try again; nothing was changed")
    assert cloud.did[-1] == "delete change set"


def test_a_change_set_can_wait_and_its_name_is_told(run: Run, project: Path) -> None:
    cloud = FakeCloud(found=running())

    found = run(cloud, "deploy", "--no-execute", "--outputs-file", ".streamer/out.json")

    name = cloud.proposals[0].name
    assert found.return_value == 0
    assert cloud.did[-1] == "propose"
    assert f"the change set {name} of chat-dev waits; `streamer deploy --execute {name}` executes it" in found.stdout
    assert json.loads((project / ".streamer/out.json").read_text()) == {
        "stack": "chat-dev",
        "status": "CREATE_COMPLETE",
        "change_set": name,
        "outputs": {},
    }


class Foreign(FakeCloud):
    """The bucket with the code that runs may not be looked into."""

    def has_object(self, bucket: str, key: str, account: Account) -> bool:
        if key.endswith("old.zip"):
            raise DeniedError("not permitted")
        return super().has_object(bucket, key, account)


@pytest.mark.parametrize(
    ("cloud", "is_told"),
    [
        pytest.param(FakeCloud(found=running()), True, id="gone"),
        pytest.param(FakeCloud(found=running(), objects={"chat/old.zip": b""}), False, id="there"),
        pytest.param(Foreign(found=running()), False, id="nobody can tell"),
    ],
)
def test_that_a_change_could_not_be_rolled_back_for_want_of_code_is_told(
    run: Run, cloud: FakeCloud, *, is_told: bool
) -> None:
    said = run(cloud, "deploy", "--no-execute").stdout

    assert ("note: s3://code/chat/old.zip, the code that runs now, is gone: if this change fails" in said) is is_told


def test_remains_are_not_removed_where_nobody_can_be_asked(run: Run) -> None:
    cloud = FakeCloud(found=running(status="ROLLBACK_COMPLETE"))

    found = run(cloud, "deploy", "--no-execute")

    assert str(found.exception) == (
        "there is no terminal to ask on; pass --yes to remove chat-dev, the empty remains of a deployment that failed "
        "without asking; nothing was changed"
    )
    assert cloud.did == []


def test_where_nothing_changes_none_waits(run: Run, project: Path) -> None:
    reason = "The submitted information didn't contain changes."
    cloud = FakeCloud(found=running(), change_set_status="FAILED", change_set_reason=reason)

    assert run(cloud, "deploy", "--no-execute", "--outputs-file", ".streamer/out.json").return_value == 0
    told = json.loads((project / ".streamer/out.json").read_text())
    assert (told["change_set"], told["outputs"]) == (None, {"WebSocketUrl": "wss://x"})


def test_what_is_dangerous_does_not_wait_without_the_word(run: Run) -> None:
    lost = Change(
        action="Modify", logical_id="RequestsTable", resource_type="AWS::DynamoDB::Table", replacement=Replacement.YES
    )
    cloud = FakeCloud(found=running(), changes=(lost,))

    assert isinstance(run(cloud, "deploy", "--no-execute").exception, DangerError)
    assert cloud.did[-1] == "delete change set"


def waiting(run: Run, **changes: Any) -> FakeCloud:
    template = json.loads(run(FakeCloud(), "template").stdout)
    options = {"found": running(), "proposed": template, "waiting": {"streamer-1": "id"}, "script": [DONE]}
    return FakeCloud(**(options | changes))


def test_a_change_set_that_waits_is_executed_without_the_code(run: Run, project: Path) -> None:
    cloud = waiting(run)
    (project / "pipeline_test_app.py").unlink()

    found = run(cloud, "deploy", "--execute", "streamer-1", "--yes", "--outputs-file", ".streamer/out.json")

    assert found.return_value == 0
    assert [step.split("/")[0] for step in cloud.did] == ["put chat", "execute", "put chat"]
    assert "permissions:" in found.stdout
    assert json.loads((project / ".streamer/out.json").read_text())["outputs"] == {"WebSocketUrl": "wss://x"}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param(
            {"waiting": {}}, "chat-dev has no change set streamer-1; those of streamer are: none. With", id="none"
        ),
        pytest.param({"execution": "OBSOLETE"}, "cannot be executed (CREATE_COMPLETE, OBSOLETE)", id="obsolete"),
        pytest.param({"execution": "EXECUTE_COMPLETE"}, "was executed already", id="executed"),
        pytest.param({"found": stack(tags={})}, "was not made by streamer", id="somebody else's"),
        pytest.param(
            {"changes": (Change(action="Remove", logical_id="T", resource_type="AWS::DynamoDB::Table"),)},
            "--replace T",
            id="dangerous",
        ),
    ],
)
def test_what_is_not_executed_stays_as_it_is(run: Run, changes: dict[str, Any], complaint: str) -> None:
    cloud = waiting(run, **changes)

    found = run(cloud, "deploy", "--execute", "streamer-1", "--yes")

    assert complaint in str(found.exception)
    assert str(found.exception).endswith("nothing was changed")
    assert cloud.did == []


class Refusing(FakeCloud):
    def execute(self, change_set_id: str, token: str) -> None:
        raise DeployError("the token is expired")


def test_a_change_set_of_somebody_else_s_run_is_not_tidied_away(run: Run) -> None:
    cloud = waiting(run)
    refusing = Refusing(found=cloud.found, proposed=cloud.proposed, waiting=cloud.waiting)

    found = run(refusing, "deploy", "--execute", "streamer-1", "--yes")

    assert str(found.exception) == "the token is expired; nothing was changed"
    assert [step.split("/")[0] for step in refusing.did] == ["put chat"]  # what runs, for going back


@pytest.mark.parametrize(
    "arguments",
    [
        ("--execute", "x", "--no-execute"),
        ("--dry-run", "--no-execute"),
        ("--guided", "--execute", "x"),
        ("--execute", "x", "--adopt", "T"),
        ("--execute", "x", "--parameter", "A=b"),
    ],
    ids=" ".join,
)
def test_words_that_contradict_each_other_are_refused(run: Run, arguments: tuple[str, ...]) -> None:
    assert "do not go together" in str(run(FakeCloud(), "deploy", "--yes", *arguments).exception)


@pytest.mark.parametrize(
    "arguments", [("deploy", "--yes"), ("deploy", "--dry-run"), ("deploy", "--execute", "streamer-1", "--yes")], ids=str
)
def test_a_word_for_a_resource_that_there_is_not_is_refused_before_anything_is_asked_or_done(
    run: Run, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = waiting(run)
    monkeypatch.delenv("JWT_SECRET")

    found = run(cloud, *arguments, "--replace", "Tabel")

    assert "--replace Tabel: there is no such resource; those that need the word are " in str(found.exception)
    assert cloud.did == []


def test_a_dry_run_that_cannot_ask_aws_says_that_the_service_has_no_such_resource(run: Run) -> None:
    found = run(NoCredentials(), "deploy", "--dry-run", "--replace", "Tabel")

    assert found.return_value == 0
    assert "note: --replace Tabel: the service describes no such resource" in found.stdout


def test_values_and_permissions_are_shown_before_the_question(run: Run, project: Path) -> None:
    template = json.loads(run(FakeCloud(), "template").stdout)
    toml = project / "streamer.toml"
    toml.write_text(toml.read_text() + "\ntracing = false\n[functions.router]\nmemory_mb = 2048\n")
    cloud = FakeCloud(
        found=running(),
        template=template,
        changes=(Change(action="Modify", logical_id="RouterFunction", resource_type="AWS::Lambda::Function"),),
    )

    said = run(cloud, "deploy", "--no-execute").stdout

    assert "      MemorySize: 512 -> 2048" in said
    assert "      TracingConfig.Mode: Active -> PassThrough" in said
    assert "      Code: chat/old.zip -> chat/" in said
    assert "  - RouterRole may xray:PutTelemetryRecords, xray:PutTraceSegments on *" in said


def remembered(run: Run, **changes: Any) -> FakeCloud:
    """Two deployments, of which the second runs."""
    template = json.loads(run(FakeCloud(), "template").stdout)
    cloud = FakeCloud(found=running("new"), template=template, script=[DONE], **changes)
    cloud.objects = {"chat/old.zip": b"", "chat/new.zip": b""}
    for at, code in enumerate(("old", "new")):
        keep(cloud, "chat", running(code, changed_at=float(at)), template)
    cloud.did.clear()
    return cloud


def test_going_back_brings_the_code_and_keeps_the_secrets(run: Run, project: Path) -> None:
    cloud = remembered(run)
    (project / "pipeline_test_app.py").unlink()

    found = run(cloud, "rollback", "--yes")

    assert found.return_value == 0
    assert "Go back to this in account 123456789012 in us-east-1? yes\n" in found.stdout
    assert cloud.did == ["propose", "execute"]
    values = {each.name: each.value for each in cloud.proposals[0].parameters}
    assert values == {"CodeBucket": "code", "CodeKey": "chat/old.zip", "JwtSecret": None}
    assert "chat-dev is what it was at 19700101T000000.000Z-old-" in found.stdout


@pytest.mark.parametrize(
    ("typed", "environment", "value"),
    [
        pytest.param(None, {"MAIL_KEY": "from-the-shell", "JWT_SECRET": "n" * 32}, "from-the-shell", id="is there"),
        pytest.param("typed", {}, "typed", id="is asked for"),
        pytest.param(None, {"MAIL_KEY": ""}, None, id="is nowhere"),
    ],
)
def test_going_back_needs_the_secrets_that_the_stack_has_given_up_since(
    run: Run, project: Path, typed: str | None, environment: dict[str, str], value: str | None
) -> None:
    cloud, config = remembered(run), parse((project / "streamer.toml").read_text(), project, {})
    before: dict[str, Any] = json.loads(json.dumps(cloud.template))
    before["Parameters"]["MailKey"] = {"Type": "String", "NoEcho": True, "MinLength": 1}
    before["Resources"]["RouterFunction"]["Properties"]["Environment"]["Variables"]["STREAMER_SECRETS"] = "MAIL_KEY"
    keep(cloud, "chat", running("old", changed_at=0.5), before)
    typing = replace(DECLINING, confirm=lambda _: True, secret=lambda *_: typed)
    known = deployments(cloud.object_keys("code", prefix("chat", "chat-dev"), cloud.account()))[1].name

    if value is None:
        with pytest.raises(DeployError, match=r"^no value for MAIL_KEY; pass it in the environment or answer when ask"):
            go_back(cloud, typing, config, known, frozenset(), environment=environment)
        return
    go_back(cloud, typing, config, known, frozenset(), environment=environment)

    values = {each.name: each.value for each in cloud.proposals[0].parameters}
    assert values == {"CodeBucket": "code", "CodeKey": "chat/old.zip", "MailKey": value, "JwtSecret": None}


DECLINING = Desk(
    say=lambda *_: None,
    report=lambda _: None,
    confirm=lambda _: False,
    type_name=lambda _: False,
    secret=lambda *_: None,
)


def test_whoever_says_no_to_a_change_set_that_waits_leaves_it_waiting(run: Run, project: Path) -> None:
    cloud, config = waiting(run), parse((project / "streamer.toml").read_text(), project, {})

    with pytest.raises(StoppedError, match=r"^not deployed; the change set streamer-1 goes on waiting; nothing was"):
        carry_out(cloud, DECLINING, config, "streamer-1", frozenset())

    assert cloud.did == []


def test_whoever_says_no_to_going_back_leaves_no_trace(run: Run, project: Path) -> None:
    cloud, config = remembered(run), parse((project / "streamer.toml").read_text(), project, {})

    with pytest.raises(StoppedError, match=r"^not rolled back; nothing was changed$"):
        go_back(cloud, DECLINING, config, None, frozenset(), environment={})

    assert cloud.did == ["propose", "delete change set"]


class Buckets(FakeCloud):
    """Tells the objects of one bucket from those of another."""

    def has_object(self, bucket: str, key: str, account: Account) -> bool:
        return f"{bucket}:{key}" in self.objects

    def put_object(self, bucket: str, key: str, body: bytes, account: Account) -> None:
        self.objects[f"{bucket}:{key}"] = body

    def object_keys(self, bucket: str, prefix: str, account: Account) -> Sequence[str]:
        return sorted(key.removeprefix(f"{bucket}:") for key in self.objects if key.startswith(f"{bucket}:{prefix}"))

    def get_object(self, bucket: str, key: str, account: Account) -> bytes:
        return self.objects[f"{bucket}:{key}"]


def test_what_ran_before_the_bucket_was_another_one_can_be_gone_back_to(run: Run, project: Path) -> None:
    template = json.loads(run(FakeCloud(), "template").stdout)
    there = {"found": running(), "template": template, "objects": {"code:chat/old.zip": b""}}
    cloud = Buckets(**there, script=[DONE, DONE])
    toml = project / "streamer.toml"
    toml.write_text(toml.read_text() + 'bucket = "elsewhere"\n')
    assert run(cloud, "deploy", "--yes").return_value == 0
    moved = {each.name: each.value for each in cloud.proposals[0].parameters}
    parameters = {"CodeBucket": "elsewhere", "CodeKey": str(moved["CodeKey"]), "JwtSecret": "****"}
    after = Buckets(found=replace(running(), parameters=parameters), template=template, script=[DONE])
    after.objects = cloud.objects

    found = run(after, "rollback", "--yes")

    assert found.return_value == 0
    values = {each.name: each.value for each in after.proposals[0].parameters}
    assert (moved["CodeBucket"], values["CodeBucket"], values["CodeKey"]) == ("elsewhere", "code", "chat/old.zip")


def test_the_list_marks_what_runs(run: Run) -> None:
    lines = run(remembered(run), "rollback", "--list").stdout.splitlines()

    assert [line[:27] for line in lines] == ["* 19700101T000001.000Z-new-", "  19700101T000000.000Z-old-"]


@pytest.mark.parametrize("command", [("deploy",), ("deploy", "--execute", "streamer-1"), ("rollback", "--to", "old")])
def test_what_nobody_watched_to_its_end_can_be_gone_back_to(run: Run, command: tuple[str, ...]) -> None:
    cloud = remembered(run, waiting={"streamer-1": "1"})
    cloud.found, cloud.proposed = running("unwatched", changed_at=2.0), cloud.template

    assert run(cloud, *command, "--yes").return_value == 0
    assert "unwatched" in [each.code for each in deployments(list(cloud.objects))]


def test_what_somebody_went_back_to_is_gone_back_to_after_a_worse_deployment(run: Run) -> None:
    cloud = remembered(run)
    cloud.objects["chat/worse.zip"] = b""
    keep(cloud, "chat", running("old", changed_at=2.0), cloud.template, is_again=True)
    cloud.found = running("worse", changed_at=3.0)
    keep(cloud, "chat", cloud.found, cloud.template)

    assert len(run(cloud, "rollback", "--list").stdout.splitlines()) == 3
    assert "what it was at 19700101T000000.000Z-old-" in run(cloud, "rollback", "--yes").stdout


def test_a_service_goes_back_to_what_ran_under_its_old_name(run: Run, project: Path) -> None:
    """What ran is remembered when the new name is deployed first, with the code where it is."""
    (project / "streamer.toml").write_text('service = "talk"\nstack_name = "chat-dev"\napp = "pipeline_test_app:app"\n')
    cloud = FakeCloud(found=running(), script=[DONE], objects={"chat/old.zip": b""})
    assert run(cloud, "deploy", "--yes", "--adopt", "chat-dev").return_value == 0
    cloud.found, cloud.script, cloud._running = running("new", changed_at=9.0), [DONE], False
    cloud.found = replace(cloud.found, tags={**OURS, "streamer:service": "talk"})

    assert run(cloud, "rollback", "--yes").return_value == 0
    values = {each.name: each.value for each in cloud.proposals[-1].parameters}
    assert values["CodeKey"] == "chat/old.zip"


def code_here(run: Run) -> str:
    """The digest of the project's code."""
    cloud = FakeCloud(found=running())
    run(cloud, "deploy", "--no-execute")
    [key] = [each.value or "" for each in cloud.proposals[0].parameters if each.name == "CodeKey"]
    return key.removeprefix("chat/").removesuffix(".zip")


SNAPSHOT = "note: connect with SnapStart may keep the secrets of the last snapshot"


@pytest.mark.parametrize(
    ("setting", "runs", "is_told"),
    [
        pytest.param("connect = { snap_start = true }", "the same code", True, id="a secret and nothing else"),
        pytest.param("connect = { snap_start = true }", "other code", False, id="with other code"),
        pytest.param("router = { snap_start = true }", "the same code", False, id="a snapshot without it"),
        pytest.param("connect = { memory_mb = 512 }", "the same code", False, id="no snapshot"),
    ],
)
def test_that_a_snapshot_keeps_a_secret_is_told(
    run: Run, project: Path, setting: str, runs: str, *, is_told: bool
) -> None:
    with (project / "streamer.toml").open("a") as file:
        file.write(f"[functions]\n{setting}\n")
    code = code_here(run) if runs == "the same code" else "old"

    assert (SNAPSHOT in run(FakeCloud(found=running(code), script=[DONE]), "deploy", "--yes").stdout) is is_told


def test_a_secret_that_is_kept_makes_no_note(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JWT_SECRET")
    with (project / "streamer.toml").open("a") as file:
        file.write("[functions]\nconnect = { snap_start = true }\n")

    assert SNAPSHOT not in run(FakeCloud(found=running(code_here(run)), script=[DONE]), "deploy", "--yes").stdout


def test_code_that_is_gone_is_said(run: Run) -> None:
    cloud = remembered(run)
    del cloud.objects["chat/old.zip"]

    found = run(cloud, "rollback", "--yes")

    assert "is not at s3://code/chat/old.zip any more; nothing was changed" in str(found.exception)
    assert cloud.did == []


def test_without_a_terminal_and_without_yes_nothing_goes_back(run: Run) -> None:
    cloud = remembered(run)

    assert "pass --yes to roll back" in str(run(cloud, "rollback").exception)
    assert cloud.did == []


def test_a_stack_that_never_was_cannot_go_back(run: Run) -> None:
    found = run(FakeCloud(found=stack("ROLLBACK_COMPLETE")), "rollback", "--yes")

    assert isinstance(found.exception, StackStateError)
    assert "was never deployed" in str(found.exception)


def test_going_back_knows_which_resources_there_are(run: Run) -> None:
    cloud = remembered(run)

    found = run(cloud, "rollback", "--yes", "--replace", "Tabel")

    assert "--replace Tabel: there is no such resource" in str(found.exception)
    assert cloud.did == []


@pytest.mark.parametrize("word", ["--to", "--replace"])
def test_the_list_takes_no_words_for_going_back(run: Run, word: str) -> None:
    assert f"--list and {word} do not go together" in str(run(FakeCloud(), "rollback", "--list", word, "x").exception)


class Full(FakeCloud):
    def put_object(self, bucket: str, key: str, body: bytes, account: Any) -> None:
        if key.startswith(prefix("chat", "chat-dev")):
            raise DeployError("the bucket is full")
        super().put_object(bucket, key, body, account)


def test_a_deployment_that_cannot_be_remembered_is_deployed_all_the_same(run: Run) -> None:
    cloud = Full(found=running(), script=[DONE])

    found = run(cloud, "deploy", "--yes")

    assert found.return_value == 0
    assert "note: `streamer rollback` will not know of this deployment: the bucket is full" in found.stdout
    assert deployments(list(cloud.objects)) == ()


def test_an_outputs_file_that_cannot_be_written_is_told_after_the_fact(run: Run, project: Path) -> None:
    (project / ".streamer").write_text("a file where a folder should be")

    found = run(FakeCloud(found=running(), script=[DONE]), "deploy", "--yes", "--outputs-file", ".streamer/out.json")

    assert "chat-dev is done, but .streamer/out.json cannot be written" in str(found.exception)


@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_an_outputs_file_among_the_code_would_be_a_change_of_it(run: Run, command: str) -> None:
    cloud = FakeCloud()

    found = run(cloud, command, "--yes", "--outputs-file", "out.json")

    assert "--outputs-file out.json would be packed with the code" in str(found.exception)
    assert cloud.did == []


@pytest.mark.parametrize(
    ("setting", "found", "takes"),
    [
        pytest.param("keep_logs = true\n", None, True, id="a new stack, whose logs are kept"),
        pytest.param("keep_logs = true\n", stack(), False, id="a stack that has them"),
        pytest.param("", None, False, id="logs that go with the stack"),
    ],
)
def test_logs_of_an_earlier_stack_are_taken_over(
    run: Run, project: Path, setting: str, found: Stack | None, *, takes: bool
) -> None:
    toml = project / "streamer.toml"
    toml.write_text(toml.read_text() + setting)
    cloud = FakeCloud(found=found, script=[("CREATE_COMPLETE", [event(1, "X")])])

    run(cloud, "deploy", "--yes")

    assert [each.adopts_existing for each in cloud.proposals] == [takes]


def test_destroy_says_that_logs_stay(run: Run, project: Path) -> None:
    toml = project / "streamer.toml"
    toml.write_text(toml.read_text() + "keep_logs = true\n")
    cloud = FakeCloud(found=stack(), script=[("DELETE_COMPLETE", [event(1, "X")])])

    assert "keep the log groups" in run(cloud, "destroy", "--yes").stdout


def test_the_policy_is_printed_alone_and_with_a_role_it_is_smaller(run: Run, project: Path) -> None:
    alone = json.loads(run(FakeCloud(), "deploy", "--print-policy").stdout)
    toml = project / "streamer.toml"
    role = "arn:aws:iam::123456789012:role/cloudformation"
    toml.write_text(toml.read_text() + f'cloudformation_role = "{role}"\nregion = "cn-north-1"\n')
    with_role = run(FakeCloud(), "deploy", "--print-policy").stdout
    of_role = run(FakeCloud(), "deploy", "--print-role-policy").stdout

    assert alone["Version"] == "2012-10-17"
    assert "iam:CreateRole" not in with_role
    assert role in with_role
    assert "iam:CreateRole" in of_role
    assert "cloudformation:CreateChangeSet" not in of_role
    assert '"arn:aws-cn:lambda:cn-north-1:*:function:chat-dev-*"' in of_role


@pytest.mark.parametrize(
    ("wanted", "there", "did"),
    [
        pytest.param("true", False, ["protect chat-dev"], id="on"),
        pytest.param("false", True, ["unprotect chat-dev"], id="off"),
        pytest.param("true", True, [], id="on already"),
        pytest.param(None, True, [], id="not said"),
    ],
)
def test_a_stack_is_protected_as_the_file_says(
    run: Run, project: Path, wanted: str | None, *, there: bool, did: list[str]
) -> None:
    toml = project / "streamer.toml"
    toml.write_text(toml.read_text() + (f"termination_protection = {wanted}\n" if wanted else ""))
    cloud = FakeCloud(found=running(is_protected=there), script=[DONE, DONE])

    assert run(cloud, "deploy", "--yes").return_value == 0
    assert [each for each in cloud.did if "protect" in each] == did


TABLE = "chat-dev_connections"


@pytest.mark.parametrize(
    ("wanted", "there", "did"),
    [
        pytest.param("true", False, [f"protect {TABLE}"], id="protected"),
        pytest.param("true", True, [], id="as it is"),
        pytest.param("false", True, [f"unprotect {TABLE}"], id="let go"),
        pytest.param(None, True, [], id="nothing said"),
    ],
)
def test_tables_are_protected_once_the_stack_stands(
    run: Run, project: Path, wanted: str | None, *, there: bool, did: list[str]
) -> None:
    toml = project / "streamer.toml"
    toml.write_text(toml.read_text() + (f"deletion_protection = {wanted}\n" if wanted else ""))
    tables: dict[str, Mapping[str, Any]] = {TABLE: {"DeletionProtectionEnabled": there}}
    cloud = FakeCloud(found=running(), script=[DONE, DONE], descriptions=tables)

    assert run(cloud, "deploy", "--yes").return_value == 0
    assert [each for each in cloud.did if "protect" in each] == did


def test_tables_that_come_back_are_protected_as_the_others(run: Run, project: Path) -> None:
    cloud = remembered(run, descriptions={TABLE: {}})
    toml = project / "streamer.toml"
    toml.write_text(f"{toml.read_text()}deletion_protection = true\n")

    assert run(cloud, "rollback", "--yes").return_value == 0
    assert cloud.did[-1] == f"protect {TABLE}"


class Failing(FakeCloud):
    """One in which protecting and setting back fail."""

    failure: BaseException

    def protect_stack(self, name: str, *, is_protected: bool) -> None:
        raise self.failure

    def protect_table(self, name: str, *, is_protected: bool) -> None:
        raise self.failure

    def set_back(self, kind: str, name: str, owner: str, settings: Mapping[str, Any]) -> None:
        raise self.failure


FAILING_AFTERWARDS = {
    "termination_protection = true": "its termination protection may not be as streamer.toml says",
    "deletion_protection = true": "the protection of its tables may not be as streamer.toml says",
    "": "what was noted above may not all be set back",
}


@pytest.mark.parametrize("setting", FAILING_AFTERWARDS, ids=["stack", "tables", "drift"])
@pytest.mark.parametrize(
    ("failure", "told"),
    [
        pytest.param(DeniedError("not permitted"), "not permitted", id="refused"),
        pytest.param(KeyboardInterrupt(), "streamer: stopped", id="Ctrl-C"),
        pytest.param(BrokenPipeError(errno.EPIPE, ""), "streamer: nobody reads the output any more", id="no reader"),
    ],
)
def test_what_fails_after_a_deployment_says_that_it_is_one(
    run: Run, project: Path, setting: str, failure: BaseException, told: str
) -> None:
    toml = project / "streamer.toml"
    toml.write_text(f"{toml.read_text()}{setting}\n")
    described = json.loads(run(FakeCloud(), "template").stdout)
    function = described["Resources"]["RouterFunction"]["Properties"]
    part = Resource(
        logical_id="RouterFunction",
        physical_id="chat-dev-router",
        resource_type="AWS::Lambda::Function",
        status="CREATE_COMPLETE",
    )
    cloud = Failing(
        found=running(),
        script=[DONE, DONE],
        descriptions={TABLE: {"DeletionProtectionEnabled": False}},
        parts=[] if setting else [part],
        template=described,
        functions={"chat-dev-router": {**function, "MemorySize": 128}},
    )
    cloud.failure = failure

    found = run(cloud, "deploy", "--yes")

    status = {KeyboardInterrupt: 130, BrokenPipeError: 3}.get(type(failure))
    said = str(found.exception) if status is None else found.stderr.strip()
    assert said == f"{told}; chat-dev itself is deployed; {FAILING_AFTERWARDS[setting]}"
    assert found.return_value == status


def test_protected_tables_are_not_even_asked_to_be_deleted(run: Run) -> None:
    tables: dict[str, Mapping[str, Any]] = {TABLE: {"DeletionProtectionEnabled": True}}
    cloud = FakeCloud(found=running(), tables=[TABLE], descriptions=tables)

    found = run(cloud, "destroy", "--yes", "--delete-data")

    assert f"the table {TABLE} is protected from being deleted" in str(found.exception)
    assert f"update-table --table-name {TABLE} --no-deletion-protection-enabled`; then destroy" in str(found.exception)
    assert cloud.did == []


ALARM = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:chat-errors"


def test_alarms_take_a_change_back(run: Run, project: Path) -> None:
    toml = project / "streamer.toml"
    toml.write_text(toml.read_text() + f'rollback_alarms = ["{ALARM}"]\nrollback_minutes = 10\n')
    cloud = FakeCloud(found=running(), script=[DONE, DONE])

    assert run(cloud, "deploy", "--yes").return_value == 0
    (proposal,) = cloud.proposals
    assert (proposal.rollback_alarms, proposal.rollback_minutes) == ((ALARM,), 10)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        pytest.param('rollback_alarms = ["errors"]', "write ARNs", id="a name"),
        pytest.param(f"rollback_alarms = {[ALARM] * 6}", "5 at most", id="six"),
        pytest.param(f"rollback_alarms = {[ALARM]}\nrollback_minutes = 181", "must be 0 to 180", id="too long"),
        pytest.param("rollback_minutes = 5", "name some", id="no alarms"),
    ],
)
def test_what_cloudformation_does_not_watch_is_refused(run: Run, project: Path, line: str, complaint: str) -> None:
    toml = project / "streamer.toml"
    toml.write_text(f"{toml.read_text()}{line}\n")

    assert complaint in str(run(FakeCloud(found=running()), "deploy", "--yes").exception)


def test_a_protected_stack_is_not_even_asked_to_be_deleted(run: Run) -> None:
    cloud = FakeCloud(found=running(is_protected=True))

    found = run(cloud, "destroy", "--yes")

    assert "chat-dev is protected from being deleted" in str(found.exception)
    assert cloud.did == []


def of_logs(**changes: Any) -> FakeCloud:
    return FakeCloud(**{"found": running(), "script": [DONE], **changes})


@pytest.mark.parametrize(
    ("cloud", "makes"),
    [
        pytest.param(of_logs(role=None), "true", id="the account has none"),
        pytest.param(of_logs(), "false", id="another stack made it"),
        pytest.param(
            of_logs(template={"Resources": {"GatewayAccount": {"Type": "AWS::ApiGateway::Account"}}}),
            "true",
            id="this stack made it, by a version that had no choice",
        ),
    ],
)
def test_the_account_s_role_for_logs_is_made_once(run: Run, project: Path, cloud: FakeCloud, makes: str) -> None:
    toml = project / "streamer.toml"
    toml.write_text(toml.read_text() + "logging_role = true\n")

    assert run(cloud, "deploy", "--yes").return_value == 0
    values = {each.name: each.value for each in cloud.proposals[0].parameters}
    assert values["MakesLoggingRole"] == makes
