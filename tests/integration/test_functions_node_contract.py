"""What `test_functions_contract` holds of Python, held of Node.js, and what only Node.js has: modules, callbacks."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import test_functions_contract as python
from functions_world import Project, call, fail, returned, state_of, until

from emulator.functions.outcome import Failed, Outcome, Refused, Returned, StreamingFunctions
from emulator.functions.processes.means import Means
from emulator.functions.streaming import ResponseStream
from emulator.functions.variables import Endpoints

pytestmark = [
    pytest.mark.needs_node,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js"),
]

PYTHON_ONLY = {
    "test_events_results_and_ends_are_the_same_without_each_of_linuxs_means": "the means are the same processes'; the "
    "fixture takes all of them away at once",
    "test_two_functions_have_each_their_environment": "a process has its own variables; only threads share them",
    "test_over_the_emulators_own_limit_events_wait_for_their_turn": "counted before there is a process",
    "test_a_version_that_was_never_invoked_is_refused_as_others_when_the_emulator_ends": "decided before any process",
    "test_what_waits_of_one_source_does_not_keep_another_waiting": "decided before there is a process",
    "test_a_failed_init_is_framed_as_an_event_is": "written for every runtime alike",
    "test_a_caller_that_gives_up_does_not_stop_the_function": "decided before there is a process",
}
"""Tests of Python's contract without a twin here, and why."""


class NodeProject(Project):
    """Functions of ``index.js``."""

    def code(self, text: str, name: str = "index.js") -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        self.write(text, name)

    def run(self, *names: str, **settings: Any) -> Any:
        handlers = [name if "." in name else f"index.{name}" for name in names]
        return self.functions(*handlers, **({"runtime": "nodejs20.x"} | settings))


