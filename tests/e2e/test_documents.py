"""Every code block of the documents is run, or it is said here why not."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from documents import ALL, ROOT, Block, command, converse, emulator, run_python, shell, starts_emulator
from running_command import INLINE, PATIENCE_SECONDS, Emulate, dial, pytest_in, streamer

from deploy.config import load
from streamer import App, client
from streamer.protocol.messages import Malformed, parse
from streamer.testing import LocalService
from streamer.topology import Function, Key, Permission, Table, TableAccess

Run = Callable[[Block, Path], None]
RUNS: Final[dict[tuple[str, str], Run]] = {}
"""Document, and how the block begins, to what runs it."""
NEEDS_AWS: Final = "needs AWS; tests/aws does it against an emulated one"
NEEDS_NPM: Final = "needs packages from npm"
IS_OUTPUT: Final = "output that a test of its own compares: "
NOT_RUN: Final[dict[tuple[str, str], str]] = {
    ("README.md", "make emulate"): "installs; what it starts is `streamer emulate --demo`, which the next block asks",
    ("README.md", "pip install"): "tests/wheel.py does",
    ("docs/install.md", "pip install"): "tests/wheel.py does",
    ("docs/browser.md", '<script type="module">'): "needs a browser; tests of the client do it in Chromium",
    ("docs/browser.md", "cd clients/javascript"): NEEDS_NPM,
    ("docs/cli.md", "10:16:40 connected"): IS_OUTPUT + "the tests of what emulate tells",
    (
        "docs/cli.md",
        "streamer emulate --log-format json 2>&1",
    ): "needs jq; a test reads the same in Python",
    ("docs/cli.md", "[environment]"): "needs an identity provider; test_identity_provider has one",
    ("docs/permissions.md", "streamer emulate template.yaml --iam enforce"): "test_emulate_iam does, with a template",
    ("docs/permissions.md", "function note may not"): IS_OUTPUT + "test_emulate_iam",
    ("docs/permissions.md", "check      News"): IS_OUTPUT + "test_template_policies",
    ("docs/permissions.md", "check      NoteRole"): IS_OUTPUT + "test_template_policy_flaws",
    ("docs/permissions.md", "function note may not dynamodb:GetItem"): IS_OUTPUT + "test_dynamodb_facts",
    ("docs/permissions.md", "taken = boto3"): "test_emulate_assumed_roles does, in a function of a template",
    ("docs/permissions.md", "the role tenant"): IS_OUTPUT + "test_emulate_assumed_roles",
    ("docs/console.md", "$ streamer tail --errors"): IS_OUTPUT + "test_console_commands",
    ("docs/console.md", "curl -H"): "test_console_api asks the same in Python",
    ("docs/deploy.md", "streamer deploy --guided"): NEEDS_AWS,
    ("docs/deploy.md", "streamer deploy --no-execute"): NEEDS_AWS,
    ("docs/deploy.md", "streamer build --stage prod"): NEEDS_AWS,
    ("docs/deploy.md", "streamer rollback"): NEEDS_AWS,
    ("docs/deploy.md", 'resources = "resources.yaml"'): NEEDS_AWS,
    ("docs/deploy.md", "Resources:"): NEEDS_AWS,
    ("docs/deploy.md", "aws iam create-open-id-connect-provider"): NEEDS_AWS,
    ("docs/deploy.md", "{"): "a policy that AWS alone reads",
    ("docs/deploy.md", "on: {push"): "needs GitHub and AWS; its commands are those of tests/aws",
    (
        "docs/permissions.md",
        "An error occurred",
    ): IS_OUTPUT + "test_iam_enforced",
    ("docs/permissions.md", "function connect may not"): IS_OUTPUT + "test_iam_enforced",
    ("docs/permissions.md", "# the grants that this run needed"): IS_OUTPUT + "test_emulate_iam",
    ("docs/permissions.md", "STREAMER_IAM_LOG"): "test_emulate_iam has the variable in its environment",
    ("docs/large-payloads.md", "import { upload }"): "test_javascript_uploads does the same in Node.js and Chromium",
    ("docs/protocol.md", "stateDiagram-v2"): "a picture; tests/life_diagram.py draws it",
    ("docs/templates.md", "template.yaml (SAM), stack chat, us-east-1"): IS_OUTPUT + "test_emulate_templates",
    ("docs/templates.md", "template.yaml:21"): IS_OUTPUT + "test_template_projects",
    ("docs/templates.md", "check      template.yaml:26"): IS_OUTPUT + "test_template_conformity",
    ("docs/coming-from.md", "npx cdk synth -q && streamer emulate cdk.out"): NEEDS_NPM,
    ("docs/coming-from.md", "npx serverless package && streamer emulate .serverless"): NEEDS_NPM,
    ("docs/http-apis.md", "  WebSocket     ws://127.0.0.1:8787/prod"): IS_OUTPUT + "test_emulate_http_apis",
    ("docs/http-apis.md", "curl -d"): "needs curl; test_emulate_http_apis posts from Python",
    ("docs/mapping-templates.md", "  Pong:"): "test_emulate_mapping_templates has such a route",
    (
        "docs/control-plane.md",
        "streamer emulate --control-plane",
    ): "test_emulate_control_plane starts and deploys to it",
    ("docs/control-plane.md", "cloudformation = boto3.client"): "test_control_plane_stacks has such a client",
    ("docs/control-plane.md", "An error occurred"): "test_control_plane_stacks has such a template refused",
    ("docs/services.md", "aws --endpoint-url"): "needs the AWS CLI; test_services_s3 makes buckets from Python",
    ("docs/services.md", "Cognito would send"): IS_OUTPUT + "test_services_cognito",
    ("docs/services.md", "new CognitoUserPool"): NEEDS_NPM,
    ("docs/services.md", 'boto3.client("stepfunctions"'): "test_services_states has such a client",
    ("docs/services.md", "s3 = boto3.client"): "test_services_s3 has such a client",
    ("examples/plain_handlers/README.md", "pip install pytest"): "test_examples.py runs the tests",
    ("examples/plain_handlers/README.md", "export BADGE_KEY"): NEEDS_AWS,
    ("docs/describe.md", "import "): "test_describe_command compiles such code",
    ("docs/describe.md", "def service() -> service_types.Client"): "test_describe_command checks such code with mypy",
    ("examples/reports/README.md", "pip install pytest pytest-asyncio"): "test_examples.py runs the tests",
    ("examples/reports/README.md", "streamer deploy"): NEEDS_AWS,
    ("examples/invoices/README.md", "streamer emulate"): "test_examples.py runs its tests, which emulate it",
    ("examples/invoices/README.md", "streamer call invoice"): "its tests ask for the same, and look into the bucket",
    ("examples/invoices/README.md", "streamer deploy"): NEEDS_AWS,
    ("docs/cli.md", "app = App("): "test_app_authorization lets clients into such services",
}


def runs(document: str, first: str) -> Callable[[Run], Run]:
    """Say which block a function runs."""

    def register(function: Run) -> Run:
        assert (document, first) not in RUNS
        RUNS[document, first] = function
        return function

    return register


def keys(block: Block) -> list[tuple[str, str]]:
    """What stands in the lists for a block."""
    found = [key for key in (*RUNS, *NOT_RUN) if key[0] == block.document and block.first.startswith(key[1])]
    longest = max((len(start) for _, start in found), default=0)
    return [key for key in found if len(key[1]) == longest]


def block_of(document: str, start: str) -> Block:
    return next(block for block in ALL if block.document == document and block.first.startswith(start))


@pytest.mark.parametrize("block", ALL, ids=str)
def test_a_block_does_what_its_document_says(block: Block, tmp_path: Path) -> None:
    found = keys(block)
    assert len(found) == 1, f"nothing runs {block}, and NOT_RUN does not say why"
    if found[0] in RUNS:
        RUNS[found[0]](block, tmp_path)


def test_the_lists_name_blocks_that_exist() -> None:
    assert ({*RUNS, *NOT_RUN} - {key for block in ALL for key in keys(block)}) == set()


def do(lines: list[str], folder: Path, **variables: str) -> None:
    """Run commands one after the other; one that is an emulator is stopped again when it is ready."""
    for line in map(command, lines):
        if starts_emulator(line):
            with emulator(line, folder):
                pass
        else:
            done = shell(line, folder, **variables)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


"""Half the cost of a start; what the documents say holds either way, and the functions' contract suite judges both."""


