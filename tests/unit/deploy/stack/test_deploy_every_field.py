"""No field of a topology is emulated and silently not deployed: to change any of them changes the template."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from every_feature import FIELDS, every_feature, things

from deploy.errors import DeployError
from deploy.stack.settings import StackSettings
from deploy.stack.template import template, to_json
from streamer.topology import Access, Api, Index, Key, Route, StreamView, Table, Topology
from streamer.topology.http_apis import HttpApi, HttpKind
from streamer.topology.integrations import Integration
from streamer.topology.kinesis import KinesisMapping

SETTINGS = StackSettings(stack_name="shop-prod")
NOT_DEPLOYED = {
    ("Api", "name"): "the API of a stack is named like the stack, which says the service and the stage",
    ("Api", "api_keys"): "values are secrets and reach AWS as parameters; how many there are changes the template",
}
"""Fields whose value is not in the template, and why."""
REFUSED: dict[tuple[str, str], Any] = {
    ("Api", "api_id"): "abcdefghij",
    ("Function", "code_root"): "elsewhere",
    ("Function", "qualifiers"): {"live": "1"},
    ("Function", "runtime"): "node index.mjs",
    ("Function", "search_paths"): ("layer",),
    ("Function", "unavailable"): "no code",
    ("Topology", "found_queues"): ("found",),
    ("Topology", "found_tables"): (Table(name="found", key=Key(partition="id")),),
    ("Topology", "http_apis"): (HttpApi(name="http", kind=HttpKind.HTTP, api_id="abcdefghij", routes=()),),
    ("Topology", "kinesis_mappings"): (KinesisMapping(function="answer", stream="clicks"),),
    ("Topology", "more_apis"): (Api(name="more", routes=()),),
}
"""Fields that the deployer refuses, and what it is refused with."""
OTHERS: dict[tuple[str, str], Any] = {
    ("Api", "api_keys"): ("another-key-of-at-least-20-characters",),
    ("Api", "throttle"): None,
    ("AsyncInvocation", "function"): "spare",
    ("AsyncInvocation", "on_failure"): "spare",
    ("AsyncInvocation", "on_success"): "spare",
    ("AsyncInvocation", "dead_letters"): "spare",
    ("Authorizer", "function"): "spare",
    ("EventSourceMapping", "function"): "authorize",
    ("EventSourceMapping", "on_failure"): "spare",
    ("EventSourceMapping", "starting_position"): "TRIM_HORIZON",
    ("EventSourceMapping", "table"): "shop_spare",
    ("Bucket", "page_origins"): ("https://other.example.com",),
    ("Function", "buckets"): ("pictures", "spare"),
    ("Function", "bucket_access"): {"pictures": Access.WRITE},
    ("Function", "invokes"): ("spare",),
    ("Function", "secrets"): (),
    ("Function", "sends_to"): ("spare",),
    ("Index", "key"): Key(partition="shop", sort="other"),
    ("Index", "include"): ("other",),
    ("Index", "projection"): "ALL",
    ("Key", "types"): {"number": "S"},
    ("Permission", "actions"): ("s3:PutObject",),
    ("Permission", "resources"): ("*",),
    ("Function", "log_format"): "JSON",
    ("Function", "log_level"): "ERROR",
    ("Function", "system_log_level"): "DEBUG",
    ("Function", "snap_start"): False,
    ("Permission", "conditions"): {"Bool": {"aws:SecureTransport": "false"}},
    ("Queue", "dead_letter_queue"): "spare.fifo",
    ("QueueMapping", "function"): "spare",
    ("QueueMapping", "queue"): "given-up",
    ("Route", "authorizer"): "spare",
    ("Route", "function"): "spare",
    ("Route", "iam"): True,
    ("Route", "integration"): Integration(kind="MOCK", templates={"$default": '{"statusCode": 201}'}),
    ("Route", "throttle"): None,
    ("Schedule", "cron"): "0 13 * * ? *",
    ("Schedule", "function"): "spare",
    ("Table", "indexes"): (Index(name="by-day", key=Key(partition="other")),),
    ("Table", "key"): Key(partition="shop", sort="other"),
    ("Table", "stream"): StreamView.OLD_IMAGE,
    ("TableAccess", "table"): "shop_spare",
    ("Topology", "api"): dataclasses.replace(every_feature().api, stage="other"),
    ("Topology", "tables"): (*every_feature().tables, Table(name="shop_more", key=Key(partition="id"))),
}
"""What fields are changed to for which `_other` knows no value that the topology allows."""


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=[f"{kind}.{field}" for kind, field in FIELDS])
def test_a_changed_field_changes_the_template_or_is_refused(kind: str, field: str) -> None:
    before = _without_authorizer(every_feature()) if (kind, field) == ("Route", "iam") else every_feature()
    changed = [after for after in _changed(before, kind, field) if after != before]

    assert changed
    if (kind, field) in REFUSED:
        for each in changed:
            with pytest.raises(DeployError):
                template(each, SETTINGS)
    elif (kind, field) in NOT_DEPLOYED:
        assert all(_text(each) == _text(before) for each in changed)
    else:
        assert any(_text(each) != _text(before) for each in changed)


@pytest.mark.parametrize("kind", ["AWS", "HTTP", "HTTP_PROXY"])
def test_integrations_that_ask_somebody_are_not_made(kind: str) -> None:
    service = every_feature()
    asks = Route(route_key="asks", integration=Integration(kind=kind, uri="https://example.com"))
    api = dataclasses.replace(service.api, routes=(*service.api.routes, asks))

    with pytest.raises(DeployError, match="route 'asks' has an integration that streamer deploy does not make"):
        template(dataclasses.replace(service, api=api), SETTINGS)


def test_the_models_of_a_route_are_deployed_by_their_keys() -> None:
    resources = template(every_feature(), SETTINGS)["Resources"]

    route = resources["OrderActionRoute"]["Properties"]
    assert route["ModelSelectionExpression"] == "$request.body.kind"
    models = {key: resources[model["Ref"]]["Properties"] for key, model in route["RequestModels"].items()}
    assert {key: model["Schema"].get("required") for key, model in models.items()} == {
        "large": ["size"],
        "$default": None,
    }
    assert [model["Name"] for model in models.values()] == [ref["Ref"] for ref in route["RequestModels"].values()]


def test_a_route_with_models_for_some_keys_only_has_no_model_for_the_others() -> None:
    before = every_feature()
    route = next(each for each in before.api.routes if each.models)

    resources = template(_with(before, route, "model", None), SETTINGS)["Resources"]

    assert resources["OrderActionRoute"]["Properties"]["RequestModels"] == {"large": {"Ref": "OrderActionLargeModel"}}
    assert "OrderActionModel" not in resources


def _text(topology: Topology) -> str:
    return to_json(template(topology, SETTINGS))


def _changed(topology: Topology, kind: str, field: str) -> list[Topology]:
    """The topology once for each thing of that kind that sets the field, and whose field can be changed alone."""
    return [
        _with(topology, thing, field, _other(kind, field, getattr(thing, field)))
        for thing in things(topology)
        if type(thing).__name__ == kind and _can_change_alone(thing, field)
    ]


def _can_change_alone(thing: Any, field: str) -> bool:
    value = getattr(thing, field)
    if field == "name" and type(thing).__name__ in ("Function", "Table", "Queue", "Bucket", "Authorizer"):
        return "spare" in value  # the others are referred to
    if field == "projection":
        return bool(value != "INCLUDE")  # which names attributes
    if field == "partition":
        return bool(value != "shop")  # the table and its local index share it
    if field == "route_key":
        return not value.startswith("$")
    if field == "iam":
        return bool(thing.route_key == "$connect")  # AWS knows no other route with it
    if (type(thing).__name__, field) in REFUSED:
        return True
    [declared] = [each for each in dataclasses.fields(thing) if each.name == field]
    return value not in (declared.default, {})  # a second thing of its kind may leave it


def _without_authorizer(topology: Topology) -> Topology:
    route = topology.api.route("$connect")
    return _with(topology, route, "authorizer", None)  # type: ignore[no-any-return]


def _other(kind: str, field: str, value: Any) -> Any:
    if (kind, field) in REFUSED:
        return REFUSED[kind, field]
    if (kind, field) in OTHERS:
        return OTHERS[kind, field]
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}x"
        case None:
            return "other"
        case tuple():
            return value[:-1]
    return {**value, "another": value.get("large", "value")}


def _with(value: Any, thing: Any, field: str, other: Any) -> Any:
    """The value with the field of one thing below it changed."""
    if value is thing:
        return dataclasses.replace(value, **{field: other})
    if isinstance(value, tuple):
        return tuple(_with(each, thing, field, other) for each in value)
    if not dataclasses.is_dataclass(value):
        return value
    fields = {each.name: _with(getattr(value, each.name), thing, field, other) for each in dataclasses.fields(value)}
    return dataclasses.replace(value, **fields)  # type: ignore[type-var]