@pytest.fixture(params=["process", "any Unix"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> NodeProject:
    return NodeProject(tmp_path, "process", Means.of_any_unix() if request.param == "any Unix" else None)


@pytest.fixture
def linux(tmp_path: Path) -> NodeProject:
    """For what does not depend on the platform's means."""
    return NodeProject(tmp_path, "process")


def test_every_test_of_pythons_contract_has_a_twin_or_a_reason() -> None:
    theirs = {name for name in vars(python) if name.startswith("test_")}
    ours = {name for name in globals() if name.startswith("test_")}

    assert theirs - ours == set(PYTHON_ONLY)


async def test_an_event_comes_back_as_the_functions_result(project: NodeProject) -> None:
    project.code("exports.echo = async (event) => event;")

    async with project.run("echo") as functions:
        assert await call(functions, "index.echo", {"ä": [1, None, "ö"]}) == {"ä": [1, None, "ö"]}


@pytest.mark.parametrize(
    ("expression", "payload"),
    [
        pytest.param("undefined", b"null", id="undefined is null"),
        pytest.param("1.5", b"1.5", id="a number"),
        pytest.param("NaN", b"null", id="what is no number"),
        pytest.param("new Date(0)", b'"1970-01-01T00:00:00.000Z"', id="a date is its text"),
        pytest.param("new Map([[1, 2]])", b"{}", id="a map has no properties"),
        pytest.param("{toJSON: () => 'own'}", b'"own"', id="its own JSON"),
        pytest.param("'ä'", '"ä"'.encode(), id="text is UTF-8"),
    ],
)
async def test_results_are_marshalled_as_on_lambda(linux: NodeProject, expression: str, payload: bytes) -> None:
    linux.code(f"exports.f = async () => ({expression});")

    async with linux.run("f") as functions:
        outcome = await functions.invoke("index.f", b"{}")

    assert isinstance(outcome, Returned)
    assert outcome.payload == payload


FAILING = """
exports.raises = async () => { throw new TypeError("böse"); };
exports.sync = () => { throw new RangeError("at once"); };
exports.text = async () => { throw "only text"; };
exports.none = async () => { throw null; };
exports.own = async () => { throw Object.assign(new Error("mine"), { name: "NotFound" }); };
exports.circular = async () => { const a = {}; a.a = a; return a; };
exports.big = async () => 1n;
exports.no_function = 1;
exports.exits = async () => process.exit(3);
exports.ends = async () => process.exit(0);
exports.never = async () => { await new Promise(() => {}); };
exports.too_large = async () => "x".repeat(7_000_000);
exports.uncaught = async () => { setTimeout(() => { throw new URIError("later"); }, 1); await new Promise(() => {}); };
exports.unhandled = async () => { Promise.reject(new Error("nobody")); await new Promise((r) => setTimeout(r, 500)); };
exports.unhandled_text = async () => { Promise.reject("nobody"); await new Promise((r) => setTimeout(r, 500)); };
"""


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        pytest.param("index.raises", "TypeError", "böse", id="rejection"),
        pytest.param("index.sync", "RangeError", "at once", id="exception"),
        pytest.param("index.text", "string", "only text", id="thrown text"),
        pytest.param("index.none", "string", "handled", id="nothing thrown"),
        pytest.param("index.own", "NotFound", "mine", id="own name"),
        pytest.param("index.circular", "Error", "Unable to stringify response body", id="no JSON"),
        pytest.param("index.big", "Error", "Unable to stringify response body", id="a number without JSON"),
        pytest.param(
            "index.nothing", "Runtime.HandlerNotFound", "index.nothing is undefined or not exported", id="none"
        ),
        pytest.param(
            "index.no_function", "Runtime.HandlerNotFound", "index.no_function is not a function", id="number"
        ),
        pytest.param("absent.f", "Runtime.ImportModuleError", "Error: Cannot find module 'absent'", id="no module"),
        pytest.param("needs.f", "Runtime.ImportModuleError", "Error: Cannot find module 'missing'", id="no package"),
        pytest.param("esm.f", "Error", "Cannot find package 'missing'", id="no package for an ES module"),
        pytest.param("broken.f", "Runtime.UserCodeSyntaxError", "SyntaxError: ", id="syntax error"),
        pytest.param("raising.f", "ReferenceError", "x is not defined", id="exception while loading"),
        pytest.param("../up.f", "Runtime.MalformedHandlerName", "'../up.f' is not a valid handler name.", id="above"),
        pytest.param("index", "Runtime.MalformedHandlerName", "Bad handler", id="no dot"),
        pytest.param("index.exits", "Runtime.ExitError", "Runtime exited with error: exit status 3", id="exit(3)"),
        pytest.param("index.ends", "Runtime.ExitError", "Runtime exited without providing a reason", id="exit(0)"),
        pytest.param("index.never", "Runtime.NodeJsExit", "a Promise that was never settled", id="never settled"),
        pytest.param("index.too_large", "Function.ResponseSizeTooLarge", "exceeded maximum allowed", id="over 6 MB"),
        pytest.param("index.uncaught", "URIError", "later", id="uncaught exception"),
        pytest.param("index.unhandled", "Runtime.UnhandledPromiseRejection", "Error: nobody", id="unhandled rejection"),
        pytest.param("index.unhandled_text", "Runtime.UnhandledPromiseRejection", "nobody", id="rejected with text"),
    ],
)
async def test_failures_are_answered_as_on_lambda(
    linux: NodeProject, handler: str, error_type: str, message: str
) -> None:
    linux.code(FAILING)
    linux.code('exports.f = require("missing");', "needs.js")
    linux.code('import "missing"; export const f = 1;', "esm.mjs")
    linux.code("exports.f = (;", "broken.js")
    linux.code("x;", "raising.js")

    async with linux.functions("f", handler=handler, runtime="nodejs20.x") as functions:
        error = await fail(functions, "f")

    assert error["errorType"] == error_type
    assert message in error["errorMessage"]


async def test_an_exception_has_its_stack_and_request_id(linux: NodeProject) -> None:
    linux.code("exports.f = async () => {\n  throw new Error('no');\n};")

    async with linux.run("f") as functions:
        error = await fail(functions, "index.f")

    # Lambda's client for Node.js tells the trace, not the request's id.
    assert set(error) == {"errorType", "errorMessage", "trace"}
    assert error["trace"][0] == "Error: no"
    assert error["trace"][1].endswith(f"({linux.folder}/index.js:2:9)")


async def test_the_context_has_lambdas_attributes(linux: NodeProject) -> None:
    linux.code(
        """
        exports.f = async (event, context) => {
          const { succeed, fail, done, getRemainingTimeInMillis, ...seen } = context;
          const methods = [succeed, fail, done].map((method) => typeof method);
          return { ...seen, remaining: getRemainingTimeInMillis(), methods };
        };
        """
    )

    async with linux.run("f", memory_mb=512) as functions:
        seen = returned(await functions.invoke("index.f", b"{}", request_id="my-id"))

    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen.pop("logStreamName"))
    assert 20_000 < seen.pop("remaining") <= 30_000
    assert seen == {
        "callbackWaitsForEmptyEventLoop": True,
        "awsRequestId": "my-id",
        "logGroupName": "/aws/lambda/index.f",
        "functionName": "index.f",
        "functionVersion": "$LATEST",
        "memoryLimitInMB": "512",
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:index.f",
        "methods": ["function", "function", "function"],
    }