def serve(folder: Path, app: str) -> Emulate:
    """An emulator of an App."""
    (folder / "app.py").write_text(app)
    return Emulate(*INLINE, folder=folder)


IN_ORDER: Final = ("-p", "no:xdist", "-p", "no:randomly")


# README


README_APP: Final = block_of("README.md", "from streamer import App")


@runs("README.md", 'wscat -c "ws://127.0.0.1:8787/dev?Authorization=eyJhbGciOi..."')
def _(block: Block, folder: Path) -> None:
    with Emulate("--demo", *INLINE, folder=folder) as demo, dial(demo.address()) as talking:
        converse(block.lines, talking)


@runs("README.md", "from streamer import App")
def _(block: Block, folder: Path) -> None:
    with serve(folder, block.text):
        done = shell('streamer call greet \'{"name": "Ada"}\'', folder)

    assert json.loads(done.stdout) == {"hello": "Ada", "from": "developer"}, done.stderr


@runs("README.md", "def test_greet(streamer):")
def _(block: Block, folder: Path) -> None:
    (folder / "app.py").write_text(README_APP.text)
    (folder / "test_app.py").write_text(block.text)

    pytest_in(folder, *IN_ORDER)


@runs("CONTRIBUTING.md", next(block.first for block in ALL if block.document == "CONTRIBUTING.md"))
def _(block: Block, folder: Path) -> None:
    for line in block.lines:
        words = line.split("  ")[0]
        if words.startswith("make"):
            subprocess.run(["bash", "-c", f"{words} -n PYTHON=python3"], cwd=ROOT, check=True, capture_output=True)
        else:
            assert os.access(ROOT / words, os.X_OK)


