"""An App with uploads, deployed where every role is enforced: bucket, link, and the queued action that reads."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from https_proxy import https_proxy
from ministack_projects import MiniStack, Project

from streamer.client import RequestFailedError, SyncClient, UploadFailedError

APP = """
    from streamer import App

    app = App()
    files = app.uploads(largest_bytes=1_000_000, content_types=["text/csv"])


    @app.action("count", queued=True)
    def count(request, progress):
        with files.open(request, request.payload) as file:
            return {"rows": sum(1 for _ in file), "bytes": file.size_bytes, "type": file.content_type}
"""


@pytest.fixture
def project(tmp_path: Path, strict_ministack: MiniStack) -> Project:
    project = Project(tmp_path / "files", "files", strict_ministack)
    project.folder.mkdir()
    project.write(textwrap.dedent(APP))
    return project


def test_uploads_are_deployed_used_and_taken_away(project: Project, tmp_path: Path, token: str) -> None:
    with https_proxy(project.aws.url, tmp_path) as variables:
        lines = [f'{name} = "{value}"' for name, value in variables.items()]
        url = project.serve(settings="\n".join(["[environment]", *lines, ""]))
        bucket, s3 = project.outputs()["UploadsBucketName"], project.aws.client("s3")
        with SyncClient(url, token) as client:
            with pytest.raises(
                UploadFailedError, match=r"AccessDenied.* with an explicit deny in a resource-based policy"
            ):
                client.upload(b"1", content_type="text/csv")
            s3.delete_bucket_policy(Bucket=bucket)  # it wants TLS, which MiniStack has not
            reference = client.upload(b"name,amount\n" * 50_000, content_type="text/csv")
            assert client.request("count", reference, timeout=60) == {
                "rows": 50_000,
                "bytes": 600_000,
                "type": "text/csv",
            }
            with pytest.raises(RequestFailedError, match="PAYLOAD_TOO_LARGE"):
                client.upload(bytes(1_000_001), content_type="text/csv")
            with pytest.raises(RequestFailedError, match="NOT_FOUND"):
                client.request("count", "01a21cbd-1fae-7cdf-9916-7adcc8c8c426", timeout=60)

        assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [f"acme/ada/{reference}"]
        (cors,) = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
        assert (cors["AllowedMethods"], cors["AllowedOrigins"]) == (["PUT"], ["*"])
        destroyed = project.streamer("destroy", "--yes", "--delete-data")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert f"keep the bucket {bucket}: what is in it expires by itself" in destroyed.stdout
    assert bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]
