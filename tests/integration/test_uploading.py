"""Uploads of an App in the emulator: the link and its limits, the bucket, and whose it is."""

from __future__ import annotations

import asyncio
import io
import os
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from loaded_target import load_target

from emulator.testing.thread import EmulatorThread, emulator_thread
from emulator.wiring.emulator import EmulatorConfig
from streamer.client import Progress, RequestFailedError, StreamerClient, SyncClient
from streamer.project import Project
from streamer.topology import Topology

APP = """
    import csv
    import io

    from streamer import App

    app = App()
    files = app.uploads(
        largest_bytes=3_000_000, content_types=["text/csv"], page_origins=["https://app.example.com"]
    )
    brief = app.uploads("upload-soon", bucket="brief", link_seconds=1)


    @app.action("count", queued=True)
    def count(request, progress):
        with files.open(request, request.payload) as file:
            rows = csv.reader(io.TextIOWrapper(file, "utf-8", newline=""))
            return {"rows": sum(1 for _ in rows), "bytes": file.size_bytes, "type": file.content_type}


    @app.action("take")
    def take(request):
        content = files.read(request, request.payload)
        files.delete(request, request.payload)
        return len(content)
"""
ROWS = b"name,amount\n" * 100_000


@pytest.fixture(scope="module", params=["process", "inline"])
def emulator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorThread]:
    folder = tmp_path_factory.mktemp("uploading")
    name = f"uploading_app_{request.param}"
    (folder / f"{name}.py").write_text(textwrap.dedent(APP))
    project = Project(folder=folder, code=folder, app=f"{name}:app")
    config = EmulatorConfig(
        project_folder=folder, state_folder=folder / "state", isolation=request.param, iam="enforce"
    )

    def load(environment: Mapping[str, str]) -> Topology:
        return load_target(f"{name}:app", project, environment=environment).topology

    with emulator_thread(load, config, {}) as running:
        yield running


@pytest.fixture
def client(emulator: EmulatorThread) -> Iterator[SyncClient]:
    with SyncClient(emulator.websocket_url, emulator.token()) as client:
        yield client


Answer = tuple[int, str, Mapping[str, str]]


def put(link: Mapping[str, Any], body: bytes, method: str = "PUT", **headers: str) -> Answer:
    named = {**link["headers"], **{name.replace("_", "-"): value for name, value in headers.items()}}
    asked = urllib.request.Request(link["url"], body if method == "PUT" else None, named, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, answer.read().decode(), {k.lower(): v for k, v in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), {k.lower(): v for k, v in error.headers.items()}


def test_what_is_uploaded_is_read_by_a_queued_action(client: SyncClient) -> None:
    seen: list[Progress] = []
    reference = client.upload(ROWS, content_type="text/csv", on_progress=seen.append)

    assert client.request("count", reference) == {"rows": 100_000, "bytes": len(ROWS), "type": "text/csv"}
    assert [each.percentage for each in seen] == sorted(each.percentage for each in seen)
    assert (seen[-1].percentage, seen[-1].message) == (100, "1.2 of 1.2 MB")


def test_a_path_a_file_and_a_pipe_are_uploaded_alike(client: SyncClient, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"  # says what it is
    path.write_bytes(b"1\n2\n")
    reading, writing = os.pipe()
    os.write(writing, b"1\n2\n")
    os.close(writing)
    with path.open("rb") as file, open(reading, "rb") as pipe:  # noqa: PTH123 - a descriptor
        references = [
            client.upload(path),
            client.upload(file),
            client.upload(pipe, content_type="text/csv"),
            client.upload(io.BytesIO(b"1\n2\n"), content_type="text/csv"),
        ]

    assert [client.request("count", each)["rows"] for each in references] == [2, 2, 2, 2]
    assert len({*references}) == 4


def test_it_is_the_same_without_waiting_for_each_other(emulator: EmulatorThread) -> None:
    async def several() -> list[int]:
        async with StreamerClient(emulator.websocket_url, emulator.token()) as client:
            found = await asyncio.gather(*(client.upload(b"1\n" * n, content_type="text/csv") for n in range(4)))
            return [(await client.request("count", each))["rows"] for each in found]

    assert asyncio.run(several()) == [0, 1, 2, 3]


def test_what_is_too_large_or_of_another_type_is_refused_before_it_is_sent(client: SyncClient) -> None:
    with pytest.raises(RequestFailedError) as large:
        client.upload(bytes(3_000_001), content_type="text/csv")
    with pytest.raises(RequestFailedError) as other:
        client.upload(b"<p>", content_type="text/html")

    assert (large.value.code, large.value.details) == (
        "PAYLOAD_TOO_LARGE",
        {"bytes": 3_000_001, "largest_bytes": 3_000_000},
    )
    assert (other.value.code, other.value.message) == (
        "VALIDATION_ERROR",
        "uploads of type text/html are not taken; text/csv are",
    )


def test_text_is_no_content(client: SyncClient) -> None:
    for text in ("rows.csv", io.StringIO("1\n")):
        with pytest.raises(TypeError, match="bytes, a path, or a file in binary mode"):
            client.upload(text)  # type: ignore[arg-type]


def test_a_link_takes_just_what_was_said(client: SyncClient) -> None:
    link = client.request("upload", {"bytes": 4, "content_type": "text/csv"})

    assert put(link, b"1\n2\n3\n")[0] == 403  # more
    assert put(link, b"1\n")[0] == 403  # less
    assert put(link, b"1\n2\n", content_type="text/html")[0] == 403
    other = {**link, "url": link["url"].replace(link["upload"], "01a21cbd-1fae-7cdf-9916-7adcc8c8c426")}
    assert "SignatureDoesNotMatch" in put(other, b"1\n2\n")[1]
    assert put(link, b"1\n2\n")[0] == 200
    assert client.request("count", link["upload"])["rows"] == 2


def test_a_link_that_is_too_old_is_refused(client: SyncClient) -> None:
    link = client.request("upload-soon", {"bytes": 1})
    answer: Answer = (200, "", {})
    while answer[0] == 200:
        answer = put(link, b"1")

    assert answer[0] == 403
    assert "Request has expired" in answer[1]


def test_nobody_else_finds_it(emulator: EmulatorThread, client: SyncClient) -> None:
    reference = client.upload(b"1\n", content_type="text/csv")

    for user, tenant in (("somebody", None), (None, "elsewhere")):
        token = emulator.token(user or "test-user", tenant or "test-tenant")
        with SyncClient(emulator.websocket_url, token) as other, pytest.raises(RequestFailedError) as refused:
            other.request("take", reference)
        assert refused.value.code == "NOT_FOUND"
    assert client.request("take", reference) == 2
    with pytest.raises(RequestFailedError, match=f"there is no upload {reference}"):
        client.request("take", reference)


def test_pages_of_its_origins_may_put_and_no_others(client: SyncClient) -> None:
    link = client.request("upload", {"bytes": 2, "content_type": "text/csv"})
    asks = {"Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "content-type"}

    status, _, headers = put(link, b"", "OPTIONS", Origin="https://app.example.com", **asks)
    assert (status, headers["access-control-allow-origin"]) == (200, "https://app.example.com")
    assert put(link, b"", "OPTIONS", Origin="https://elsewhere.example", **asks)[0] == 403
    status, _, headers = put(link, b"1\n", Origin="https://app.example.com")
    assert (status, headers["access-control-allow-origin"]) == (200, "https://app.example.com")
