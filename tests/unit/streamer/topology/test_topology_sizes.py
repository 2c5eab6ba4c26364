"""``[functions.NAME]`` of streamer.toml: one meaning for the emulator and for the deployer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamer.app import App
from streamer.errors import ConfigurationError, TopologyError
from streamer.project import parse
from streamer.topology.checks import validate
from streamer.topology.sizes import Sizes, read_sizes, resized

LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:tools:3"
SERVICE = App().topology(target="app:app")


def test_a_function_is_as_large_as_the_file_says() -> None:
    sizes = read_sizes({"router": {"memory_mb": 2048, "timeout_seconds": 20, "layers": [LAYER]}}, "streamer.toml")

    made = resized(SERVICE, sizes)

    router = made.function("router")
    assert (router.memory_mb, router.timeout_seconds, router.layers) == (2048, 20, (LAYER,))
    assert router.ephemeral_storage_mb == SERVICE.function("router").ephemeral_storage_mb
    assert made.function("connect") == SERVICE.function("connect")
    validate(made)


def test_a_stage_says_otherwise_key_by_key() -> None:
    document = {
        "functions": {"router": {"memory_mb": 512, "ephemeral_storage_mb": 1024}},
        "stages": {"prod": {"functions": {"router": {"memory_mb": 2048}, "processor": {"reserved_concurrency": 5}}}},
    }

    assert parse(document, Path("/"), "prod").functions == {
        "router": Sizes(memory_mb=2048, ephemeral_storage_mb=1024),
        "processor": Sizes(reserved_concurrency=5),
    }
    assert parse(document, Path("/"), "dev").functions == {"router": Sizes(memory_mb=512, ephemeral_storage_mb=1024)}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        pytest.param(5, "below \\[functions.NAME\\]", id="no table"),
        pytest.param({"router": 512}, "below \\[functions.NAME\\]", id="no table of tables"),
        pytest.param({"router": {"memory": 512}}, "functions.router has an unknown key 'memory'", id="unknown key"),
        pytest.param({"router": {"memory_mb": 64}}, "from 128 to 10240", id="too small"),
        pytest.param({"router": {"memory_mb": "1 GB"}}, "from 128 to 10240", id="no number"),
        pytest.param({"router": {"memory_mb": True}}, "from 128 to 10240", id="a truth value"),
        pytest.param({"router": {"timeout_seconds": 901}}, "from 1 to 900", id="too long"),
        pytest.param({"router": {"ephemeral_storage_mb": 100}}, "from 512 to 10240", id="too little room"),
        pytest.param({"router": {"layers": LAYER}}, "list of ARNs", id="one layer as text"),
        pytest.param({"router": {"snap_start": 1}}, "is not true or false", id="a number for a truth value"),
        pytest.param({"router": {"log_level": "WARNING"}}, "one of TRACE, DEBUG, INFO, WARN", id="another level"),
        pytest.param({"router": {"log_format": "json"}}, "one of JSON, Text", id="another format"),
        pytest.param({"router": {"provisioned_concurrency": 0}}, "from 1 to 1000000", id="none provisioned"),
    ],
)
def test_what_lambda_does_not_take_is_refused_by_its_name(table: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_sizes(table, "streamer.toml")


def test_a_function_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"\[functions.routr\].*connect, disconnect, processor, router"):
        resized(SERVICE, {"routr": Sizes(memory_mb=512)})


@pytest.mark.parametrize("layers", [("tools",), (LAYER.removesuffix(":3"),), (LAYER,) * 6], ids=["name", "ARN", "six"])
def test_layers_are_at_most_five_arns_of_versions(layers: tuple[str, ...]) -> None:
    with pytest.raises(TopologyError, match="layer"):
        validate(resized(SERVICE, {"router": Sizes(layers=layers)}))
