"""Public projects, each emulated by one command and talked to: ``python -m benchmarks.public_projects FOLDER [TEXT]``.

FOLDER has a checkout of each as ``OWNER+NAME``, of which those are tried that have TEXT in their names; none of their
code is part of this repository. A project of Serverless must be packaged before, by ``npx serverless package`` or
``npx osls package`` in its folder (beside ``streamer emulate --control-plane``, if its variables ask AWS), one of CDK
synthesised; one with packages, or a layer of them, has them by ``npm install``. What Lambda provides is fetched by the
emulator itself.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from benchmarks.public_list import PROJECTS, Project

PATIENCE_SECONDS: Final = 60.0
MESSAGES: Final = 20
SETTLE_SECONDS: Final = 1.0
WEB: Final = b'data: {"choices": [{"delta": {"content": "hello"}}]}\n\n'
_TELLING: Final = ("not run", "ERROR\tInvoke", "ERROR\tUncaught", "Error:", "streamer:")
"""What lines of the log tell why nobody was heard."""
STREAMER: Final = Path(sysconfig.get_path("scripts")) / "streamer"


def main(folder: Path, wanted: str = "") -> None:
    """Print a line of a table for each project whose name and folder contain a text."""
    print("| project | form | ran | |")
    print("|---|---|---|---|")
    for project in PROJECTS:
        if wanted not in f"{project.name}, {project.folder}":
            continue
        where = folder / project.name.replace("/", "+") / project.folder
        ran, remark = tried(project, where) if where.is_dir() else ("not tried", "no checkout")
        name = project.name if project.folder == "." else f"{project.name}, {project.folder}"
        print(f"| {name} | {project.form} | {ran} | {remark} |", flush=True)


def tried(project: Project, folder: Path) -> tuple[str, str]:
    """Whether the conversation came about, and a remark."""
    with tempfile.TemporaryDirectory() as temporary, _web() as address:
        given = [f"{project.parameter_of_web}={address}"] if project.parameter_of_web else []
        more = [*project.options, *(each for value in given for each in ("--parameter", value))]
        ready = Path(temporary, "ready.json")
        with Path(temporary, "log").open("w+") as log:
            process = subprocess.Popen(
                [STREAMER, "emulate", project.target, "--port", "0", "--ready-file", ready, *more],
                cwd=folder,
                stdout=log,
                stderr=log,
            )
            try:
                return _talked(project, process, ready, Path(log.name))
            except (OSError, WebSocketException) as error:
                log.seek(0)
                lines = [line.strip() for line in log if any(word in line for word in _TELLING)]
                return "no", (lines[-1] if lines else f"{type(error).__name__}: {error}")[:160]
            finally:
                process.terminate()
                process.wait()


@contextmanager
def _web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Web(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", str(len(WEB)))
        self.end_headers()
        self.wfile.write(WEB)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


def _talked(project: Project, process: subprocess.Popen[bytes], ready: Path, log: Path) -> tuple[str, str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError("it did not start")
        time.sleep(0.05)
    told = json.loads(ready.read_text("utf-8"))
    _prepared(project, told)
    url = told["websocket_url"]
    more: Any = {
        "open_timeout": PATIENCE_SECONDS,
        "proxy": None,
        "additional_headers": {} if project.user is None else {project.user[2]: _signed_in(told, *project.user[:2])},
        "subprotocols": None if project.token is None else ["websocket", _token(told, *project.token)],
    }
    with connect(url + project.query[0], **more) as first, connect(url + project.query[1], **more) as second:
        if project.before:
            first.send(project.before)
            first.recv(timeout=PATIENCE_SECONDS)
        _said(project, told, first, log)
        if project.rows is not None:
            _counted(told, *project.rows)
        if project.hears:
            _listened((first, second)[project.by], project.hears)
    return ("with an option", " ".join(project.options)) if project.options else ("unmodified", "")


def _prepared(project: Project, told: Any) -> None:
    if project.table is not None:
        _made(told, *project.table)
    if project.item is not None:
        table, item = project.item
        name = told["resources"][table]["id"]
        _database(told["dynamodb_url"]).put_item(TableName=name, Item=json.loads(item))


def _said(project: Project, told: Any, client: ClientConnection, log: Path) -> None:
    """Do what the other client, or this one, is to hear of."""
    if project.says:
        known = _last_connection(log) if "CONNECTION" in project.says else ""
        client.send(project.says.replace("CONNECTION", known))
    if project.invoked is not None:
        _invoked(told, *project.invoked)
    if project.event is not None:
        _put(told, *project.event)


def _listened(client: ClientConnection, wanted: str) -> None:
    """Listen until it is heard: a project's stream may tell of other changes before."""
    heard = "nothing"
    for _ in range(MESSAGES):
        try:
            heard = str(client.recv(timeout=PATIENCE_SECONDS))
        except TimeoutError:
            break
        if wanted in heard:
            return
    raise TimeoutError(f"heard {heard[:100]}")


def _made(told: Any, table: str, key: str) -> None:
    _database(told["dynamodb_url"]).create_table(
        TableName=table,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _last_connection(log: Path) -> str:
    return str(re.findall(r" connected +(\S+=)", log.read_text("utf-8"))[-1])


def _token(told: Any, function: str, key: str) -> str:
    content = _invoked(told, function, "{}")
    if key not in content:
        raise OSError(f"{function} answered {str(content)[:100]}")
    return str(content[key])


def _invoked(told: Any, function: str, event: str) -> Any:
    answer = _client(told, "lambda").invoke(FunctionName=told["resources"][function]["id"], Payload=event.encode())
    return json.loads(answer["Payload"].read())


def _put(told: Any, kind: str, detail: str) -> None:
    time.sleep(SETTLE_SECONDS)  # what the client sent is not answered, and has to be done before
    _client(told, "events").put_events(Entries=[{"Source": "public", "DetailType": kind, "Detail": detail}])


def _counted(told: Any, table: str, count: int) -> None:
    name = told["resources"][table]["id"]
    found = _database(told["dynamodb_url"]).scan(TableName=name)["Count"]
    if found != count:
        raise OSError(f"{table} has {found} items")


def _client(told: Any, service: str) -> Any:
    url = "http://" + urlsplit(told["websocket_url"]).netloc
    keys = {"aws_access_key_id": "-", "aws_secret_access_key": "-"}
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", **keys)


def _signed_in(told: Any, pool: str, client: str) -> str:
    """The access token of a user who signs up."""
    cognito = _client(told, "cognito-idp")
    client_id = _ids(told, client)[0]
    pool_id = next(each for each in _ids(told, pool) if re.fullmatch(r"[a-z]+(-[a-z]+)+-\d_\w+", each))
    user = {"Username": "ann@example.com"}
    cognito.admin_create_user(UserPoolId=pool_id, MessageAction="SUPPRESS", **user)
    cognito.admin_set_user_password(UserPoolId=pool_id, Password="Passw0rd!", Permanent=True, **user)
    said = {"USERNAME": "ann@example.com", "PASSWORD": "Passw0rd!"}
    answer = cognito.initiate_auth(ClientId=client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=said)
    return str(answer["AuthenticationResult"]["AccessToken"])


def _ids(told: Any, text: str) -> list[str]:
    """The ids of resources whose logical ids contain a text."""
    return [str(each["id"]) for name, each in told["resources"].items() if text in name]


def _database(url: str) -> Any:
    keys = {"aws_access_key_id": "-", "aws_secret_access_key": "-"}
    return boto3.client("dynamodb", endpoint_url=url, region_name="us-east-1", **keys)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
