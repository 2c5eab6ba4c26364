"""What a new template does to what is there: changes, dangers, and what no deployment can do."""

from dataclasses import replace
from typing import Any

import pytest

from deploy.cloud import Change, Replacement
from deploy.errors import DangerError, DeployError
from deploy.planning.changes import diff, expected, require_named, require_possible, require_safe
from deploy.stack.tables import table
from streamer.topology import Index, Key, StreamView, Table

PROPERTIES = {"TableName": "t", "KeySchema": [1], "StreamSpecification": 1}
TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": PROPERTIES}
FUNCTION = {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Key": {"Ref": "CodeKey"}}, "Timeout": 3}}
TEMPLATE = {"Resources": {"Table": TABLE, "Function": FUNCTION}}


@pytest.mark.parametrize(
    ("property_", "replacement"),
    [
        pytest.param("KeySchema", Replacement.YES, id="key"),
        pytest.param("TableName", Replacement.YES, id="name"),
        pytest.param("StreamSpecification", Replacement.NO, id="stream"),
    ],
)
def test_diff_knows_what_makes_a_new_table(property_: str, replacement: Replacement) -> None:
    changed = {**TABLE, "Properties": {**PROPERTIES, property_: "other"}}

    [change] = diff({"Resources": {"Table": TABLE}}, {"Resources": {"Table": changed}})

    assert (change.replacement, change.properties) == (replacement, (property_,))


def test_diff_of_the_same_is_empty_and_of_nothing_is_everything() -> None:
    assert diff(TEMPLATE, TEMPLATE) == ()
    assert {change.action for change in diff({}, TEMPLATE)} == {"Add"}
    assert {change.action for change in diff(TEMPLATE, {})} == {"Remove"}


def test_diff_tells_of_what_happens_to_a_resource_in_the_end() -> None:
    kept = {**TABLE, "DeletionPolicy": "Retain"}

    [change] = diff({"Resources": {"Table": kept}}, {"Resources": {"Table": TABLE}})

    assert (change.action, change.replacement, change.properties) == ("Modify", Replacement.NO, ())


LIVE = {
    "FunctionName": {"Ref": "Function"},
    "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
}
STACK = {
    "Resources": {
        "Table": TABLE,
        "Function": FUNCTION,
        "Version": {"Type": "AWS::Lambda::Version", "Properties": {"Description": {"Fn::Sub": "${CodeKey} 1"}}},
        "Live": {"Type": "AWS::Lambda::Alias", "Properties": LIVE},
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]}},
        },
    }
}
RENAMED = {"Resources": {**STACK["Resources"], "Table": {**TABLE, "Properties": {**PROPERTIES, "TableName": "u"}}}}


@pytest.mark.parametrize(
    ("new", "parameters", "told"),
    [
        pytest.param(STACK, [], set(), id="nothing"),
        pytest.param(
            STACK,
            ["CodeKey"],
            {("Function", "False", "Code"), ("Version", "True", "Description"), ("Live", "False", "FunctionVersion")},
            id="other code is another version, which the alias leads to",
        ),
        pytest.param(
            RENAMED,
            [],
            {("Table", "True", "TableName"), ("Mapping", "True", "EventSourceArn")},
            id="a new table has a new stream, which is read anew",
        ),
    ],
)
def test_what_a_change_set_will_say_is_more_than_what_differs(
    new: dict[str, Any], parameters: list[str], told: set[tuple[str, str, str]]
) -> None:
    found = expected(STACK, new, parameters)

    assert {(each.logical_id, each.replacement.value, *each.properties) for each in found} == told


def change(
    action: str = "Modify", replacement: Replacement = Replacement.NO, type_: str = "AWS::DynamoDB::Table"
) -> Change:
    return Change(action=action, logical_id="Thing", resource_type=type_, replacement=replacement)


def thing(type_: str = "AWS::DynamoDB::Table", name: str = "t", **policies: str) -> dict[str, Any]:
    return {"Resources": {"Thing": {"Type": type_, "Properties": {"TableName": name}, **policies}}}