async def test_a_version_knows_its_number_and_has_the_reserved_concurrency_of_all(linux: NodeProject) -> None:
    linux.code(
        """
        exports.f = async (seconds, context) => {
          await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
          return [context.functionVersion, process.env.AWS_LAMBDA_FUNCTION_VERSION];
        };
        """
    )

    async with linux.run("f", qualifiers={"live": "3"}, reserved_concurrency=1) as functions:
        seen = [await call(functions, name, 0) for name in ("index.f", "index.f:live")]
        first = functions.invoke("index.f", b"0.5")
        refused = await functions.invoke("index.f:live", b"0")
        await first

    assert seen == [["$LATEST", "$LATEST"], ["3", "3"]]
    assert isinstance(refused, Refused)


async def test_a_client_context_is_passed_on(linux: NodeProject) -> None:
    linux.code("exports.f = async (event, context) => context.clientContext.custom;")

    async with linux.run("f") as functions:
        outcome = await functions.invoke("index.f", b"{}", client_context='{"custom": {"a": 1}}')

    assert returned(outcome) == {"a": 1}


async def test_a_function_sees_lambdas_environment_and_its_own(linux: NodeProject) -> None:
    linux.code("exports.f = async (names) => Object.fromEntries(names.map((name) => [name, process.env[name]]));")
    endpoints = Endpoints(services={"DYNAMODB": "http://127.0.0.1:9"})
    names = ["MINE", "AWS_EXECUTION_ENV", "AWS_ENDPOINT_URL_DYNAMODB", "LAMBDA_TASK_ROOT", "_X_AMZN_TRACE_ID"]

    async with linux.run("f", environment={"MINE": "1"}, endpoints=endpoints) as functions:
        seen = await call(functions, "index.f", names)

    assert seen.pop("_X_AMZN_TRACE_ID").startswith("Root=1-")
    assert seen == {
        "MINE": "1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
        "LAMBDA_TASK_ROOT": str(linux.folder),
    }
    assert "MINE" not in os.environ


async def test_output_is_told_apart_by_function_and_request(linux: NodeProject) -> None:
    linux.code(
        """
        exports.f = async () => {
          console.log("logged %d", 1, { a: [1] });
          console.error("two\\nlines");
          console.warn(); console.debug("d"); console.trace("t"); console.fatal("f");
          process.stdout.write("as it is\\n");
          process.stderr.write("no line end");
        };
        """
    )

    async with linux.run("f") as functions:
        await functions.invoke("index.f", b"{}", request_id="my-id")

    assert {(function, request) for function, request, _ in linux.lines.all} == {("index.f", "my-id")}
    *logged, plain, unended = linux.lines.texts
    assert (plain, unended) == ("as it is", "no line end")
    times, rest = zip(*(line.split("\t", 1) for line in logged), strict=True)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) for time in times)
    assert rest == (
        "my-id\tINFO\tlogged 1 { a: [ 1 ] }",
        "my-id\tERROR\ttwo\nlines",
        "my-id\tWARN\tundefined",
        "my-id\tDEBUG\td",
        "my-id\tTRACE\tt",
        "my-id\tFATAL\tf",
    )


async def test_output_is_json_with_a_level_where_the_function_asks_for_it(linux: NodeProject) -> None:
    linux.code(
        """
        exports.f = async () => {
          console.info("hidden");
          console.warn({ a: 1 });
          console.error("it was", new RangeError("far"));
        };
        """
    )
    wanted = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}

    async with linux.run("f", environment=wanted) as functions:
        await functions.invoke("index.f", b"{}", request_id="my-id")

    warned, failed = (json.loads(line) for line in linux.lines.texts)
    assert (warned["level"], warned["requestId"], warned["message"]) == ("WARN", "my-id", {"a": 1})
    assert (failed["level"], failed["errorType"], failed["errorMessage"]) == ("ERROR", "RangeError", "far")
    assert failed["message"].startswith("it was RangeError: far\n")


async def test_an_uncaught_error_is_one_event_of_the_log(linux: NodeProject) -> None:
    linux.code("exports.f = async () => { throw Object.assign(new Error('boom'), { code: 'E1', more: 2 }); };")

    async with linux.run("f") as functions:
        outcome = await functions.invoke("index.f", b"{}", request_id="my-id")

    assert outcome.request_id == "my-id"
    (text,) = linux.lines.texts
    head, told = text.split("\tInvoke Error \t")
    assert head.endswith("\tmy-id\tERROR")
    told = json.loads(told)
    assert told.pop("stack")[0] == "Error: boom"
    assert told == {"errorType": "Error", "errorMessage": "boom", "code": "E1", "more": 2}


