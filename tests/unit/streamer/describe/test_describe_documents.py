"""A service as a document in each format."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest
from described_app import app
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pydantic import create_model

from streamer import App
from streamer.demo import app as demo
from streamer.describe import Described, Info, asyncapi, describe, markdown, python, typescript

DEFAULT = Info(title="folder")


def document(of: App = app, **options: Any) -> dict[str, Any]:
    return asyncapi.document(
        describe(of, DEFAULT), **{"version": "3.0", "url": "ws://127.0.0.1:8787/dev", "built_ins": True, **options}
    )


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (inner for key, inner in value.items() if key == "$ref")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from references(each)


def found(reference: str, whole: Any) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        whole = whole[step]
    return whole


def check(made: dict[str, Any]) -> None:
    """All references lead somewhere, and all schemas are schemas."""
    for reference in references(made):
        assert found(reference, made)
    for schema in (
        *made["components"]["schemas"].values(),
        *(m["payload"] for m in made["components"]["messages"].values()),
    ):
        Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("version", asyncapi.VERSIONS)
@pytest.mark.parametrize("built_ins", [True, False])
@pytest.mark.parametrize("of", [app, demo, App()], ids=["of every feature", "the demo", "empty"])
def test_a_document_is_whole(of: App, version: str, built_ins: bool) -> None:
    made = document(of, version=version, built_ins=built_ins)

    check(made)
    assert made["asyncapi"].startswith(version)
    assert ("ping" in made["operations"]) is built_ins
    assert json.dumps(made) == json.dumps(document(of, version=version, built_ins=built_ins))


def test_a_quick_action_is_an_operation_with_its_replies() -> None:
    made = document()
    operation = made["operations"]["order"]
    request = found("#/components/messages/order.request/payload", made)

    assert operation["action"] == "receive"
    assert (operation["summary"], operation["description"]) == ("Buy something.", "It is sent the next day.")
    assert operation["x-streamer"] == {"permissions": ["shop:order"]}
    assert [each["$ref"].rpartition("/")[2] for each in operation["reply"]["messages"]] == ["order.response", "error"]
    assert request["properties"]["action"] == {"const": "order"}
    assert request["required"] == ["action", "payload"]
    assert found(request["properties"]["payload"]["$ref"], made)["required"] == ["items"]


def test_a_queued_action_says_how_it_is_run_and_what_may_come() -> None:
    operation = document()["operations"]["report.monthly"]

    assert operation["x-streamer"] == {"queued": True, "max_attempts": 3, "timeout_seconds": 90}
    assert [each["$ref"].rpartition("/")[2] for each in operation["reply"]["messages"]] == [
        *("acknowledgment", "progress", "retrying", "report.monthly.complete", "cancelled", "error"),
    ]


def test_a_topic_is_an_operation_that_the_service_sends() -> None:
    made = document()

    assert made["operations"]["topic.orders_new"]["action"] == "send"
    payload = found("#/components/messages/topic.orders_new/payload", made)
    assert payload["properties"]["topic"] == {"const": "orders/new"}
    assert found(payload["properties"]["data"]["$ref"], made)["required"] == ["number"]


def test_where_a_service_is_is_told_if_it_is_known() -> None:
    assert document()["servers"]["service"]["host"] == "127.0.0.1:8787"
    assert "servers" not in document(url=None)


@settings(deadline=None, max_examples=30)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        st.sampled_from([int, str, list[int], dict[str, float], int | None, tuple[int, str], bool]),
        max_size=5,
    )
)
def test_the_document_of_any_model_is_whole(fields: dict[str, Any]) -> None:
    definitions: dict[str, Any] = {f"f_{name}": (kind, ...) for name, kind in fields.items()}
    model = create_model("Model", **definitions)
    made_app = App()
    made_app.action("a", validator=model, result=model)(lambda request: request.payload)

    check(document(made_app))
    described = describe(made_app, DEFAULT)
    ast.parse(python.text(described))
    assert typescript.text(described).count("{") == typescript.text(described).count("}")


def test_typescript_has_the_clients_words() -> None:
    text = typescript.text(describe(app, DEFAULT))

    assert "export type Item = { sku: string; count?: number };" in text
    assert 'kind?: "new" | "again"; where?: [number, number] | null };' in text
    assert "  order: { payload: Order; result: Receipt };" in text
    assert '  "report.monthly": { payload: string; result: Record<string, Array<number>> };' in text
    assert "  /** @deprecated */\n  old: { payload?: any;" in text
    assert '  "orders/new": Placed;\n  news: any;' in text


def test_without_a_declaration_any_topic_may_be_heard() -> None:
    of_none = describe(App(), DEFAULT)

    assert "export type Topics = Record<string, any>;" in typescript.text(of_none)
    assert "def topic(self, name: str)" in python.text(of_none)


def test_python_is_code_with_a_type_for_each_schema() -> None:
    text = python.text(describe(app, DEFAULT))
    names = {node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}

    assert {"Item", "Order", "Receipt", "Placed", "Client"} <= names
    assert "    items: list[Item]\n    note: NotRequired[str | None]\n" in text


def test_a_page_tells_of_everything() -> None:
    text = markdown.text(describe(app, DEFAULT))

    assert text.startswith("# Shop\n\nVersion 1.2.0.\n\nSells things.\n")
    for words in (
        *("**Deprecated.**", "permissions `shop:order`", "tried up to 3 times", "may take 90 s", "`orders/new`"),
        '{"action": "order", "payload": {"items": [{"sku": "a"}]}}',
    ):
        assert words in text


def test_what_the_app_does_not_say_is_asked_for_elsewhere() -> None:
    described = describe(App(), Info(title="folder", version="0.0.0"))

    assert described == Described(info=Info(title="folder", version="0.0.0"))