# docs


@runs("docs/cli.md", "streamer emulate --port 0 --ready-file ready.json --log-format json &")
@runs("docs/testing.md", "streamer emulate --port 0 --ready-file ready.json --log-format json &")
def _(block: Block, folder: Path) -> None:
    (folder / "app.py").write_text(README_APP.text)
    do(block.lines, folder)


@runs("docs/cli.md", 'wscat -c "ws://127.0.0.1:8787/dev?Authorization=$(streamer token --user ada --tenant acme)"')
def _(block: Block, folder: Path) -> None:
    with Emulate("--demo", *INLINE, folder=folder) as demo:
        do([line.replace("127.0.0.1:8787", f"127.0.0.1:{demo.port}") for line in block.lines], folder)


@runs("docs/cli.md", "streamer event connect | streamer invoke connect -")
def _(block: Block, folder: Path) -> None:
    with Emulate("--demo", *INLINE, folder=folder):
        do(block.lines, folder)


@runs("docs/cli.md", '$ streamer call report \'{"steps": 2, "seconds": 1}\' > result.json')
def _(block: Block, folder: Path) -> None:
    typed, *told = block.lines
    with Emulate("--demo", *INLINE, folder=folder):
        done = shell(command(typed), folder)

    assert json.loads((folder / "result.json").read_text())["steps"] == 2
    for wanted, line in zip(told, done.stderr.splitlines(), strict=True):
        assert line.startswith(wanted.removesuffix("...")), done.stderr


@runs("docs/cli.md", "streamer completion bash > ~/.local/share/bash-completion/completions/streamer")
def _(block: Block, folder: Path) -> None:
    for place in (".local/share/bash-completion/completions", ".config/fish/completions", "zsh"):
        (folder / place).mkdir(parents=True)

    do([line.replace("${fpath[1]}", str(folder / "zsh")) for line in block.lines], folder)


CLIENT: Final = {"wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod": "URL"}


class Heard(Exception):  # noqa: N818 - it ends a loop that goes on for ever
    """A message of the topic was printed."""


def _printing(printed: list[Any]) -> Callable[..., None]:
    def show(*values: Any) -> None:
        printed.append(values)
        if values == ({"placed": 1},):
            raise Heard

    return show


ORDERS: Final = """
import threading
from streamer import App
app = App()


@app.action("report", queued=True)
def report(request, progress):
    progress(50, f"{request.payload['pages']} pages")
    app.publish("orders", {"placed": 1})
    return request.payload


@app.action("publish-soon", queued=True)
def publish_soon(request, progress):
    app.publish("orders", {"placed": 1})
"""


