"""``--inspect``: whose debugger listens where."""

from __future__ import annotations

import pytest

from emulator.command.emulate.inspected import inspected
from streamer.errors import ConfigurationError
from streamer.topology import Api, Function, Topology

TOPOLOGY = Topology(
    api=Api(name="a", routes=()),
    functions=(
        Function(name="shop-Send-1", handler="index.handler", runtime="nodejs20.x"),
        Function(name="shop-Join-1", handler="index.handler", runtime="nodejs22.x"),
        Function(name="shop-Count-1", handler="app.handler", runtime="python3.12"),
    ),
)
IDS = {"Send": "shop-Send-1", "Join": "shop-Join-1", "Count": "shop-Count-1"}


def test_functions_are_named_by_logical_id_or_name_and_have_ports_one_after_the_other() -> None:
    assert inspected(("Send", "shop-Join-1"), TOPOLOGY, IDS) == {"shop-Send-1": 9229, "shop-Join-1": 9230}
    assert inspected(("Send=0", "Join=5000"), TOPOLOGY, IDS) == {"shop-Send-1": 0, "shop-Join-1": 5000}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        pytest.param("None", "there is no such function; shop-Count-1, shop-Join-1, shop-Send-1", id="no function"),
        pytest.param("Count", "it is no function of Node.js; for Python there is --debug", id="Python"),
        pytest.param("Send=x", "write ID or ID=PORT", id="no port"),
        pytest.param("Send=65536", "write ID or ID=PORT", id="too high"),
    ],
)
def test_what_cannot_be_inspected_is_refused(written: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said.replace("(", "\\(")):
        inspected((written,), TOPOLOGY, IDS)