@pytest.mark.parametrize(
    ("found", "new"),
    [
        pytest.param(change(replacement=Replacement.YES), thing(), id="replaced"),
        pytest.param(change("Remove"), {}, id="removed"),
        pytest.param(
            change(replacement=Replacement.CONDITIONAL),
            thing(name="other"),
            id="perhaps replaced, and our own comparison says so",
        ),
        pytest.param(
            change(replacement=Replacement.CONDITIONAL, type_="AWS::RDS::DBInstance"),
            thing(),
            id="perhaps replaced, and nothing here can deny it",
        ),
        pytest.param(change(replacement=Replacement.YES, type_="AWS::ApiGatewayV2::Api"), thing(), id="API"),
        pytest.param(change("Remove", type_="AWS::Cognito::UserPool"), {}, id="data of a type of the user's own"),
    ],
)
def test_danger_needs_an_explicit_word(found: Change, new: dict[str, Any]) -> None:
    with pytest.raises(DangerError, match="--replace Thing"):
        require_safe([found], thing(), new, frozenset())

    require_safe([found], thing(), new, frozenset({"Thing"}))


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(change(), id="modified in place"),
        pytest.param(change(replacement=Replacement.CONDITIONAL), id="perhaps, but our own comparison denies it"),
        pytest.param(
            change(replacement=Replacement.CONDITIONAL, type_="AWS::DynamoDB::GlobalTable"),
            id="perhaps, as a new index of a global table",
        ),
        pytest.param(change("Add"), id="added"),
        pytest.param(change(replacement=Replacement.YES, type_="AWS::Lambda::Permission"), id="nothing precious"),
    ],
)
def test_what_is_harmless_needs_none(found: Change) -> None:
    require_safe([found], thing(), thing(), frozenset())


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::Cognito::UserPool"])
def test_what_cloudformation_says_it_changes_in_place_needs_no_word(kind: str) -> None:
    require_safe([change(type_=kind)], thing(kind), thing(kind, name="other"), frozenset())


def test_data_that_is_named_after_what_is_replaced_needs_a_word_too() -> None:
    def named(topic: str) -> dict[str, Any]:
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${Topic.TopicName}-late"}}}
        return {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": topic}}, "Queue": queue}}

    topic = Change(action="Modify", logical_id="Topic", resource_type="AWS::SNS::Topic", replacement=Replacement.YES)
    queue = Change(
        action="Modify", logical_id="Queue", resource_type="AWS::SQS::Queue", replacement=Replacement.CONDITIONAL
    )
    with pytest.raises(DangerError, match=r"Queue would be replaced .* say --replace Queue"):
        require_safe([queue, topic], named("orders"), named("sales"), frozenset())

    require_safe([queue, replace(topic, replacement=Replacement.NO)], named("a"), named("a"), frozenset())


REPLACED, REMOVED = change(replacement=Replacement.YES), change("Remove")
KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}


