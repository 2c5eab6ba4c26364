"""Actions use the tables and queues of their App, and nothing that nobody allowed them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from loaded_target import load_target

from emulator.testing.thread import EmulatorThread, emulator_thread
from emulator.wiring.emulator import EmulatorConfig
from streamer.client import RequestFailedError
from streamer.project import Project
from streamer.requests.runs import SWEEP_EVENT
from streamer.topology import Topology
from streamer.topology.sizes import Sizes

APP = """
    import os
    import threading
    from pathlib import Path

    import boto3

    from streamer import App
    from streamer.topology import Bucket, Key, Permission, Queue, Table

    app = App(
        tables=[Table(name="orders", key=Key(partition="id"))],
        queues=[Queue(name="mails")],
        buckets=[Bucket(name="documents"), Bucket(name="archive")],
        access={"archive": {"router": "read", "processor": "write"}},
        permissions=[
            Permission(
                actions=["dynamodb:GetItem"],
                resources=["arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/others_*"],
            )
        ],
    )


    @app.action("order", queued=True)
    def order(request, progress):
        table = boto3.resource("dynamodb").Table(os.environ["ORDERS_TABLE"])
        table.put_item(Item={"id": request.id})
        boto3.client("sqs").send_message(QueueUrl=os.environ["MAILS_QUEUE_URL"], MessageBody=request.id)
        return table.scan()["Count"]


    @app.action("hold", queued=True)
    def hold(request, progress):
        print("it holds the processor")
        pause = threading.Event()
        while not Path(request.payload).exists():
            pause.wait(0.01)
        return "held"


    @app.action("write")
    def write(request):
        s3, documents = boto3.client("s3"), os.environ["DOCUMENTS_BUCKET"]
        s3.put_object(Bucket=documents, Key="one", Body=b"1")
        found = [each["Key"] for each in s3.list_objects_v2(Bucket=documents)["Contents"]]
        return [found, s3.get_object(Bucket=documents, Key="one")["Body"].read().decode()]


    @app.action("look")
    def look(request):
        return boto3.client("s3").get_object(Bucket=os.environ["ARCHIVE_BUCKET"], Key="kept")["Body"].read().decode()


    @app.action("keep")
    def keep(request):
        boto3.client("s3").put_object(Bucket=os.environ["ARCHIVE_BUCKET"], Key="kept", Body=b"kept")


    @app.action("keep-later", queued=True)
    def keep_later(request, progress):
        return keep(request)


    @app.action("read")
    def read(request):
        return boto3.client("dynamodb").get_item(TableName=request.payload, Key={"id": {"S": "1"}}).get("Item")
"""


@pytest.fixture(params=["process", "inline"])
def emulator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmulatorThread]:
    (tmp_path / "own_app.py").write_text(textwrap.dedent(APP))
    project = Project(folder=tmp_path, code=tmp_path, app="own_app:app")
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path / "state", isolation=request.param)

    def load(environment: Mapping[str, str]) -> Topology:
        return load_target("own_app:app", project, environment=environment).topology

    with emulator_thread(load, config, {}) as running:
        yield running


def test_actions_use_the_tables_and_queues_of_their_app(emulator: EmulatorThread) -> None:
    with emulator.connect() as client:
        assert client.request("order", id="one") == 1

    queues = boto3.client("sqs", **emulator.aws("sqs"))
    url = queues.get_queue_url(QueueName="mails")["QueueUrl"]
    assert [message["Body"] for message in queues.receive_message(QueueUrl=url)["Messages"]] == ["one"]


def test_actions_use_the_buckets_of_their_app(emulator: EmulatorThread) -> None:
    with emulator.connect() as client:
        assert client.request("write") == [["one"], "1"]


def test_functions_use_a_bucket_as_the_app_says_of_each(emulator: EmulatorThread) -> None:
    with emulator.connect() as client:
        with pytest.raises(RequestFailedError, match="AccessDenied"):
            client.request("keep")
        assert client.request("keep-later") is None
        assert client.request("look") == "kept"


@pytest.fixture(params=["process", "inline"])
def reserved(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmulatorThread]:
    """As `emulator`, with a processor whose concurrency is reserved."""
    (tmp_path / "own_app.py").write_text(textwrap.dedent(APP))
    sizes = {"processor": Sizes(reserved_concurrency=1)}
    project = Project(folder=tmp_path, code=tmp_path, app="own_app:app", functions=sizes)
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path / "state", isolation=request.param)

    def load(environment: Mapping[str, str]) -> Topology:
        return load_target("own_app:app", project, environment=environment).topology

    with emulator_thread(load, config, {}) as running:
        yield running


def test_a_processor_of_reserved_concurrency_is_given_work_by_a_function_of_its_own(reserved: EmulatorThread) -> None:
    with reserved.connect() as client:
        assert client.request("order", id="one") == 1


def test_work_that_takes_all_of_the_reservation_keeps_no_work_from_being_started(
    reserved: EmulatorThread, tmp_path: Path
) -> None:
    functions = boto3.client("lambda", **reserved.aws("lambda"), config=Config(retries={"total_max_attempts": 1}))
    sweep = json.dumps(SWEEP_EVENT)
    with reserved.connect() as client, ThreadPoolExecutor(4) as pool:
        # Events that are turned away come again after 1, 2, 4, 8, 16 ... seconds, which a busy machine gets to.
        request = partial(client.request, timeout=240)
        held = pool.submit(request, "hold", str(tmp_path / "go"))
        try:
            reserved.logs.wait_for("it holds the processor")
            waiting = [pool.submit(request, "order", id=f"o-{number}") for number in range(3)]
            # The one execution that the processor has is taken; what starts work has others.
            with pytest.raises(functions.exceptions.TooManyRequestsException):
                functions.invoke(FunctionName="processor", Payload=sweep)
            for _ in range(3):
                assert "FunctionError" not in functions.invoke(FunctionName="dispatcher", Payload=sweep)
        finally:
            (tmp_path / "go").touch()

        assert held.result() == "held"
        assert {each.result() for each in waiting} == {1, 2, 3}
    queues = boto3.client("sqs", **reserved.aws("sqs"))
    url = queues.get_queue_url(QueueName="dead-letters")["QueueUrl"]
    assert "Messages" not in queues.receive_message(QueueUrl=url)


def test_actions_may_do_what_the_app_says_and_no_more(emulator: EmulatorThread) -> None:
    database = boto3.client("dynamodb", **emulator.aws("dynamodb"))
    for name in ("others_open", "closed"):
        database.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    with emulator.connect() as client:
        assert client.request("read", "others_open") is None
        with pytest.raises(RequestFailedError):
            client.request("read", "closed")

    assert "function router may not dynamodb:GetItem on closed" in "\n".join(line.text for line in emulator.logs.lines)
