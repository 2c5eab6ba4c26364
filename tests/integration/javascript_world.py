"""Programs of Node.js that ask an emulator with an unmodified AWS SDK for JavaScript, version 3."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import javascript_tools

START = """
    import * as sdk from "@aws-sdk/client-{package}";

    const client = new sdk.{client}Client();
    const text = (body) => body.transformToString();
    const send = (name, input) => client.send(new sdk[`${{name}}Command`](input));
    const failure = async (doing) => {{
      try {{ await doing; return "done"; }} catch (error) {{ return [error.name, error.$metadata.httpStatusCode]; }}
    }};
    console.log(JSON.stringify(await (async () => {{
{code}
    }})()));
"""


def asked(
    folder: Path, package: str, client: str, code: str, *, url: str, region: str, more: Mapping[str, str] | None = None
) -> Any:
    """What a program finds that knows an endpoint, a Region and a key; ``more`` are further variables of it."""
    program = folder / f"{package}.mjs"
    program.write_text(textwrap.dedent(START).format(package=package, client=client, code=code))
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": region,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        **(more or {}),
    }
    finished = subprocess.run(
        [javascript_tools.node(), program.name],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)