@runs("docs/client.md", "from streamer.client import StreamerClient")
def _(block: Block, folder: Path) -> None:
    printed: list[Any] = []
    with serve(folder, ORDERS) as running, _publishing(running):
        names = {"token": _token(running), "print": _printing(printed)}
        with pytest.raises(Heard):
            run_python(block.text, names, replaced={next(iter(CLIENT)): running.url})

    assert (50.0, "3 pages") in printed


@runs("docs/client.md", "from streamer.client import SyncClient")
def _(block: Block, folder: Path) -> None:
    printed: list[Any] = []
    with serve(folder, ORDERS) as running, _publishing(running):
        names = {"url": running.url, "token": _token(running), "print": _printing(printed)}
        with pytest.raises(Heard):
            run_python(block.text, names)


@runs("docs/client.md", 'async with contextlib.aclosing(client.topic("orders")) as messages:')
def _(block: Block, folder: Path) -> None:
    with serve(folder, ORDERS) as running, _publishing(running):
        text = "\n".join(f"    {line}" for line in block.lines).replace("...", "break")
        text = f"async with StreamerClient({running.url!r}, {_token(running)!r}) as client:\n{text}"
        run_python(text, {"StreamerClient": client.StreamerClient, "contextlib": contextlib})


@contextlib.contextmanager
def _publishing(running: Emulate) -> Iterator[None]:
    """Somebody publishes to ``orders`` again and again."""
    stopped = threading.Event()

    def publish() -> None:
        with dial(_as_developer(running)) as talking:
            while not stopped.wait(0.1):
                talking.send('{"action": "publish", "payload": {"topic": "orders", "data": {"placed": 1}}}')
                talking.recv(PATIENCE_SECONDS)

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        yield
    finally:
        stopped.set()
        publisher.join()


@runs(
    "docs/client.md",
    "StreamerClient(url, token, reconnect=Reconnect(base_seconds=0.25, most_seconds=20, give_up_seconds=300))",
)
def _(block: Block, folder: Path) -> None:
    names = {name: getattr(client, name) for name in ("StreamerClient", "Reconnect")}

    run_python(block.text, {**names, "url": "ws://127.0.0.1:1/dev", "token": "t"})


@runs("docs/client.md", "async def token() -> str:")
def _(block: Block, folder: Path) -> None:
    found = run_python(block.text, {"StreamerClient": client.StreamerClient, "url": "ws://127.0.0.1:1/dev"})

    assert callable(found["token"])


TEMPLATES: Final = ROOT / "tests" / "templates"


@runs("docs/coming-from.md", "streamer emulate   ")
def _(block: Block, folder: Path) -> None:
    shutil.copytree(TEMPLATES / "sam-python", folder, dirs_exist_ok=True)
    do(block.lines, folder)


@runs("docs/templates.md", "streamer emulate template.yaml")
def _(block: Block, folder: Path) -> None:
    for name in ("cdk", "serverless", "sam-python"):
        shutil.copytree(TEMPLATES / name, folder, dirs_exist_ok=True)
    do([line for line in block.lines if "streamer emulate  " not in line], folder)  # what a folder means is above


@runs("docs/deploy.md", 'service = "chat"                # default: the folder\'s name; stacks are SERVICE-STAGE')
@runs("docs/deploy.md", "[stages.prod.alarms]")
def _(block: Block, folder: Path) -> None:
    (folder / "streamer.toml").write_text(block.text)

    assert load(folder, {"stage": "prod"}).stage == "prod"


@runs("docs/large-payloads.md", "import csv")
def _(block: Block, folder: Path) -> None:
    use = block_of("docs/large-payloads.md", "with SyncClient")
    (folder / "app.py").write_text(block.text)
    (folder / "sales.csv").write_text("name,amount\n" * 10_000)
    printed: list[Any] = []
    with Emulate(*INLINE, folder=folder) as served:
        names = {
            "SyncClient": client.SyncClient,
            "Path": lambda name: folder / name,
            "print": printed.append,
            "url": served.url,
            "token": served.token(),
        }
        run_python(use.text, names)

    assert printed == [{"rows": 10_000}]