@pytest.mark.parametrize(
    ("found", "old", "new", "why"),
    [
        pytest.param(REPLACED, thing(**KEPT), thing(**KEPT), "new one is empty; the old one stays with", id="replaced"),
        pytest.param(REMOVED, thing(**KEPT), {}, "it stays with its data, outside of the stack", id="removed"),
        pytest.param(
            REPLACED, thing(), thing(), "the old one is deleted with all in it; UpdateReplacePolicy: ", id="not kept"
        ),
        pytest.param(REPLACED, thing(**KEPT), thing(), "old one is deleted with all", id="not kept any more"),
        pytest.param(REPLACED, thing(), thing(**KEPT), "old one is deleted with all", id="kept from now on"),
        pytest.param(REMOVED, thing(), {}, "it is deleted with all in it; DeletionPolicy: Retain", id="gone"),
        pytest.param(
            REMOVED,
            thing(DeletionPolicy="Delete"),
            {},
            "it is deleted with all in it; if you want that",
            id="gone, as somebody said",
        ),
        pytest.param(
            REMOVED, thing(UpdateReplacePolicy="Retain"), {}, "it is deleted with all in it", id="the other policy"
        ),
        pytest.param(REMOVED, thing(DeletionPolicy="Snapshot"), {}, "once a snapshot was made", id="a snapshot"),
        pytest.param(
            change("Remove", type_="AWS::S3::Bucket"),
            thing("AWS::S3::Bucket"),
            {},
            "deleted if it is empty, and else stays",
            id="a bucket",
        ),
        pytest.param(
            change("Remove", type_="AWS::ApiGatewayV2::Stage"),
            thing("AWS::ApiGatewayV2::Stage"),
            {},
            "clients have no address",
            id="an address",
        ),
        pytest.param(
            change("Remove", type_="AWS::ApiGatewayV2::DomainName"),
            thing("AWS::ApiGatewayV2::DomainName"),
            {},
            "clients that know its address reach nothing any more; .* say --replace Thing",
            id="a domain",
        ),
        pytest.param(
            change(replacement=Replacement.YES, type_="AWS::ApiGatewayV2::Api"),
            thing("AWS::ApiGatewayV2::Api"),
            thing("AWS::ApiGatewayV2::Api"),
            "must be told a new address",
            id="another address",
        ),
        pytest.param(
            change(replacement=Replacement.YES, type_="AWS::ApiGatewayV2::DomainName"),
            thing("AWS::ApiGatewayV2::DomainName"),
            thing("AWS::ApiGatewayV2::DomainName"),
            "would be replaced .* must be told a new address",
            id="another domain",
        ),
        pytest.param(
            change(replacement=Replacement.CONDITIONAL, type_="AWS::RDS::DBInstance"),
            thing("AWS::RDS::DBInstance"),
            thing("AWS::RDS::DBInstance"),
            "Thing may be replaced",
            id="perhaps",
        ),
    ],
)
def test_a_danger_says_what_is_lost(found: Change, old: dict[str, Any], new: dict[str, Any], why: str) -> None:
    with pytest.raises(DangerError, match=why):
        require_safe([found], old, new, frozenset())


@pytest.mark.parametrize(
    ("action", "replacement", "policy", "why"),
    [
        pytest.param("Remove", Replacement.NO, "Delete", "would be removed .* it is deleted with all", id="removed"),
        pytest.param(
            "Remove", Replacement.NO, "Retain", "would be removed .* it stays with its data", id="removed and kept"
        ),
        pytest.param(
            *("Modify", Replacement.YES, "ReplaceAndDelete"), "would be .* old one is deleted with all", id="replaced"
        ),
        pytest.param(*("Modify", Replacement.YES, "ReplaceAndRetain"), "the old one stays", id="replaced and kept"),
        pytest.param("Modify", Replacement.CONDITIONAL, "", "may be replaced .* is deleted", id="perhaps"),
    ],
)
def test_what_a_nested_stack_loses_needs_an_explicit_word_too(
    action: str, replacement: Replacement, policy: str, why: str
) -> None:
    kind = "AWS::DynamoDB::Table"
    inner = Change(action=action, logical_id="Thing/Table", resource_type=kind, replacement=replacement, policy=policy)
    whole = thing("AWS::CloudFormation::Stack")

    with pytest.raises(DangerError, match=rf"Thing/Table .*{why}.*; if you want that, say --replace Thing/Table"):
        require_safe([inner], whole, whole, frozenset())

    require_named(frozenset({"Thing/Table"}), whole, whole)
    require_safe([inner], whole, whole, frozenset({"Thing/Table"}))


def test_a_word_for_what_there_is_not_is_refused() -> None:
    with pytest.raises(DeployError, match=r"--replace Tabel: there is no such resource; those that need .* are Table$"):
        require_named(frozenset({"Tabel"}), {}, TEMPLATE)

    require_named(frozenset({"Table"}), {}, TEMPLATE)
    require_named(frozenset({"Table"}), TEMPLATE, {})


ROOMS = Table(
    name="rooms",
    key=Key(partition="room", sort="at", types={"at": "N"}),
    indexes=(
        Index(name="by-owner", key=Key(partition="owner")),
        Index(name="by-age", key=Key(partition="room", sort="age"), is_local=True),
    ),
    ttl_attribute="ttl",
    stream=StreamView.NEW_IMAGE,
)


