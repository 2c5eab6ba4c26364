"""A Node.js handler through AWS's own runtime client for Node.js.

Opt-in, since npm downloads it and compiles its native part (about a minute): set ``TEST_NODE_RIC=1``, or to the
``node_modules`` folder of an earlier ``npm install aws-lambda-ric``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from functions_world import Project, call, fail

pytestmark = pytest.mark.needs_node

HANDLER = """
let count = 0;
exports.handler = async (event, context) => {
  console.log("from Node");
  if (event.fails) throw new TypeError("no");
  return { count: ++count, event, name: context.functionName, memory: context.memoryLimitInMB };
};
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command line of the runtime client."""
    node, npm, wanted = shutil.which("node"), shutil.which("npm"), os.environ.get("TEST_NODE_RIC")
    if node is None or npm is None or not wanted:
        pytest.skip("needs Node.js, npm and TEST_NODE_RIC")
    modules = Path(wanted)
    if wanted == "1":
        folder = tmp_path_factory.mktemp("node")
        installed = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "aws-lambda-ric@4"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if installed.returncode != 0:
            pytest.skip(f"npm cannot install or build aws-lambda-ric: {installed.stderr[-500:]}")
        modules = folder / "node_modules"
    return shlex.join([node, str(modules / "aws-lambda-ric" / "index.mjs"), "index.handler"])


async def test_a_node_handler_is_served_like_a_python_one(tmp_path: Path, client: str) -> None:
    project = Project(tmp_path, "process")
    project.write(HANDLER, "index.js")

    async with project.functions("f", handler="index.handler", runtime=client) as functions:
        first = await call(functions, "f", {"ä": 1})
        error = await fail(functions, "f", {"fails": True})
        second = await call(functions, "f", {})

    assert first == {"count": 1, "event": {"ä": 1}, "name": "f", "memory": "128"}
    assert (error["errorType"], error["errorMessage"]) == ("TypeError", "no")
    assert second["count"] == 2
    assert any(line.endswith("\tINFO\tfrom Node") for line in project.lines.texts)