async def test_where_a_function_logs_json_so_are_its_errors_and_lambdas_own_lines(linux: NodeProject) -> None:
    linux.code("exports.f = async () => { throw new Error('no'); };")

    async with linux.run("f", environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"}) as functions:
        await functions.invoke("index.f", b"{}", request_id="one")

    error = json.loads(linux.lines.texts[-1])
    assert (error["level"], error["requestId"]) == ("ERROR", "one")
    kinds = [json.loads(line)["type"] for line in linux.lines.platform]
    assert kinds == ["platform.initStart", "platform.start", "platform.report"]


async def test_an_error_of_the_init_has_no_request(linux: NodeProject) -> None:
    linux.code("throw new Error('at once');")

    async with linux.run("f") as functions:
        assert (await fail(functions, "index.f"))["errorMessage"] == "at once"

    assert len(linux.lines.texts) == 2  # it is repeated within the invocation
    for text in linux.lines.texts:
        assert '\tundefined\tERROR\tUncaught Exception \t{"errorType":"Error","errorMessage":"at once"' in text


async def test_lambdas_own_lines_frame_each_event(linux: NodeProject) -> None:
    linux.code("exports.f = async () => {};")

    async with linux.run("f") as functions:
        await functions.invoke("index.f", b"{}", request_id="one")

    init, start, end, report = linux.lines.platform
    assert init.startswith("INIT_START Runtime Version: nodejs:20.local\t")
    assert (start, end) == ("START RequestId: one Version: $LATEST", "END RequestId: one")
    assert re.fullmatch(
        r"REPORT RequestId: one\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"(Max Memory Used: \d+ MB\t)?Init Duration: [\d.]+ ms\t",
        report,
    )


async def test_a_timeout_is_answered_and_the_next_event_served(project: NodeProject) -> None:
    project.code(
        """
        exports.f = async (event) => {
          while (event === "loop");
          if (event === "sleep") await new Promise((done) => setTimeout(done, 60_000));
          return "served";
        };
        """
    )

    async with project.run("f", timeout_seconds=2.0) as functions:
        for event in ("sleep", "loop"):
            error = await fail(functions, "index.f", event)
            assert error["errorType"] == "Sandbox.Timedout"
            assert re.fullmatch(r"RequestId: \S+ Error: Task timed out after 2\.00 seconds", error["errorMessage"])
        assert await call(functions, "index.f", "serve") == "served"


async def test_ten_events_run_at_once(linux: NodeProject) -> None:
    linux.code(
        """
        const fs = require("node:fs");
        exports.f = async ({ folder, number }) => {
          fs.writeFileSync(`${folder}/${number}`, "");
          while (fs.readdirSync(folder).length < 10) await new Promise((done) => setTimeout(done, 5));
        };
        """
    )
    meeting = linux.folder / "meeting"
    meeting.mkdir()

    async with linux.run("f") as functions:
        events = ({"folder": str(meeting), "number": number} for number in range(10))
        await asyncio.gather(*(call(functions, "index.f", event) for event in events))


async def test_over_its_reserved_concurrency_a_function_is_throttled(linux: NodeProject) -> None:
    linux.code(BLOCKED)
    gate = linux.folder / "gate"

    async with linux.run("blocked", reserved_concurrency=1) as functions:
        running = asyncio.create_task(call(functions, "index.blocked", str(gate)))
        await asyncio.sleep(0)
        refusal = await functions.invoke("index.blocked", b'""')
        gate.touch()
        await running

    assert isinstance(refusal, Refused)
    assert (refusal.status, refusal.error_type) == (429, "TooManyRequestsException")


BLOCKED = """
const fs = require("node:fs");
let count = 0;
exports.blocked = async (file) => {
  count += 1;
  while (file && !fs.existsSync(file)) await new Promise((done) => setTimeout(done, 5));
  return count;
};
"""


async def test_an_unknown_function_is_not_found(linux: NodeProject) -> None:
    linux.code("exports.f = async () => {};")

    async with linux.run("f") as functions:
        refusal = await functions.invoke("g", b"{}")

    assert isinstance(refusal, Refused)
    assert (refusal.status, refusal.error_type) == (404, "ResourceNotFoundException")


async def test_a_reload_runs_the_code_that_is_on_disk(project: NodeProject) -> None:
    project.code('const { value } = require("./part"); exports.f = async () => value;')
    project.code("exports.value = 1;", "part.js")

    async with project.run("f") as functions:
        assert await call(functions, "index.f") == 1
        project.code("exports.value = 2;", "part.js")
        assert await call(functions, "index.f") == 1
        await functions.reload()
        assert await call(functions, "index.f") == 2


async def test_broken_code_is_answered_as_on_lambda_and_heals_when_it_is_saved_again(linux: NodeProject) -> None:
    linux.code("exports.f = async () => 1;")

    async with linux.run("f") as functions:
        assert await call(functions, "index.f") == 1
        linux.code('require("nonsense-that-is-missing");')
        await functions.reload()
        for _ in range(2):
            assert (await fail(functions, "index.f"))["errorType"] == "Runtime.ImportModuleError"
        linux.code("exports.f = async () => 2;")
        await functions.reload()
        assert await call(functions, "index.f") == 2


async def test_an_event_that_runs_during_a_reload_ends_with_the_code_it_began_with(linux: NodeProject) -> None:
    linux.code(f"{BLOCKED} exports.f = async (file) => {{ await exports.blocked(file); return 1; }};")
    gate = linux.folder / "gate"

    async with linux.run("f") as functions:
        await call(functions, "index.f", "")
        running = asyncio.create_task(call(functions, "index.f", str(gate)))
        await asyncio.sleep(0)
        linux.code("exports.f = async () => 2;")
        await functions.reload()
        assert await call(functions, "index.f", "") == 2
        gate.touch()
        assert await running == 1


async def test_code_root_is_where_a_functions_modules_are(linux: NodeProject, tmp_path: Path) -> None:
    linux.code("exports.f = async () => process.cwd();", "elsewhere/far.js")
    root = str(tmp_path / "elsewhere")

    async with linux.run("far.f", code_root=root) as functions:
        assert await call(functions, "far.f") == root


async def test_nothing_of_a_project_stays_behind(linux: NodeProject) -> None:
    linux.code("exports.f = async () => process.pid;")

    async with linux.run("f") as functions:
        pid = await call(functions, "index.f")
        assert state_of(pid)

    await until(lambda: state_of(pid) in {"", "Z"})


# modules


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        pytest.param({"index.js": "exports.f = async () => 'found';"}, "index.f", id="CommonJS"),
        pytest.param({"index.cjs": "exports.f = async () => 'found';"}, "index.f", id=".cjs"),
        pytest.param({"index.mjs": "export const f = async () => 'found';"}, "index.f", id=".mjs"),
        pytest.param({"index.mjs": "export default async () => 'found';"}, "index.default", id="default export"),
        pytest.param(
            {"index.js": "export const f = async () => 'found';", "package.json": '{"type": "module"}'},
            "index.f",
            id="a package of modules",
        ),
        pytest.param(
            {"src/index.js": "export const f = async () => 'found';", "package.json": '{"type": "module"}'},
            "src/index.f",
            id="a folder of such a package",
        ),
        pytest.param(
            {
                "src/index.js": "exports.f = async () => 'found';",
                "src/package.json": "{}",
                "package.json": '{"type": "module"}',
            },
            "src/index.f",
            id="a nearer package that is none",
        ),
        pytest.param({"a/b/index.js": "exports.f = async () => 'found';"}, "a/b/index.f", id="nested folders"),
        pytest.param(
            {"index.js": "exports.a = { b: { f: async () => 'found' } };"}, "index.a.b.f", id="nested exports"
        ),
        pytest.param({"index.js": "module.exports = { f: async () => 'found' };"}, "index.f", id="module.exports"),
        pytest.param({"index": "exports.f = async () => 'found';"}, "index.f", id="no extension"),
        pytest.param({"index/index.js": "exports.f = async () => 'found';"}, "index.f", id="a folder's index"),
        pytest.param({"node_modules/p/index.js": "exports.f = async () => 'found';"}, "p.f", id="a package"),
        pytest.param(
            {"index.mjs": "await null; export const f = async () => 'found';"}, "index.f", id="top-level await"
        ),
        pytest.param(
            {
                "index.mjs": "import { value } from 'p'; export const f = async () => value;",
                "layer/nodejs/node_modules/p/index.js": "exports.value = 'found';",
            },
            "index.f",
            id="an ES module finds a layer's package",
        ),
        pytest.param(
            {
                "index.js": "exports.f = async () => (await import('p')).value;",
                "layer/nodejs/node20/node_modules/p/index.mjs": "export const value = 'found';",
                "layer/nodejs/node20/node_modules/p/package.json": '{"exports": {"import": "./index.mjs"}}',
            },
            "index.f",
            id="CommonJS imports a package of a layer for this version",
        ),
        pytest.param(
            {
                "index.js": "const { value } = require('p'); exports.f = async () => value;",
                "layer/node_modules/p/index.js": "exports.value = 'found';",
            },
            "index.f",
            id="a package of a layer that is not built",
        ),
        pytest.param(
            {
                "index.mjs": "import { value } from '/opt/nodejs/own.mjs'; export const f = async () => value;",
                "layer/nodejs/own.mjs": "export { value } from './beside.mjs';",
                "layer/nodejs/beside.mjs": "export const value = 'found';",
            },
            "index.f",
            id="an ES module imports from the place of layers",
        ),
        pytest.param(
            {
                "index.js": "const { value } = require('/opt/nodejs/own'); exports.f = async () => value;",
                "layer/nodejs/own.js": "exports.value = 'found';",
            },
            "index.f",
            id="CommonJS requires from the place of layers",
        ),
    ],
)
async def test_a_handler_is_found_in_every_form_of_module(
    linux: NodeProject, files: dict[str, str], handler: str
) -> None:
    for name, text in files.items():
        linux.code(text, name)
    layers = (str(linux.folder / "layer"),)

    async with linux.functions("f", handler=handler, runtime="nodejs20.x", search_paths=layers) as functions:
        assert await call(functions, "f") == "found"


