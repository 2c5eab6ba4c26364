"""The services in a process of their own: when it starts, what reaches it, and that it ends with the emulator."""

from __future__ import annotations

import html
import logging
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import services_world
from botocore.exceptions import ClientError
from services_world import ACCOUNT, World, until

from emulator.services.calls import Call
from streamer.errors import ConfigurationError
from streamer.topology import Permission

BUCKET = Call(
    service="s3",
    operation="create_bucket",
    parameters={"Bucket": "made", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}},
    resource="Made",
)
READS = Permission(actions=("s3:GetObject",), resources=("arn:aws:s3:::made/*",))
DELETES = Permission(actions=("s3:DeleteObject",), resources=("arn:aws:s3:::made/gone/*",))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with services_world.running(tmp_path_factory.mktemp("services"), BUCKET, permissions=(READS, DELETES)) as emulator:
        yield World(emulator)


def test_what_is_described_is_there_when_the_emulator_is_ready(world: World) -> None:
    assert [each["Name"] for each in world.client("s3").list_buckets()["Buckets"]] == ["made"]


def test_a_function_is_held_to_its_role(world: World) -> None:
    world.client("s3").put_object(Bucket="made", Key="open", Body=b"content")

    assert world.called("s3", "get_object", Bucket="made", Key="open")["ContentLength"] == 7
    refused = world.called("s3", "put_object", Bucket="made", Key="mine", Body="no")
    assert refused["errorMessage"] == (
        "An error occurred (AccessDenied) when calling the PutObject operation: "
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/caller-role/caller is not authorized to perform: s3:PutObject "
        'on resource: "arn:aws:s3:::made/mine" because no identity-based policy allows the s3:PutObject action'
    )


def test_links_and_forms_may_do_what_the_function_may_that_signed_them(world: World) -> None:
    world.client("s3").put_object(Bucket="made", Key="open", Body=b"content")
    parameters = {"Bucket": "made", "Key": "open"}
    get = world.called("s3", "generate_presigned_url", ClientMethod="get_object", Params=parameters)
    put = world.called("s3", "generate_presigned_url", ClientMethod="put_object", Params=parameters)
    form = world.called("s3", "generate_presigned_post", Bucket="made", Key="mine/${filename}")
    assert "AWSAccessKeyId" in form["fields"], "as boto3 signs them where nothing else is said"

    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"content"
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    ]
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nno\r\n--b--\r\n'
    posted = ("".join(parts) + file).encode()
    for url, method, body, kind, key in (
        (put, "PUT", b"no", "", "open"),
        (form["url"], "POST", posted, "multipart/form-data; boundary=b", "mine/a.txt"),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": kind}, method=method))
        assert f'to perform: s3:PutObject on resource: "arn:aws:s3:::made/{key}"' in html.unescape(
            refused.value.read().decode()
        )


def test_what_a_function_may_not_list_it_is_not_told_the_absence_of(world: World) -> None:
    refused = world.called("s3", "get_object", Bucket="made", Key="nothing")
    unseen = world.called("s3", "head_object", Bucket="made", Key="nothing")

    assert 'not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::made" ' in refused["errorMessage"]
    assert unseen["errorMessage"] == "An error occurred (403) when calling the HeadObject operation: Forbidden"
    with pytest.raises(ClientError, match="NoSuchKey"):
        world.client("s3").get_object(Bucket="made", Key="nothing")


def test_of_several_objects_those_are_deleted_that_a_function_may_delete(world: World) -> None:
    owner = world.client("s3")
    for key in ("gone/a", "kept"):
        owner.put_object(Bucket="made", Key=key, Body=b"x")

    answer = world.called(
        "s3", "delete_objects", Bucket="made", Delete={"Objects": [{"Key": "kept"}, {"Key": "gone/a"}]}
    )

    assert answer["Deleted"] == [{"Key": "gone/a"}]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("kept", "AccessDenied")]
    assert [each["Key"] for each in owner.list_objects_v2(Bucket="made", Prefix="gone").get("Contents", [])] == []
    assert owner.get_object(Bucket="made", Key="kept")["ContentLength"] == 1