def require(before: Table, after: Table) -> None:
    require_possible({"Resources": {"Rooms": table(before)}}, {"Resources": {"Rooms": table(after)}})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param(
            {"key": Key(partition="id")},
            r"Rooms \(rooms\): its key changes from room \(S\), at \(N\) to id \(S\).*of another name beside it",
            id="another key",
        ),
        pytest.param(
            {"key": Key(partition="room", sort="at")}, r"from room \(S\), at \(N\) to room \(S\), at \(S\)", id="a type"
        ),
        pytest.param({"indexes": ROOMS.indexes[:1]}, "local indexes are made with their table", id="a local index"),
        pytest.param(
            {"indexes": (replace(ROOMS.indexes[0], key=Key(partition="other")), ROOMS.indexes[1])},
            "the index by-owner changes its key .* give the new one another name",
            id="an index's key",
        ),
        pytest.param(
            {"indexes": (replace(ROOMS.indexes[0], projection="KEYS_ONLY"), ROOMS.indexes[1])},
            "the index by-owner changes its key or its projection",
            id="an index's projection",
        ),
        pytest.param(
            {"indexes": (*ROOMS.indexes, *(Index(name=n, key=Key(partition=n)) for n in ("a", "b")))},
            r"2 indexes change at once \(add a, add b\).*one by one",
            id="two new indexes",
        ),
        pytest.param(
            {"indexes": (Index(name="new", key=Key(partition="owner")), ROOMS.indexes[1])},
            r"add new, remove by-owner",
            id="an index renamed",
        ),
        pytest.param({"stream": StreamView.KEYS_ONLY}, "its stream changes from NEW_IMAGE to KEYS_ONLY", id="a view"),
        pytest.param({"ttl_attribute": "end"}, "its TTL attribute changes from ttl to end", id="TTL"),
    ],
)
def test_a_change_that_dynamodb_would_refuse_is_refused_with_the_way_that_works(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(DeployError, match=complaint):
        require(ROOMS, replace(ROOMS, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"indexes": (*ROOMS.indexes, Index(name="a", key=Key(partition="a")))}, id="an index added"),
        pytest.param({"indexes": ROOMS.indexes[1:]}, id="an index removed"),
        pytest.param({"stream": None, "ttl_attribute": None}, id="stream and TTL off"),
        pytest.param({"name": "other", "key": Key(partition="id")}, id="another table, which the change set tells of"),
    ],
)
def test_what_dynamodb_does_is_let_through(changes: dict[str, Any]) -> None:
    require(ROOMS, replace(ROOMS, **changes))


@pytest.mark.parametrize(
    "own",
    [
        pytest.param({"KeySchema": {"Fn::If": ["Big", [], []]}}, id="a key that CloudFormation chooses"),
        pytest.param({"TableName": {"Fn::Sub": "${AWS::StackName}-rooms"}}, id="a name that CloudFormation makes"),
    ],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_what_cloudformation_alone_knows_is_compared_with_nothing(own: dict[str, Any], is_new: bool) -> None:
    literal = {"Rooms": table(ROOMS)}
    chosen = {"Rooms": {**literal["Rooms"], "Properties": literal["Rooms"]["Properties"] | own}}
    old, new = (literal, chosen) if is_new else (chosen, literal)

    require_possible({"Resources": old}, {"Resources": new})


def test_a_table_under_another_id_is_refused_with_the_way_that_works() -> None:
    with pytest.raises(DeployError, match=r"rooms is Rooms in the stack and would be Other.*deploy once without it"):
        require_possible({"Resources": {"Rooms": table(ROOMS)}}, {"Resources": {"Other": table(ROOMS)}})


def test_another_starting_position_is_refused_since_lambda_takes_no_second_mapping_of_the_same() -> None:
    def of(start: str, function: str = "Say") -> dict[str, Any]:
        properties = {"EventSourceArn": "a", "FunctionName": {"Ref": function}, "StartingPosition": start}
        return {"Resources": {"Reads": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}}}

    require_possible(of("LATEST"), of("LATEST"))
    require_possible(of("LATEST"), of("TRIM_HORIZON", "Other"))
    require_possible({}, of("LATEST"))
    with pytest.raises(DeployError, match="Reads: its starting position changes from LATEST to TRIM_HORIZON"):
        require_possible(of("LATEST"), of("TRIM_HORIZON"))