@runs("docs/large-payloads.md", "with SyncClient")
def _(block: Block, folder: Path) -> None:
    """The block before it uses it."""


@runs("docs/permissions.md", "from streamer import App")
def _(block: Block, folder: Path) -> None:
    with serve(folder, f"import os\nimport boto3\n{block.text}"):
        done = streamer("call", "order", '{"total": 3}', folder=folder)

    assert (done.returncode, json.loads(done.stdout)) == (0, None), done.stderr


@runs("docs/permissions.md", "app = App(")
def _(block: Block, folder: Path) -> None:
    made = run_python(block.text, {"App": App, "Key": Key, "Table": Table})["app"].topology(target="app:app")

    used = {name: made.function(name).tables for name in ("router", "processor")}
    assert "PutItem" not in {action for table in used["router"][-2:] for action in table.actions}
    assert "PutItem" in used["processor"][-2].actions


@runs("docs/permissions.md", "Function(")
def _(block: Block, folder: Path) -> None:
    run_python(block.text, {"Function": Function, "TableAccess": TableAccess})


@runs("docs/permissions.md", "Permission(")
def _(block: Block, folder: Path) -> None:
    run_python(block.text, {"Permission": Permission})


@runs("docs/permissions.md", "streamer emulate --iam record")
def _(block: Block, folder: Path) -> None:
    (folder / "app.py").write_text(README_APP.text)
    do(block.lines, folder)


@runs("docs/protocol.md", '{"action": "report", "id": "r-1", "payload": {"pages": 3}, "metadata": {"source": "web"}}')
def _(block: Block, folder: Path) -> None:
    assert not isinstance(parse(block.text, new_id="r-2"), Malformed)


@runs("docs/requests.md", "from streamer import App, RetryableError")
def _(block: Block, folder: Path) -> None:
    class Warehouse:
        def is_open(self) -> bool:
            return True

    found = run_python(block.text, {"warehouse": Warehouse()})

    assert found["app"].actions["report"].max_attempts == 3


@runs("docs/requests.md", '@app.action("import", queued=True, cancel_on_disconnect=True)')
def _(block: Block, folder: Path) -> None:
    stored: list[int] = []
    found = run_python(block.text, {"app": App(), "rows": [1, 2], "store": stored.append})
    with LocalService(found["app"]) as service:
        service.connect(user_id="ada").call("import", {})

    assert stored == [1, 2]


@runs("docs/requests.md", "from streamer import App, Limits")
def _(block: Block, folder: Path) -> None:
    assert run_python(block.text, {})["app"] is not None


@runs("docs/requests.md", "import os")
def _(block: Block, folder: Path) -> None:
    """With a limit of one; other tenants go on."""
    with serve(folder, block.text.replace("most=100", "most=1")):
        asked = [streamer("call", "ask", "--tenant", tenant, folder=folder) for tenant in ("acme", "acme", "other")]
        if "RATE_LIMITED" not in asked[1].stderr:  # another minute had begun
            asked[1] = streamer("call", "ask", "--tenant", "acme", folder=folder)

    assert [each.returncode for each in asked] == [0, 1, 0], asked[1].stderr
    assert "RATE_LIMITED: acme may ask 1 times a minute" in asked[1].stderr


FAILING: Final = """
from streamer import App
app = App()


@app.action("report", queued=True)
def report(request, progress):
    raise RuntimeError("no paper")
"""


@runs(
    "docs/requests.md",
    "streamer requests --failed",
)
def _(block: Block, folder: Path) -> None:
    with serve(folder, FAILING):
        assert streamer("call", "report", "--id", "r-1", folder=folder).returncode == 1
        do(block.lines, folder)


@runs("docs/subscriptions.md", "from streamer import App")
def _(block: Block, folder: Path) -> None:
    """The messages of the next two blocks are of this service."""
    given = "from types import SimpleNamespace\ndef save(payload):\n    return SimpleNamespace(id=17)\n"
    subscribing = block_of("docs/subscriptions.md", FIRST_SUBSCRIBE)
    publishing = block_of("docs/subscriptions.md", FIRST_PUBLISH)
    with serve(folder, given + block.text) as running, dial(_as_developer(running)) as talking:
        order = {'< {"type": "message"': lambda: streamer("call", "place-order", "{}", folder=folder)}
        converse(subscribing.lines, talking, before=order)
        converse(publishing.lines, talking, exact=False)


