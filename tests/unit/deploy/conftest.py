"""Services to deploy."""

import pytest
from deployed_topologies import chat

from deploy.stack.settings import StackSettings
from streamer.topology import Topology


@pytest.fixture
def topology() -> Topology:
    return chat()


@pytest.fixture
def settings() -> StackSettings:
    return StackSettings(stack_name="chat-dev")
