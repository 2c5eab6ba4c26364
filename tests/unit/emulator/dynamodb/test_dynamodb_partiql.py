"""PartiQL: statements of AWS's reference, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from dynamodb_world import World
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.dynamodb.engine import DYNAMODB

BEFORE: dict[str, Any] = {
    "pk": {"S": "a"},
    "n": {"N": "1"},
    "tags": {"SS": ["blue", "red"]},
    "l": {"L": [{"N": "1"}, {"N": "2"}]},
    "m": {"M": {"x": {"S": "deep"}}},
    "z": {"NULL": True},
}


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    world.call("PutItem", TableName="things", Item=BEFORE)
    world.put("b", n={"N": "2"})
    return world


def run(world: World, statement: str, *parameters: Any, **more: Any) -> Any:
    if parameters:
        more["Parameters"] = list(parameters)
    return world.call("ExecuteStatement", Statement=statement, **more)


def refused(world: World, statement: str, *parameters: Any) -> tuple[str, str]:
    request: dict[str, Any] = {"Statement": statement}
    if parameters:
        request["Parameters"] = list(parameters)
    status, code, message = world.error(f"{DYNAMODB}.ExecuteStatement", request)
    assert status == 400
    return code, message


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ("pk='a'", "a"),
        ("pk = 'a' AND n = 1", "a"),
        ("pk = 'a' AND n = 2", ""),
        ("n >= 1 AND n<2", "a"),
        ("n BETWEEN 1 AND 2", "ab"),
        ("n IN [2, 3]", "b"),
        ("n IN (1, 2)", "ab"),
        ("NOT n = 1", "b"),
        ("(n = 1 OR n = 2) AND pk <> 'b'", "a"),
        ("begins_with(pk, 'a')", "a"),
        ("contains(tags, 'red')", "a"),
        ("contains(\"tags\", 'red') AND size(l) = 2", "a"),
        ("attribute_type(m, 'M')", "a"),
        ("m IS MISSING", "b"),
        ("m IS NOT MISSING", "a"),
        ("z IS NULL", "a"),
        ("m.x = 'deep' AND l[1] = 2", "a"),
        ("tags = <<'red', 'blue'>>", "a"),
        ("m = {'x': 'deep'} AND l = [1, 2]", "a"),
        ("pk = 'it''s'", ""),
        ("n = -1 OR n = 1e0", "a"),
    ],
)
def test_select_finds_what_where_says(world: World, where: str, keys: str) -> None:
    found = run(world, f'SELECT * FROM "things" WHERE {where}')["Items"]

    assert "".join(sorted(item["pk"]["S"] for item in found)) == keys


def test_select_shows_what_it_names(world: World) -> None:
    answer = run(world, "SELECT n, m.x, l[1] FROM things WHERE pk = ?;", {"S": "a"})

    assert answer["Items"] == [{"n": {"N": "1"}, "x": {"S": "deep"}, "l[1]": {"N": "2"}}]


def test_select_goes_on_after_its_token(world: World) -> None:
    first = run(world, "SELECT * FROM things", Limit=1)
    second = run(world, "SELECT * FROM things", Limit=1, NextToken=first["NextToken"])

    assert [item["pk"]["S"] for answer in (first, second) for item in answer["Items"]] == ["a", "b"]
    assert world.error(
        f"{DYNAMODB}.ExecuteStatement", {"Statement": "SELECT n FROM things", "NextToken": first["NextToken"]}
    )[1] == ("ValidationException")


def test_insert_of_an_item_that_exists_is_refused_and_changes_nothing(world: World) -> None:
    assert refused(world, "INSERT INTO things VALUE {'pk': 'b', 'n': 9}")[0] == "DuplicateItemException"
    assert world.get("b")["n"] == {"N": "2"}


def test_insert_takes_parameters_and_literals(world: World) -> None:
    run(world, "INSERT INTO things VALUE {'pk': ?, 'm': {'l': [true, null, -1.50]}, 's': <<1, 2>>}", {"S": "c"})

    assert world.get("c") == {
        "pk": {"S": "c"},
        "m": {"M": {"l": {"L": [{"BOOL": True}, {"NULL": True}, {"N": "-1.5"}]}}},
        "s": {"NS": ["1", "2"]},
    }


@pytest.mark.parametrize(
    ("changes", "attributes"),
    [
        ("SET n=20", {"n": {"N": "20"}}),
        ("SET n = n + 1 SET m.x = 'new'", {"n": {"N": "2"}, "m": {"M": {"x": {"S": "new"}}}}),
        ("SET l = list_append(l, [3])", {"l": {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]}}),
        ("SET tags = set_add(tags, <<'green'>>)", {"tags": {"SS": ["blue", "green", "red"]}}),
        ("SET tags = set_delete(tags, <<'red'>>)", {"tags": {"SS": ["blue"]}}),
        ("REMOVE n REMOVE l[0]", {"n": None, "l": {"L": [{"N": "2"}]}}),
    ],
)
def test_update_changes_what_it_says(world: World, changes: str, attributes: dict[str, Any]) -> None:
    answer = run(world, f"UPDATE things {changes} WHERE pk='a' RETURNING ALL NEW *")
    expected = {name: value for name, value in {**BEFORE, **attributes}.items() if value is not None}

    assert world.get("a") == expected
    assert answer["Items"] == [expected]


def test_update_of_what_is_not_there_or_does_not_match_fails(world: World) -> None:
    assert refused(world, "UPDATE things SET n=1 WHERE pk='no'")[0] == "ConditionalCheckFailedException"
    assert refused(world, "UPDATE things SET n=1 WHERE pk='a' AND n=7")[0] == "ConditionalCheckFailedException"
    assert world.get("no") is None


def test_delete_of_what_does_not_match_succeeds_and_deletes_nothing(world: World) -> None:
    run(world, "DELETE FROM things WHERE pk='a' AND n=7")
    run(world, "DELETE FROM things WHERE pk='no'")
    before = world.keys()
    old = run(world, "DELETE FROM things WHERE pk='a' RETURNING ALL OLD *")["Items"]

    assert (before, world.keys(), old) == (["a", "b"], ["b"], [BEFORE])


@pytest.mark.parametrize(
    "statement",
    [
        "", "nonsense", "SELECT", "SELECT * FROM", "SELECT * FROM things WHERE", "SELECT * FROM things WHERE pk",
        "SELECT * FROM things WHERE pk = 'a", "SELECT * FROM things ORDER BY pk", "INSERT INTO things VALUE 5",
        "INSERT INTO things VALUE {'pk': 'x'", "INSERT INTO things VALUE {'n': 1}", "UPDATE things WHERE pk='a'",
        "UPDATE things SET n=1", "UPDATE things SET n=1 WHERE n=1", "UPDATE things SET pk='x' WHERE pk='a'",
        "UPDATE things SET n=1, n=2 WHERE pk='a'", "DELETE FROM things", "DELETE FROM things WHERE pk='a' garbage",
        "SELECT * FROM things WHERE pk = ?", "SELECT * FROM things WHERE n < true", "EXISTS(SELECT * FROM things)",
        "UPDATE things SET n = size(pk) WHERE pk='a'", "SELECT * FROM things WHERE list_append(l, l) = 1",
        "SELECT * FROM things WHERE n = <<>>", "SELECT * FROM things WHERE n = <<1, 'a'>>", "SELECT * FROM things; x",
        "SELECT * FROM things WHERE " + "(" * 500, "INSERT INTO things VALUE " + "[" * 500,
        "UPDATE things SET n = if_not_exists(1, 2) WHERE pk='a'", "SELECT * FROM things WHERE n BETWEEN 2 AND 1",
    ],
)  # fmt: skip
def test_a_statement_that_cannot_be_done_is_refused(world: World, statement: str) -> None:
    assert refused(world, statement)[0] == "ValidationException"
    assert world.keys() == ["a", "b"]


def test_parameters_and_question_marks_must_match(world: World) -> None:
    assert refused(world, "SELECT * FROM things WHERE pk = ?", {"S": "a"}, {"S": "b"})[1] == (
        "Number of parameters in request and statement don't match."
    )


def test_a_batch_answers_each_statement_on_its_own(world: World) -> None:
    statements = [
        "INSERT INTO things VALUE {'pk': 'c'}",
        "INSERT INTO things VALUE {'pk': 'a'}",
        "UPDATE things SET n=1 WHERE pk='no'",
        "nonsense",
    ]
    answer = world.call("BatchExecuteStatement", Statements=[{"Statement": text} for text in statements])
    codes = [response.get("Error", {}).get("Code") for response in answer["Responses"]]

    assert codes == [None, "DuplicateItem", "ConditionalCheckFailed", "ValidationError"]
    assert world.keys() == ["a", "b", "c"]


def test_a_batch_reads_single_items(world: World) -> None:
    texts = ["SELECT n FROM things WHERE pk='a'", "SELECT n FROM things WHERE n=1"]
    answer = world.call("BatchExecuteStatement", Statements=[{"Statement": text} for text in texts])

    assert answer["Responses"][0] == {"TableName": "things", "Item": {"n": {"N": "1"}}}
    assert answer["Responses"][1]["Error"]["Code"] == "ValidationError"


def test_a_transaction_does_all_or_nothing(world: World) -> None:
    def transact(*texts: str) -> tuple[int, str, str]:
        body = {"TransactStatements": [{"Statement": text} for text in texts]}
        response = world.send(f"{DYNAMODB}.ExecuteTransaction", body)
        return (200, "", "") if response.status == 200 else world.error(f"{DYNAMODB}.ExecuteTransaction", body)

    exists = "EXISTS(SELECT * FROM things WHERE pk='a' AND n=1)"
    assert transact(exists, "INSERT INTO things VALUE {'pk': 'c'}")[0] == 200
    failed = transact("INSERT INTO things VALUE {'pk': 'd'}", "INSERT INTO things VALUE {'pk': 'a'}")
    twice = transact("UPDATE things SET n=1 WHERE pk='a'", "DELETE FROM things WHERE pk='a'")
    mixed = transact("SELECT * FROM things WHERE pk='a'", "DELETE FROM things WHERE pk='a'")

    assert failed[1] == "TransactionCanceledException"
    assert failed[2].endswith("[None, DuplicateItem]")
    assert (twice[1], mixed[1]) == ("ValidationException", "ValidationException")
    assert world.keys() == ["a", "b", "c"]


def test_a_transaction_reads(world: World) -> None:
    body = [{"Statement": f"SELECT n FROM things WHERE pk='{pk}'"} for pk in ("a", "no")]

    assert world.call("ExecuteTransaction", TransactStatements=body)["Responses"] == [{"Item": {"n": {"N": "1"}}}, {}]


VOCABULARY = """
SELECT * FROM things WHERE pk = 'a' AND OR NOT n 1 -1 ( ) [ ] { } << >> , . : ? INSERT INTO VALUE UPDATE SET
REMOVE DELETE RETURNING ALL OLD IN BETWEEN IS MISSING NULL true begins_with contains size list_append ; ORDER BY
"""
WORDS = st.sampled_from(VOCABULARY.split())


@settings(deadline=None, max_examples=200)
@given(st.lists(WORDS, max_size=25), st.lists(st.just({"S": "a"}), max_size=2))
def test_no_statement_makes_the_server_fail(words: list[str], parameters: list[Any]) -> None:
    world = World()
    world.create()
    body = {"Statement": " ".join(words), **({"Parameters": parameters} if parameters else {})}

    assert world.send(f"{DYNAMODB}.ExecuteStatement", body).status in (200, 400)