FIRST_SUBSCRIBE: Final = '> {"action": "subscribe", "id": "1", "payload": {"topic": "orders"}}'
FIRST_PUBLISH: Final = '> {"action": "publish", "id": "3", "payload": {"topic": "orders", "data": {"note": "hello"}}}'


@runs("docs/subscriptions.md", FIRST_SUBSCRIBE)
@runs("docs/subscriptions.md", FIRST_PUBLISH)
def _(block: Block, folder: Path) -> None:
    """By the block of the service that they are messages of."""


def _as_developer(running: Emulate) -> str:
    return f"{running.url}?Authorization={_token(running)}"


def _token(running: Emulate) -> str:
    return streamer("token", folder=running.folder).stdout.strip()


@runs("docs/subscriptions.md", "import json")
def _(block: Block, folder: Path) -> None:
    with serve(folder, "from streamer import App\n\napp = App()\n") as service, dial(service.address()) as hearing:
        subscribe = '> {"action": "subscribe", "id": "1", "payload": {"topic": "orders"}}'
        converse([subscribe, '< {"request_id": "1", ...}'], hearing)
        token = service.token("--permission", "topics:publish", user="webhook")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SERVICE_URL", service.url)
            patch.setenv("SERVICE_TOKEN", token)
            answer = run_python(block.text, {})["webhook"]({"body": '{"placed": 17}'}, None)
        converse(['< {"type": "message", "topic": "orders", "data": {"placed": 17}, ...}'], hearing)

    assert answer == {"statusCode": 202}


@runs("docs/subscriptions.md", "@app.authorize_topic  # or App(authorize_topic=...)")
def _(block: Block, folder: Path) -> None:
    from streamer.auth import Principal

    ada = Principal(user_id="ada", tenant_id="acme", permissions=frozenset())
    may = run_python(block.text, {"app": App()})["may"]

    assert may(ada, "user/ada", "publish")
    assert not may(ada, "user/bob", "subscribe")
    assert not may(ada, "news", "publish")


@runs("docs/subscriptions.md", '> {"action": "subscribe", "id": "s", "payload": {"request_id": "r-1"}}')
def _(block: Block, folder: Path) -> None:
    with (
        Emulate("--demo", *INLINE, folder=folder) as demo,
        # Nobody reads all that it hears; with its queue full, it would wait ten seconds for the answer to its close.
        dial(demo.address(), max_queue=None) as first,
        dial(demo.address()) as second,
    ):
        first.send('{"action": "report", "id": "r-1", "payload": {"steps": 30, "seconds": 5}}')
        first.recv(PATIENCE_SECONDS)
        while json.loads(first.recv(PATIENCE_SECONDS))["type"] != "progress":
            pass
        converse(block.lines, second, exact=False)


@runs("docs/subscriptions.md", '{"type": "part", "request_id": "r-1", "timestamp": 1767268800.5,')
def _(block: Block, folder: Path) -> None:
    assert json.loads(block.text)["type"] == "part"


@runs("docs/subscriptions.md", "const parts = {};")
def _(block: Block, folder: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("Node.js is not here")
    program = (
        block.text
        + """
      const message = {type: "complete", result: "x".repeat(9)}, text = JSON.stringify(message);
      joined({type: "part", part_of: "p", index: 1, count: 2, text: text.slice(5)});
      console.log(JSON.stringify(joined({type: "part", part_of: "p", index: 0, count: 2, text: text.slice(0, 5)})));
    """
    )
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True, timeout=60)

    assert json.loads(done.stdout) == {"type": "complete", "result": "x" * 9}


@runs("docs/testing.md", "import pytest")
@runs("docs/testing.md", "from app import app")
def _(block: Block, folder: Path) -> None:
    (folder / "app.py").write_text(README_APP.text)
    (folder / "tests").mkdir()
    (folder / "tests" / "test_app.py").write_text(block.text)

    pytest_in(folder, *IN_ORDER)