def test_a_function_is_told_who_it_is(world: World) -> None:
    assert world.called("sts", "get_caller_identity") == {
        "UserId": "AROAEXAMPLE:caller",
        "Account": ACCOUNT,
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/caller-role/caller",
    }
    assert world.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


@pytest.mark.parametrize(
    ("operation", "name"), [("get_session_token", "GetSessionToken"), ("get_federation_token", "GetFederationToken")]
)
def test_a_role_may_not_ask_for_what_is_for_users(world: World, operation: str, name: str) -> None:
    parameters = {"Name": "ada"} if name == "GetFederationToken" else {}

    assert world.called("sts", operation, **parameters)["errorMessage"] == (
        f"An error occurred (AccessDenied) when calling the {name} operation: "
        f"Cannot call {name} with session credentials"
    )
    assert "Credentials" in getattr(world.client("sts"), operation)(**parameters)


def test_what_nobody_emulates_is_refused_in_words(world: World) -> None:
    with pytest.raises(ClientError) as refused:
        world.client("polly").describe_voices()

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "polly is not emulated" in str(refused.value)
    assert "--real polly" in str(refused.value)


def test_an_operation_that_a_service_does_not_know_is_refused_in_words(world: World) -> None:
    with pytest.raises(ClientError, match="is not emulated") as refused:
        world.client("s3").get_bucket_metrics_configuration(Bucket="made", Id="x")

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_functions_in_threads_find_the_services_too(tmp_path: Path) -> None:
    with services_world.running(tmp_path, isolation="inline", iam="off") as emulator:
        assert World(emulator).called("ssm", "describe_parameters") == {"Parameters": []}


def test_what_is_not_kept_with_the_state_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), services_world.running(tmp_path, BUCKET, state_file=tmp_path / "state"):
        assert caplog.text.count("--state keeps tables only") == 1


def services_of(pid: int) -> list[int]:
    """Processes below one that are the services'."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid and any(each.endswith(b".services.child") for each in command):
            found.append(int(folder.name))
    return found


linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes by /proc")


@linux
def test_nothing_is_started_before_it_is_needed(tmp_path: Path) -> None:
    others = set(services_of(os.getpid()))
    with services_world.running(tmp_path) as emulator:
        assert set(services_of(os.getpid())) == others
        World(emulator).client("s3").create_bucket(
            Bucket="first", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        (pid,) = set(services_of(os.getpid())) - others
    assert not Path(f"/proc/{pid}").exists()


@linux
def test_services_that_were_lost_are_started_again_with_what_is_described(tmp_path: Path) -> None:
    others = set(services_of(os.getpid()))
    with services_world.running(tmp_path, BUCKET) as emulator:
        world = World(emulator)
        (pid,) = set(services_of(os.getpid())) - others
        os.kill(pid, signal.SIGKILL)
        until(lambda: services_of(os.getpid()), lambda found: pid not in found)

        assert [each["Name"] for each in world.client("s3").list_buckets()["Buckets"]] == ["made"]


def test_what_a_service_refuses_is_told_at_the_start(tmp_path: Path) -> None:
    wrong = Call(
        service="s3", operation="create_bucket", parameters={**BUCKET.parameters, "Bucket": "No"}, resource="Uploads"
    )

    with (
        pytest.raises(ConfigurationError, match=r"^Uploads: .*bucket is not valid"),
        services_world.running(tmp_path, wrong),
    ):
        pytest.fail("started")


SCRIPT = """
import asyncio, os, sys, threading
from emulator.iam.keys import Keys
from emulator.services.process import ServicesProcess

async def main():
    keys = Keys(access_key_id="a", secret_access_key="b", session_token="c")
    process = ServicesProcess(region="us-east-1", account_id="123456789012", owner=keys, deliver=print)
    await process.start()
    print(process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@linux
def test_no_process_outlives_an_emulator_that_is_killed() -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=root, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as emulator:
        assert emulator.stdout is not None
        pid = int(emulator.stdout.readline())
        emulator.kill()
        emulator.wait()

    def is_gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    end = time.monotonic() + 60
    while not is_gone() and time.monotonic() < end:
        time.sleep(0.02)
    assert is_gone()