async def test_a_module_that_only_newer_versions_would_take_for_one_is_none(linux: NodeProject) -> None:
    linux.code("export const f = async () => 1;")

    async with linux.run("f") as functions:
        assert (await fail(functions, "index.f"))["errorType"] == "Runtime.UserCodeSyntaxError"


@pytest.mark.parametrize(
    ("files", "place"),
    [
        pytest.param({"index.js": "exports.f = 1;\nlet a = ;"}, "index.js:2\nlet a = ;\n        ^", id="CommonJS"),
        pytest.param({"index.mjs": "\n\nlet a = ;"}, "index.mjs:3\nlet a = ;\n        ^", id="an ES module"),
        pytest.param(
            {"package.json": '{"type": "module"}', "index.js": "let a = ;"}, "index.js:1\nlet a = ;", id="by package"
        ),
        pytest.param(
            {
                "index.mjs": 'import { a } from "./one.mjs";\nexport { b } from "./two/two.mjs";',
                "one.mjs": "export const a = 1;",
                "two/two.mjs": "import '../index.mjs';\nimport './gone.mjs';\nlet b = ;",
            },
            "two/two.mjs:3\nlet b = ;\n        ^",
            id="a module that a module takes from beside it",
        ),
        pytest.param(
            {"index.mjs": "import { a } from './one.mjs';", "one.mjs": ""}, "index.mjs:1\nimport { a }", id="no export"
        ),
    ],
)
async def test_the_log_says_where_a_syntax_error_is(linux: NodeProject, files: dict[str, str], place: str) -> None:
    for name, text in files.items():
        linux.code(text, name)

    async with linux.run("f") as functions:
        assert (await fail(functions, "index.f"))["errorType"] == "Runtime.UserCodeSyntaxError"

    assert f"{linux.folder}/{place}" in "\n".join(linux.lines.texts)