@runs("docs/testing.md", "import dataclasses")
def _(block: Block, folder: Path) -> None:
    (folder / "app.py").write_text(README_APP.text)
    (folder / "conftest.py").write_text(block.text)
    test = "def test_iam(streamer, streamer_config):\n    assert (streamer_config.iam, streamer_config.console) == "
    (folder / "test_app.py").write_text(test + '("off", True)\n')

    pytest_in(folder, *IN_ORDER)


CHAT: Final = """\
Transform: AWS::Serverless-2016-10-31
Parameters: {Stage: {Type: String, Default: prod}}
Resources:
  Chat:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      StageName: !Ref Stage
      Routes: {$connect: {FunctionArn: !GetAtt Talk.Arn}, sendmessage: {FunctionArn: !GetAtt Talk.Arn}}
  Talk:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: talk.handler
      CodeUri: src
      Environment: {Variables: {TABLE: !Ref ConnectionsTable}}
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref ConnectionsTable}
        - Statement: [{Effect: Allow, Action: execute-api:ManageConnections, Resource: "*"}]
  ConnectionsTable: {Type: AWS::Serverless::SimpleTable}
"""
TALK: Final = """\
import json, os, boto3

def handler(event, context):
    about = event["requestContext"]
    url = f"https://{about['domainName']}/{about['stage']}"
    if about["eventType"] == "CONNECT":
        boto3.resource("dynamodb").Table(os.environ["TABLE"]).put_item(Item={"id": about["connectionId"]})
    else:
        text = json.loads(event["body"])["data"]
        client = boto3.client("apigatewaymanagementapi", endpoint_url=url)
        client.post_to_connection(ConnectionId=about["connectionId"], Data=text)
    return {"statusCode": 200}
"""


def write_chat(folder: Path) -> None:
    (folder / "template.yaml").write_text(CHAT)
    (folder / "src").mkdir()
    (folder / "src" / "talk.py").write_text(TALK)


@runs("docs/testing.md", "import json")
def _(block: Block, folder: Path) -> None:
    write_chat(folder)
    (folder / "test_chat.py").write_text(block.text)

    pytest_in(folder, *IN_ORDER)


@runs("docs/testing.md", "from dataclasses import replace")
def _(block: Block, folder: Path) -> None:
    write_chat(folder)
    (folder / "conftest.py").write_text(block.text)
    test = "def test_stage(streamer, streamer_template):\n    assert streamer.websocket_url.endswith('/test')\n"
    (folder / "test_stage.py").write_text(test + "    assert streamer_template.iam == 'enforce'\n")

    pytest_in(folder, *IN_ORDER)


@runs("docs/testing.md", "import asyncio")
def _(block: Block, folder: Path) -> None:
    (folder / "app.py").write_text(README_APP.text)
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    (folder / "test_app.py").write_text(block.text)

    pytest_in(folder, *IN_ORDER)


@runs("docs/testing.md", "name: test")
def _(block: Block, folder: Path) -> None:
    steps = yaml.safe_load(block.text)["jobs"]["test"]["steps"]

    assert steps[-1] == {"run": "pytest"}


WRITING: Final = [block for block in ALL if block.document == "docs/writing-actions.md"]
CODE: Final = [each for each in WRITING if each.language == "python" and "def test_" not in each.text]
WRITTEN: Final = "\n\n".join(each.text for each in CODE)


@runs("docs/writing-actions.md", "streamer call greet")
def _(block: Block, folder: Path) -> None:
    """With the service that the page's other blocks are."""
    (folder / ".env").write_text("GREETING=hello\n")
    with serve(folder, WRITTEN):
        do(block.lines, folder)
        refused = streamer("call", "cancel-order", '"a"', folder=folder)

    assert (refused.returncode, "it is shipped already" in refused.stderr) == (1, True)


@runs("docs/writing-actions.md", "from app import app, import_rows")
def _(block: Block, folder: Path) -> None:
    (folder / ".env").write_text("GREETING=hello\n")
    (folder / "app.py").write_text(WRITTEN)
    (folder / "test_app.py").write_text(block.text)

    pytest_in(folder, *IN_ORDER)


