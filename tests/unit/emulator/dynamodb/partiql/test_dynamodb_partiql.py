"""PartiQL: statements of AWS's reference, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dynamodb_world import World
from hypothesis import given
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
        ("attribute_exists(m)", "a"),
        ('ATTRIBUTE_NOT_EXISTS("m")', "b"),
        ("NOT attribute_exists(m.x) OR attribute_exists(m.y)", "b"),
        ("attribute_exists(m) = true", "a"),
        ("attribute_exists(m) = false", "b"),
        ("pk IS STRING AND z IS NOT BOOL AND n = 1", "a"),
        ("pk = 'a' -- n = 7", "a"),
        ("pk = 'a' /* OR pk = 'b' */", "a"),
        ("n = .1e1", "a"),
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


def test_delete_of_what_is_not_there_succeeds_and_of_what_does_not_match_fails(world: World) -> None:
    assert refused(world, "DELETE FROM things WHERE pk='a' AND n=7")[0] == "ConditionalCheckFailedException"
    assert run(world, "DELETE FROM things WHERE pk='no'")["Items"] == []
    run(world, "DELETE FROM things WHERE pk='no' AND n=7")
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


def test_a_batch_is_about_different_items(world: World) -> None:
    def told(*texts: str) -> str:
        return world.refused("BatchExecuteStatement", Statements=[{"Statement": text} for text in texts])

    read, insert = "SELECT * FROM things WHERE pk='a'", "INSERT INTO things VALUE {'pk': 'c'}"
    doubles = "ValidationException: Provided list of item keys contains duplicates"
    assert told(read, "SELECT n FROM things WHERE pk='a' AND n=1") == doubles
    assert told(insert, "DELETE FROM things WHERE pk='c'") == doubles
    assert told(read, insert).endswith("Read and write requests together in the same batch is not supported.")
    assert world.keys() == ["a", "b"]


def test_statements_of_a_batch_that_fail_count_in_the_total_beside_those_that_do_not(world: World) -> None:
    def batch(*texts: str) -> Any:
        statements = [{"Statement": text} for text in texts]
        return world.call("BatchExecuteStatement", Statements=statements, ReturnConsumedCapacity="INDEXES")

    world.put("large", v={"S": "x" * 2500})
    failing = "INSERT INTO things VALUE {'pk': 'large'}"
    answer = batch(failing, "INSERT INTO things VALUE {'pk': 'c'}", "SELEC")

    table = {"Table": {"CapacityUnits": 1.0}}
    assert answer["ConsumedCapacity"] == [{"TableName": "things", "CapacityUnits": 4.0, **table}]
    assert ["TableName" in response for response in answer["Responses"]] == [True, True, False]
    assert "ConsumedCapacity" not in batch(failing)


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
    assert transact("EXISTS(SELECT * FROM things WHERE pk='a')")[2] == (
        "Validation failed in TransactStatements[0]: EXISTS() must contain a single item read with additional condition"
    )
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


@pytest.mark.parametrize(
    ("changes", "expected"),
    [("SET n = 2", {"n": {"N": "2"}}), ("REMOVE l SET m.x = 'y'", {"m": {"M": {"x": {"S": "y"}}}, "l": None})],
)
def test_an_update_may_name_its_table_and_condition_first(world: World, changes: str, expected: dict[str, Any]) -> None:
    answer = run(world, f"from things WHERE pk = ? AND n = 1 {changes} RETURNING ALL NEW *", {"S": "a"})
    after = {name: value for name, value in {**BEFORE, **expected}.items() if value is not None}

    assert answer["Items"] == [after]
    assert refused(world, f"FROM things WHERE pk = 'no' {changes}")[0] == "ConditionalCheckFailedException"


def test_modified_shows_no_row_where_nothing_is_left_to_show(world: World) -> None:
    assert run(world, "UPDATE things REMOVE n WHERE pk='a' RETURNING MODIFIED NEW *")["Items"] == []
    assert run(world, "UPDATE things SET fresh=1 WHERE pk='a' RETURNING MODIFIED OLD *")["Items"] == []


NOT_WELL_FORMED = "Statement wasn't well formed, can't be processed: "
OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT * FROM things WHERE pk = 'a' foo", NOT_WELL_FORMED + "Unexpected token after expression"),
        ("SELECT * FROM things ORDER BY pk WHERE n = 1", NOT_WELL_FORMED + "Unexpected token after expression"),
        ("DELETE FROM things WHERE pk = 'a' ORDER BY pk", NOT_WELL_FORMED + "Unexpected token after expression"),
        ("INSERT INTO things t VALUE {'pk': 'x'}", NOT_WELL_FORMED + "Unexpected token after expression"),
        ("SELECT * FROM things WHERE n = 1 # note", NOT_WELL_FORMED),
        ("SELECT * FROM things WHERE n = 1 /* note", NOT_WELL_FORMED),
        ("SELECT * FROM things WHERE n = 1e2147483648", NOT_WELL_FORMED),
        ("SELECT * FROM things WHERE n = 1.5e-2147483647", NOT_WELL_FORMED),
        ("SELECT * FROM things t WHERE pk = 'a'", "Aliasing is not supported"),
        ("UPDATE things AS t SET n = 1 WHERE pk = 'a'", "Aliasing is not supported"),
        ("DELETE FROM things \"t\" WHERE pk = 'a'", "Aliasing is not supported"),
        ("SELECT * FROM things WHERE n = 1e126", OVERFLOW + " under root"),
        ("INSERT INTO things VALUE {'pk': 'x', 'n': 1e126}", OVERFLOW + " under root"),
        ("INSERT INTO things VALUE {'pk': 'x', 'm': {'y': 1e126}}", OVERFLOW + " under root.y"),
        ("INSERT INTO things VALUE {'pk': 'x', 'l': [1, 1e126]}", OVERFLOW + " under root[1]"),
        ('SELECT * FROM things."by-n"."more"', "A path may contain at most 2 components in the FROM clause"),
        ('SELECT * FROM things.""', "Path component cannot be an empty string"),
        ("SELECT * FROM \"\" WHERE pk = 'a'", "Path component cannot be an empty string"),
        ('SELECT * FROM things."nope"', "The table does not have the specified index"),
        (
            "DELETE FROM things WHERE pk = 'a' RETURNING MODIFIED OLD *",
            "Invalid returning clause: RETURNING MODIFIED OLD *. "
            "Only RETURNING ALL OLD * is allowed in DELETE statements.",
        ),
        (
            "SELECT * FROM things WHERE attribute_exists('n')",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "SELECT * FROM things WHERE attribute_exists()",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, "
            "number of operands: 0",
        ),
        ("SELECT * FROM things WHERE EXISTS(n)", "Unrecognized function: exists at 1:28:6"),
        ("SELECT * FROM things\nWHERE set_add(n) = 1", "Unrecognized function: set_add at 2:7:7"),
        (
            "UPDATE things SET t = set_add(tags, <<'x'>>) WHERE pk = 'a'",
            "The first argument to SET_ADD must equal the assignment value at 1:23:7",
        ),
        (
            "UPDATE things SET tags = set_add(tags, 'x') WHERE pk = 'a'",
            "The second argument to SET_ADD must be a value with type SET at 1:34:4",
        ),
        (
            "UPDATE things SET tags = set_delete(tags) WHERE pk = 'a'",
            "SET_DELETE must have exactly two arguments at 1:26:10",
        ),
        ("UPDATE things SET tags = set_add(tags, <<>>) WHERE pk = 'a'", "Empty bags are not supported"),
        ("SELECT n, count (*) FROM things", "Unexpected path component at 1:11:5"),
        (
            "UPDATE things SET tags = set_add(tags, <<'x', 'x'>>) WHERE pk = 'a'",
            "One or more parameter values were invalid: Input collection [x, x] contains duplicates.",
        ),
        (
            "UPDATE things SET tags = set_add(tags, <<1>>) WHERE pk = 'a'",
            "An operand in the update expression has an incorrect data type",
        ),
    ],
)
def test_a_refusal_has_the_words_of_aws(world: World, statement: str, message: str) -> None:
    assert refused(world, statement) == ("ValidationException", message)
    assert world.get("a") == BEFORE


def test_a_failed_condition_shows_its_item_to_whoever_wants_it(world: World) -> None:
    statement = {
        "Statement": "UPDATE things SET n=1 WHERE pk='a' AND n=7",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    single = world.send(f"{DYNAMODB}.ExecuteStatement", statement)
    batch = world.call("BatchExecuteStatement", Statements=[statement])["Responses"][0]
    transaction = world.send(f"{DYNAMODB}.ExecuteTransaction", {"TransactStatements": [statement]})

    assert json.loads(single.body)["Item"] == BEFORE
    assert batch["Error"]["Item"] == BEFORE
    assert json.loads(transaction.body)["CancellationReasons"][0]["Item"] == BEFORE


def test_a_transaction_takes_no_statement_that_answers_or_reads_an_index(world: World) -> None:
    def told(text: str) -> str:
        return world.error(f"{DYNAMODB}.ExecuteTransaction", {"TransactStatements": [{"Statement": text}]})[2]

    place = "Validation failed in TransactStatements[0]: "
    assert told("UPDATE things SET n=1 WHERE pk='a' RETURNING ALL NEW *") == (
        f"{place}RETURNING clause is not supported in ExecuteTransaction."
    )
    assert told('SELECT * FROM things."by-n" WHERE n=1') == (
        f"{place}Reads on indices are not supported within transactions."
    )
    assert told("SELECT * FROM things WHERE n=1") == (
        f"{place}Select statements within ExecuteTransaction must specify the primary key in the where clause."
    )


def test_a_transaction_reads_an_item_once_and_writes_nothing_beside(world: World) -> None:
    def told(*texts: str) -> str:
        return world.refused("ExecuteTransaction", TransactStatements=[{"Statement": text} for text in texts])

    read = "SELECT * FROM things WHERE pk='a'"
    assert told(read, read).endswith("Transaction request cannot include multiple operations on one item")
    assert told(read, "DELETE FROM things WHERE pk='b'").endswith(
        "ExecuteTransaction API does not support both read and write operations in the same request."
    )


def test_a_transaction_of_writes_has_no_responses(world: World) -> None:
    body = {"TransactStatements": [{"Statement": "UPDATE things SET n=3 WHERE pk='a'"}], "ClientRequestToken": "token"}

    assert [world.call("ExecuteTransaction", **body) for _ in range(2)] == [{"Responses": []}] * 2


def test_an_index_is_asked_only_for_what_it_holds(world: World) -> None:
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "x")]
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
    keys_only = {"Projection": {"ProjectionType": "KEYS_ONLY"}}
    world.create(
        "indexed",
        KeySchema=schema,
        AttributeDefinitions=definitions,
        GlobalSecondaryIndexes=[
            {"IndexName": "by-x", "KeySchema": [{"AttributeName": "x", "KeyType": "HASH"}], **keys_only}
        ],
        LocalSecondaryIndexes=[
            {
                "IndexName": "local",
                "KeySchema": [schema[0], {"AttributeName": "x", "KeyType": "RANGE"}],
                **keys_only,
            }
        ],
    )
    item = {name: {"S": name} for name in ("pk", "sk", "x", "more")}
    world.call("PutItem", TableName="indexed", Item=item)

    fetched = run(world, "SELECT more FROM indexed.\"local\" WHERE pk='pk'", ReturnConsumedCapacity="TOTAL")
    assert fetched["Items"] == [{"more": {"S": "more"}}]
    assert fetched["ConsumedCapacity"] == {"TableName": "indexed", "CapacityUnits": 1.0}
    for name, key in (("by-x", "x"), ("local", "pk")):
        assert run(world, f"SELECT pk FROM indexed.\"{name}\" WHERE more='more'")["Items"] == []
        assert refused(world, f"SELECT pk FROM indexed.\"{name}\" WHERE {key}='{key}' AND zz=1 AND more=2")[1] == (
            f"One or more parameter values were invalid: Secondary index {name} does not project one or more filter "
            "attributes: [zz, more]"
        )
    assert refused(world, 'SELECT zz, more FROM indexed."by-x"')[1].endswith(
        "Global secondary index by-x does not project [zz, more]"
    )
    strong = {"Statement": 'SELECT * FROM indexed."by-x"', "ConsistentRead": True}
    assert world.error(f"{DYNAMODB}.ExecuteStatement", strong)[2] == (
        "Strongly consistent read is not supported on Global Secondary Indexes"
    )


VOCABULARY = """
SELECT * FROM things WHERE pk = 'a' AND OR NOT n 1 -1 ( ) [ ] { } << >> , . : ? INSERT INTO VALUE UPDATE SET
REMOVE DELETE RETURNING ALL OLD IN BETWEEN IS MISSING NULL true begins_with contains size list_append ; ORDER BY
set_add attribute_exists EXISTS -- /* */ "" 1e999
"""
WORDS = st.sampled_from(VOCABULARY.split())


@given(st.lists(WORDS, max_size=25), st.lists(st.just({"S": "a"}), max_size=2))
def test_no_statement_makes_the_server_fail(words: list[str], parameters: list[Any]) -> None:
    world = World()
    world.create()
    body = {"Statement": " ".join(words), **({"Parameters": parameters} if parameters else {})}

    assert world.send(f"{DYNAMODB}.ExecuteStatement", body).status in (200, 400)


def named(count: int) -> str:
    return ", ".join(f"'v{number}'" for number in range(count))


@pytest.fixture
def rows() -> World:
    """Partitions a, b and c with items 0 to 9 each."""
    world = World()
    definitions = [{"AttributeName": "p", "AttributeType": "S"}, {"AttributeName": "s", "AttributeType": "N"}]
    keys = [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}]
    world.call(
        "CreateTable", TableName="rows", AttributeDefinitions=definitions, KeySchema=keys, BillingMode="PAY_PER_REQUEST"
    )
    for place in range(30):
        item = {"p": {"S": "abc"[place % 3]}, "s": {"N": str(place // 3)}, "x": {"N": str(place // 3 % 2)}}
        world.call("PutItem", TableName="rows", Item=item)
    return world


def found(world: World, statement: str, limit: int | None = None) -> list[str]:
    """What all pages of a statement have."""
    keys: list[str] = []
    more: dict[str, Any] = {} if limit is None else {"Limit": limit}
    for _ in range(40):
        answer = run(world, statement, **more)
        keys += [item["p"]["S"] + item["s"]["N"] for item in answer["Items"]]
        if "NextToken" not in answer:
            return keys
        more["NextToken"] = answer["NextToken"]
    raise AssertionError(keys)


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ("p = 'b' AND s = 5", "b5"),
        ("5 = s AND 'b' = p", "b5"),
        ("p = 'b' AND s > 7", "b8 b9"),
        ("p = 'b' AND 7 < s", "b8 b9"),
        ("p = 'b' AND s BETWEEN 3 AND 4", "b3 b4"),
        ("p = 'b' AND s > 3 AND s <= 5", "b4 b5"),
        ("p = 'b' AND s > 5 AND s < 3", ""),
        ("p = 'b' AND p = 'a'", ""),
        ("p = 'b' AND s IN [7, 3, 3]", "b3 b7"),
        ("p = 'b' AND (s < 2 OR s < 1 OR s = 9)", "b0 b1 b9"),
        ("p IN ['c', 'a', 'z'] AND s = 2", "a2 c2"),
        ("(p = 'c' AND s = 1) OR (p = 'a' AND s >= 8)", "a8 a9 c1"),
        ("(p = 'c' OR p = 'a') AND s IN [1, 2]", "a1 a2 c1 c2"),
        ("p = 'c' AND (s = 1 OR x = 1)", "c1 c3 c5 c7 c9"),
        ("p = 'c' AND NOT s < 8", "c8 c9"),
        ("p = 'c' AND s = 'text'", ""),
        ("p = 'c' OR s = 1", "a1 b1 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9"),
        ("p IN ['c', 'a'] AND s > 7 ORDER BY p DESC", "c8 c9 a8 a9"),
        ("p IN ['c', 'a'] AND s > 7 ORDER BY p, s DESC", "a9 a8 c9 c8"),
        ("p = 'c' AND s IN [1, 5, 2] ORDER BY s DESC", "c5 c2 c1"),
        ("p = 'c' AND s > 7 ORDER BY p DESC", "c8 c9"),
    ],
)
@pytest.mark.parametrize("limit", [None, 1, 2, 3])
def test_a_select_finds_what_its_keys_name_at_any_size_of_pages(
    rows: World, where: str, keys: str, limit: int | None
) -> None:
    assert found(rows, f"SELECT * FROM rows WHERE {where}", limit) == keys.split()


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ("p = 'b' AND s = 5", "b5"),
        ("p = 'b' AND s BETWEEN 5 AND 9", "b5"),
        ("p IN ['c', 'b'] AND s = 5", "b5"),
        ("p = 'b' OR p = 'c'", "b0"),
        ("p IN ['c', 'b'] ORDER BY p DESC", "c0"),
    ],
)
def test_a_limit_counts_items_that_the_keys_name_and_no_others(rows: World, where: str, key: str) -> None:
    (item,) = run(rows, f"SELECT * FROM rows WHERE {where}", Limit=1)["Items"]
    assert item["p"]["S"] + item["s"]["N"] == key


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("s = 1 ORDER BY s", "Must have at least one non-optional hash key condition in WHERE clause when using ORDER "
                             "BY clause."),
        ("p IN ['a', 'b'] ORDER BY s", "Must have hash key in ORDER BY clause when more than one hash key condition "
                                       "specified in WHERE clause."),
        ("p = 'a' ORDER BY x", "Variable reference x in ORDER BY clause must be part of the primary key"),
        (f"p IN [{named(51)}]", "Too many decomposed read operations for a given query."),
        (f"p IN [{named(26)}] AND s IN [1, 2]", "Too many decomposed read operations for a given query."),
        (f"p IN [{named(101)}]", "The IN operator is provided with too many operands; number of operands: 101"),
        (f"x IN [{named(101)}]", "The IN operator is provided with too many operands; number of operands: 101"),
    ],
)  # fmt: skip
def test_what_a_select_may_not_read(rows: World, where: str, words: str) -> None:
    assert refused(rows, f"SELECT * FROM rows WHERE {where}") == ("ValidationException", words)


@pytest.mark.parametrize("where", [f"p IN [{named(50)}]", f"x IN [{named(100)}]", f"p IN [{named(51)}] OR x = 7"])
def test_as_much_as_a_select_may_name(rows: World, where: str) -> None:
    assert run(rows, f"SELECT * FROM rows WHERE {where}")["Items"] == []


def test_a_token_belongs_to_its_statement(rows: World) -> None:
    token = run(rows, "SELECT * FROM rows WHERE p = 'a'", Limit=1)["NextToken"]

    for statement, sent, words in (
        ("SELECT * FROM rows WHERE p = 'b'", token, "NextToken does not match request"),
        ("SELECT * FROM rows WHERE p = 'a'", "nonsense", "Invalid NextToken"),
    ):
        request = {"Statement": statement, "NextToken": sent}
        assert rows.error(f"{DYNAMODB}.ExecuteStatement", request) == (400, "ValidationException", words)