async def test_what_a_module_takes_in_a_circle_is_looked_at_once(linux: NodeProject) -> None:
    linux.code("import './one.mjs';\nimport { none } from 'node:fs';", "index.mjs")
    linux.code("import './index.mjs';", "one.mjs")

    async with linux.run("f") as functions:
        assert (await fail(functions, "index.f"))["errorType"] == "Runtime.UserCodeSyntaxError"


# callbacks and the event loop


@pytest.mark.parametrize(
    ("handler", "result"),
    [
        pytest.param("(e, c, cb) => cb(null, 1)", 1, id="callback"),
        pytest.param("(e, c, cb) => { setTimeout(() => cb(null, 1), 5); }", 1, id="a later callback"),
        pytest.param("(e, c, cb) => { cb(null, 1); cb(null, 2); }", 1, id="the first of two"),
        pytest.param("(e, c, cb) => cb()", None, id="callback without a result"),
        pytest.param("(e, c) => c.succeed(1)", 1, id="succeed"),
        pytest.param("(e, c) => c.done(null, 1)", 1, id="done"),
        pytest.param("(e, c) => { setTimeout(() => c.succeed(1), 5); return 2; }", 1, id="a plain result is ignored"),
        pytest.param("() => 1", None, id="a plain result only"),
        pytest.param("() => {}", None, id="nothing"),
        pytest.param("(e, c, cb) => { setTimeout(() => { global.late = 1; }, 20); cb(null, 1); }", 1, id="timers"),
        pytest.param("() => ({ then: (done) => done(1) })", 1, id="whatever can be awaited"),
        pytest.param("() => Promise.resolve(1)", 1, id="a promise"),
    ],
)
async def test_events_are_answered_by_callbacks_contexts_and_promises(
    linux: NodeProject, handler: str, result: Any
) -> None:
    linux.code(f"exports.f = {handler};")

    async with linux.run("f") as functions:
        assert await call(functions, "index.f") == result
        assert await call(functions, "index.f") == result


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        pytest.param("(e, c, cb) => cb(new TypeError('no'))", ("TypeError", "no"), id="callback"),
        pytest.param("(e, c, cb) => cb('no')", ("string", "no"), id="text"),
        pytest.param("(e, c) => c.fail(new TypeError('no'))", ("TypeError", "no"), id="fail"),
        pytest.param("(e, c) => c.fail()", ("string", "handled"), id="fail without an error"),
        pytest.param("(e, c) => c.done(new TypeError('no'))", ("TypeError", "no"), id="done"),
    ],
)
async def test_events_fail_by_callbacks_and_contexts(linux: NodeProject, handler: str, error: tuple[str, str]) -> None:
    linux.code(f"exports.f = {handler};")

    async with linux.run("f") as functions:
        found = await fail(functions, "index.f")

    assert (found["errorType"], found["errorMessage"]) == error