@runs("docs/writing-actions.md", "from streamer import App")
@runs("docs/writing-actions.md", "from pydantic import BaseModel, Field")
@runs("docs/writing-actions.md", "from streamer import ActionError, ErrorCode")
@runs("docs/writing-actions.md", '@app.action("refund"')
@runs("docs/writing-actions.md", "import os")
@runs("docs/writing-actions.md", "import logging")
@runs("docs/writing-actions.md", "import asyncio")
@runs("docs/writing-actions.md", '@app.action("import"')
def _(block: Block, folder: Path) -> None:
    """Part of the service that the page's last block asks."""
    assert block.text in WRITTEN


@runs("docs/writing-actions.md", "import time")
def _(block: Block, folder: Path) -> None:
    """Who comes back in the middle, over another connection, goes on with the text that grows."""
    (folder / ".env").write_text("GREETING=hello\n")
    heard: list[str] = []
    question = " ".join(f"word{number}" for number in range(60))
    with serve(folder, WRITTEN) as service:
        connect = [client.SyncClient(service.url, service.token(), progress=False) for _ in range(2)]
        with connect[0] as asking, connect[1] as back:
            next(event for event in asking.events("ask", question, id="r-1") if event.type == "progress")
            result = back.resume("r-1", on_progress=lambda told: heard.append("".join(told.metadata["parts"])))

    assert result == {"text": question + " "}
    assert len(heard) > 1
    assert heard == sorted(heard)
    assert all(result["text"].startswith(text) for text in heard)


@runs("docs/writing-actions.md", "const parts = [];")
def _(block: Block, folder: Path) -> None:
    """What the page shows is what was said so far, of a text of three parts whose messages do not all arrive."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not here")
    page: dict[str, Any] = {"app": App()}
    exec(next(each.text for each in CODE if each.text.startswith("import time")), page)
    whole = "".join(chr(0x1F600 + number % 50) for number in range(3 * page["PART"] - 10))
    lengths = [10, page["PART"] - 1, page["PART"] + 1, 2 * page["PART"] + 5, len(whole)]
    told = [page["so_far"](whole[:length]) for length in lengths]
    program = f"""
      const shown = [], show = (text) => shown.push([...text].length), question = "why";
      const client = {{ async request(action, payload, {{ onProgress }}) {{
        for (const metadata of {json.dumps([None, *told])}) onProgress({{ metadata }});
        return {{ text: "end" }};
      }} }};
      {block.text}
      console.log(JSON.stringify([shown, parts.join("") === {json.dumps(whole)}]));
    """
    done = subprocess.run(
        ["node", "--input-type=module"], input=program, capture_output=True, text=True, check=True, timeout=60
    )

    assert json.loads(done.stdout) == [[0, *lengths, 3], True]


# examples


def _copy(document: str, folder: Path) -> None:
    shutil.copytree((ROOT / document).parent, folder, dirs_exist_ok=True)


@runs("docs/describe.md", "streamer describe > asyncapi.json")
def _(block: Block, folder: Path) -> None:
    (folder / "app.py").write_text("from streamer import App\n\napp = App()\n")
    (folder / "web" / "src").mkdir(parents=True)
    do(block.lines, folder)


@runs("examples/dashboard/README.md", "streamer emulate --static web")
@runs("examples/plain_handlers/README.md", "streamer emulate")
@runs("examples/reports/README.md", "streamer emulate")
def _(block: Block, folder: Path) -> None:
    _copy(block.document, folder)
    do(block.lines, folder)


@runs("examples/reports/README.md", 'streamer call total \'{"month": "2026-03"}\'')
def _(block: Block, folder: Path) -> None:
    _copy(block.document, folder)
    with Emulate(folder=folder):
        do(block.lines, folder)


@runs("examples/plain_handlers/README.md", 'wscat -c "ws://127.0.0.1:8787/dev?name=ada"')
def _(block: Block, folder: Path) -> None:
    _copy(block.document, folder)
    connects = [line for line in block.lines if line.startswith("wscat")]
    says = [line.removeprefix("> ") for line in block.lines if line.startswith("> ")]
    with Emulate(folder=folder) as running:
        do([line.replace(":8787", f":{running.port}") for line in connects], folder)
        with dial(f"{running.url}?name=ada") as ada:
            for each in says:
                ada.send(each)
                assert ada.recv(PATIENCE_SECONDS)
