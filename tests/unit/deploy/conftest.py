"""Services to deploy."""

import pytest
from deployed_topologies import chat

from deploy.stack.settings import StackSettings
from streamer.topology import Topology


@pytest.fixture(scope="session")
def topology() -> Topology:
    return chat()


@pytest.fixture(scope="session")
def settings() -> StackSettings:
    return StackSettings(stack_name="chat-dev")


@pytest.fixture
def no_other_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever machine this is, no other Python is found to compile what is built and to try its imports with.

    `tests/integration/test_deploy_bytecode.py` does both.
    """
    monkeypatch.setenv("PATH", "")