async def test_a_callbacks_result_waits_for_the_event_loop_unless_told_otherwise(linux: NodeProject) -> None:
    linux.code(
        """
        let ran = 0;
        exports.f = (event, context, callback) => {
          if (event === "ask") return callback(null, ran);
          context.callbackWaitsForEmptyEventLoop = event.waits;
          setTimeout(() => { ran += 1; }, 100);
          callback(null, ran);
        };
        """
    )

    async with linux.run("f") as functions:
        await call(functions, "index.f", {"waits": True})
        assert await call(functions, "index.f", "ask") == 1
        await call(functions, "index.f", {"waits": False})
        assert await call(functions, "index.f", "ask") in (1, 2)  # the timer may run while the next event does


async def test_what_runs_on_after_the_answer_is_frozen(linux: NodeProject) -> None:
    linux.code(
        """
        exports.f = async (event) => {
          if (event === "start") setInterval(() => {}, 5);
          return process.pid;
        };
        """
    )

    async with linux.run("f") as functions:
        pid = await call(functions, "index.f", "start")
        await until(lambda: state_of(pid) == "T")
        assert await call(functions, "index.f", "again") == pid


# nodejs24.x


@pytest.mark.parametrize(
    ("handler", "result"),
    [
        pytest.param("() => 1", 1, id="a plain result"),
        pytest.param(
            "async (e, c) => [c.succeed, c.done, c.fail, c.callbackWaitsForEmptyEventLoop]", [None] * 4, id="c"
        ),
    ],
)
async def test_from_24_on_a_handler_is_awaited(linux: NodeProject, handler: str, result: Any) -> None:
    linux.code(f"exports.f = {handler};")

    async with linux.run("f", runtime="nodejs24.x") as functions:
        assert await call(functions, "index.f") == result


async def test_from_24_on_there_are_no_callbacks(linux: NodeProject) -> None:
    linux.code("exports.f = (event, context, callback) => callback(null, 1);")

    async with linux.run("f", runtime="nodejs24.x") as functions:
        error = await fail(functions, "index.f")

    assert error["errorType"] == "Runtime.CallbackHandlerDeprecated"
    assert "has removed support for callback-based function handlers" in error["errorMessage"]


# streams


async def test_a_streamed_response_is_returned_whole(linux: NodeProject) -> None:
    linux.code(
        """
        exports.f = awslambda.streamifyResponse(async (event, stream) => {
          stream.write("a"); stream.write(Buffer.from("b")); stream.write({ c: 1 }); stream.end();
        });
        exports.open = awslambda.streamifyResponse(async (event, stream) => { stream.write("a"); });
        exports.http = awslambda.streamifyResponse(async (event, stream) => {
          const http = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
          http.write("body"); http.end();
        });
        """
    )

    async with linux.run("f", "open", "http") as functions:
        outcome = await functions.invoke("index.f", b"{}")
        assert isinstance(outcome, Returned)
        assert outcome.payload == b'ab{"c":1}'
        http = await functions.invoke("index.http", b"{}")
        assert isinstance(http, Returned)
        assert http.payload == b'{"statusCode":201}' + bytes(8) + b"body"
        assert (await fail(functions, "index.open"))["errorMessage"] == "Response stream is not finished."


async def test_a_streamed_response_can_be_read_while_it_is_made(linux: NodeProject) -> None:
    """What is told late, and by `end` alone, as Lambda's client does it."""
    linux.code(
        """
        const { existsSync } = require("node:fs");
        exports.f = awslambda.streamifyResponse(async (event, stream, context) => {
          stream.setContentType("text/plain");
          stream.write("a");
          while (event.waits && !existsSync("go-on")) await new Promise((done) => setTimeout(done, 5));
          if (event.fails) throw new TypeError("midway");
          if (event.dies) setImmediate(() => { throw new RangeError("nobody catches this"); });
          else stream.end("b");
          if (event.late) { await new Promise((done) => stream.on("finish", done)); throw new Error("too late"); }
        });
        exports.unwritten = awslambda.streamifyResponse(async (event, stream) => {
          awslambda.HttpResponseStream.from(stream, { statusCode: 201 }).end("no head");
        });
        exports.early = awslambda.streamifyResponse(async () => { throw new TypeError("at once"); });
        exports.piped = awslambda.streamifyResponse(async (event, stream) => {
          require("node:stream").Readable.from(["x", "y".repeat(300000), "z"]).pipe(stream);
        });
        """
    )

    async def streamed(
        functions: StreamingFunctions, name: str, event: Any = None
    ) -> tuple[str | None, bytes, Outcome]:
        stream = ResponseStream()
        outcome = functions.invoke(f"index.{name}", json.dumps(event or {}).encode(), stream=stream)
        found = b""
        while part := await stream.read():
            found += part
            if part == b"a":
                (linux.folder / "go-on").touch()
        return stream.content_type, found, await outcome

    async with linux.run("f", "unwritten", "early", "piped") as functions:
        kind, parts, outcome = await streamed(functions, "f", {"waits": True})
        assert isinstance(outcome, Returned)
        assert (kind, parts, outcome.payload) == ("text/plain", b"ab", b"ab")
        assert (await streamed(functions, "f", {"late": True}))[1] == b"ab"
        for event, error in ({"fails": True}, "TypeError"), ({"dies": True}, "RangeError"):
            _, parts, outcome = await streamed(functions, "f", event)
            assert isinstance(outcome, Failed)
            assert (parts, outcome.error_type) == (b"a", error)
        kind, parts, outcome = await streamed(functions, "unwritten")
        assert (kind, parts) == ("application/vnd.awslambda.http-integration-response", b"no head")
        _, parts, outcome = await streamed(functions, "early")
        assert isinstance(outcome, Failed)
        assert (parts, outcome.error_type) == (b"", "TypeError")
        assert (await streamed(functions, "piped"))[1] == b"x" + b"y" * 300000 + b"z"


async def test_what_keeps_running_after_a_streamed_response_keeps_no_other_event_waiting(linux: NodeProject) -> None:
    """[REC] aws-lambda-ric 3.3, which asks for the next event when nothing is left to run"""
    linux.code(
        """
        exports.open = awslambda.streamifyResponse(async (event, stream, context) => {
          setInterval(() => {}, 1000);
          context.callbackWaitsForEmptyEventLoop = event.waits;
          stream.end(String(process.pid));
        });
        """
    )

    async with linux.run("open", timeout_seconds=60) as functions:
        found = [await functions.invoke("index.open", b'{"waits": %b}' % each) for each in (b"false", b"true", b"true")]

    pids = [each.payload for each in found if isinstance(each, Returned)]
    assert len(pids) == 3
    assert pids[0] == pids[1] != pids[2]


# whose the Runtime API is


async def test_a_program_that_a_function_starts_has_no_way_to_its_events(linux: NodeProject) -> None:
    linux.code(
        """
        const { execFileSync } = require("node:child_process");
        const { readlinkSync } = require("node:fs");
        exports.f = async () => ({
          open: execFileSync("ls", ["-l", "/proc/self/fd"]).toString().includes(readlinkSync("/proc/self/fd/3")),
          port: process.env.AWS_LAMBDA_RUNTIME_API,
        });
        """
    )

    async with linux.run("f") as functions:
        assert await call(functions, "index.f") == {"open": False, "port": "127.0.0.1:0"}


async def test_memory_over_the_limit_ends_the_environment(linux: NodeProject) -> None:
    linux.code(
        """
        exports.f = async (event) => {
          const kept = [];
          while (event === "grow") {
            kept.push(Buffer.alloc(4_000_000, 1));
            await new Promise((done) => setTimeout(done, 5));
          }
          return "served";
        };
        """
    )

    async with linux.run("f", memory_mb=128) as functions:
        assert (await fail(functions, "index.f", "grow"))["errorType"] == "Runtime.ExitError"
        assert await call(functions, "index.f", "serve") == "served"
