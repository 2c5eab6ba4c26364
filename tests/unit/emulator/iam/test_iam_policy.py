"""What statements say about a request."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.iam.policy import Decision, Policies, Statement, decide, statement_of, unknown_variables, with_values

CHAT, LOG = (f"arn:aws:dynamodb:eu-west-1:123456789012:table/{name}" for name in ("chat", "log"))
PUT, GET = "dynamodb:PutItem", "dynamodb:GetItem"
ALLOWED, NOT_ALLOWED, DENIED = Decision.ALLOWED, Decision.NOT_ALLOWED, Decision.DENIED


def document(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": PUT, "Resource": CHAT, **elements}


def decided(*documents: dict[str, Any], action: str = PUT, resource: str = CHAT, **context: Any) -> Decision:
    return decide(Policies(identity=statements(*documents)), action, resource, context)


def statements(*documents: dict[str, Any]) -> tuple[Statement, ...]:
    return tuple(map(statement_of, documents))


@pytest.mark.parametrize(
    ("documents", "decision"),
    [
        pytest.param([], NOT_ALLOWED, id="nothing is said"),
        pytest.param([document()], ALLOWED, id="allowed"),
        pytest.param([document(Action=GET)], NOT_ALLOWED, id="another action"),
        pytest.param([document(Action=[GET, "dynamodb:Put*"])], ALLOWED, id="one of several actions"),
        pytest.param([document(Resource=LOG)], NOT_ALLOWED, id="another resource"),
        pytest.param([document(Resource=[LOG, CHAT])], ALLOWED, id="one of several resources"),
        pytest.param([document(), document("Deny")], DENIED, id="a deny wins"),
        pytest.param([document("Deny"), document()], DENIED, id="wherever it stands"),
        pytest.param([document(), document("Deny", Action=GET)], ALLOWED, id="a deny of something else"),
        pytest.param([document("Deny", Action=GET)], NOT_ALLOWED, id="not denied is not allowed"),
        pytest.param([document(Condition={"StringEquals": {"k": "v"}})], NOT_ALLOWED, id="condition not met"),
        pytest.param([document(Condition={"StringNotEquals": {"k": "v"}})], ALLOWED, id="condition met"),
        pytest.param([document(Condition={"Bool": {"k": False}})], NOT_ALLOWED, id="a JSON boolean"),
    ],
)
def test_an_explicit_deny_wins_and_silence_denies(documents: list[dict[str, Any]], decision: Decision) -> None:
    assert decided(*documents) is decision


@pytest.mark.parametrize(
    ("action", "resource", "decision"),
    [(PUT, CHAT, NOT_ALLOWED), (GET, CHAT, ALLOWED), (GET, LOG, ALLOWED)],
)
def test_not_action_is_about_every_other_action(action: str, resource: str, decision: Decision) -> None:
    statement = {"Effect": "Allow", "NotAction": [PUT], "Resource": "*"}

    assert decided(statement, action=action, resource=resource) is decision


@pytest.mark.parametrize(("resource", "decision"), [(CHAT, ALLOWED), (LOG, DENIED)])
def test_not_resource_is_about_every_other_resource(resource: str, decision: Decision) -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    elsewhere = {"Effect": "Deny", "Action": "*", "NotResource": CHAT}

    assert decided(everything, elsewhere, resource=resource) is decision


def test_leading_keys_confine_a_function_to_rows_of_its_own() -> None:
    rows = document(Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ada"]}})

    def of(*keys: str) -> Decision:
        return decide(Policies(identity=statements(rows)), PUT, CHAT, {"dynamodb:leadingkeys": keys})

    assert of("ada", "ada") is ALLOWED
    assert of("ada", "bob") is NOT_ALLOWED


@pytest.mark.parametrize(
    ("documents", "boundary", "decision"),
    [
        pytest.param([document()], [document()], ALLOWED, id="both allow"),
        pytest.param([document()], [], Decision.OUT_OF_BOUNDS, id="the boundary does not allow"),
        pytest.param([document()], [document(Action=GET)], Decision.OUT_OF_BOUNDS, id="it allows something else"),
        pytest.param([], [document()], NOT_ALLOWED, id="a boundary allows nothing by itself"),
        pytest.param([], [], NOT_ALLOWED, id="neither allows"),
        pytest.param([document()], [document(), document("Deny")], Decision.DENIED_BY_BOUNDARY, id="it denies"),
        pytest.param([], [document("Deny")], Decision.DENIED_BY_BOUNDARY, id="a denial is told first"),
        pytest.param([document("Deny")], [document("Deny")], DENIED, id="both deny"),
        pytest.param([document("Deny"), document()], [document()], DENIED, id="an identity policy denies"),
    ],
)
def test_a_permissions_boundary_limits(
    documents: list[dict[str, Any]], boundary: list[dict[str, Any]], decision: Decision
) -> None:
    policies = Policies(identity=statements(*documents), boundary=statements(*boundary))

    assert decide(policies, PUT, CHAT, {}) is decision


OUT_OF_BOUNDS = Decision.OUT_OF_BOUNDS
BY_RESOURCE, BY_BOUNDARY = Decision.DENIED_BY_RESOURCE, Decision.DENIED_BY_BOUNDARY
YES, NO = document(), document("Deny")


@pytest.mark.parametrize(
    ("identity", "of_role", "of_session", "boundary", "decision"),
    [
        pytest.param([], [YES], [], None, ALLOWED, id="the resource allows the role"),
        pytest.param([], [document(Action=GET)], [], None, NOT_ALLOWED, id="it allows something else"),
        pytest.param([], [YES], [], [], OUT_OF_BOUNDS, id="it allows the role beyond its boundary"),
        pytest.param([], [], [YES], [], ALLOWED, id="it allows the session beyond the boundary"),
        pytest.param([], [], [YES], [NO], BY_BOUNDARY, id="the boundary denies what it allows the session"),
        pytest.param([YES], [NO], [], None, BY_RESOURCE, id="it denies the role"),
        pytest.param([YES], [], [NO], None, BY_RESOURCE, id="it denies the session"),
        pytest.param([YES], [NO], [YES], [YES], BY_RESOURCE, id="it denies the role and allows the session"),
        pytest.param([NO], [YES], [YES], None, DENIED, id="an identity policy denies what it allows"),
        pytest.param([NO], [NO], [], None, DENIED, id="both deny"),
    ],
)
def test_the_policy_of_a_resource_allows_and_denies_by_itself(
    identity: list[Any], of_role: list[Any], of_session: list[Any], boundary: list[Any] | None, decision: Decision
) -> None:
    policies = Policies(
        identity=statements(*identity),
        boundary=None if boundary is None else statements(*boundary),
        resource=statements(*of_role),
        session=statements(*of_session),
    )

    assert decide(policies, PUT, CHAT, {}) is decision


OUT_OF_SESSION, BY_SESSION = Decision.OUT_OF_SESSION, Decision.DENIED_BY_SESSION


@pytest.mark.parametrize(
    ("identity", "of_role", "of_session", "passed", "decision"),
    [
        pytest.param([YES], [], [], [YES], ALLOWED, id="both allow"),
        pytest.param([YES], [], [], [], OUT_OF_SESSION, id="it allows nothing"),
        pytest.param([YES], [], [], [NO], BY_SESSION, id="it denies"),
        pytest.param([], [], [], [YES], NOT_ALLOWED, id="it allows what the role may not do"),
        pytest.param([], [YES], [], [], OUT_OF_SESSION, id="a resource allows the role more"),
        pytest.param([], [], [YES], [], ALLOWED, id="a resource allows the session itself more"),
        pytest.param([NO], [], [], [YES], DENIED, id="the role's policy denies"),
    ],
)
def test_a_session_policy_limits_what_the_role_may_do(
    identity: list[Any], of_role: list[Any], of_session: list[Any], passed: list[Any], decision: Decision
) -> None:
    policies = Policies(
        identity=statements(*identity),
        resource=statements(*of_role),
        session=statements(*of_session),
        passed=statements(*passed),
    )

    assert decide(policies, PUT, CHAT, {}) is decision


ACTIONS = st.sampled_from(["a:Get", "a:Put", "a:*", "*"])
RESOURCES = st.sampled_from(["arn:p:s:r:1:x", "arn:p:s:r:1:y", "arn:p:s:r:1:*", "*"])
STATEMENTS = st.lists(
    st.builds(
        lambda effect, action, resource: {"Effect": effect, "Action": action, "Resource": resource},
        st.sampled_from(["Allow", "Deny"]),
        st.lists(ACTIONS, max_size=2),
        st.lists(RESOURCES, max_size=2),
    ),
    max_size=4,
)
REQUEST = {"action": "a:Get", "resource": "arn:p:s:r:1:x"}


@given(STATEMENTS, st.randoms())
def test_the_order_of_statements_does_not_matter(statements: list[dict[str, Any]], random: Any) -> None:
    shuffled = random.sample(statements, len(statements))

    assert decided(*shuffled, **REQUEST) is decided(*statements, **REQUEST)


@given(STATEMENTS)
def test_a_deny_of_everything_denies_everything(statements: list[dict[str, Any]]) -> None:
    assert decided(*statements, {"Effect": "Deny", "Action": "*", "Resource": "*"}, **REQUEST) is DENIED


@given(STATEMENTS)
def test_a_further_allow_takes_nothing_away(statements: list[dict[str, Any]]) -> None:
    before = decided(*statements, **REQUEST)
    after = decided(*statements, {"Effect": "Allow", "Action": "a:Get", "Resource": "*"}, **REQUEST)

    assert after is (DENIED if before is DENIED else ALLOWED)


@given(STATEMENTS)
def test_without_an_allow_nothing_is_allowed(statements: list[dict[str, Any]]) -> None:
    denies = [each for each in statements if each["Effect"] == "Deny"]

    assert decided(*denies, **REQUEST) is not ALLOWED


@pytest.mark.parametrize("key", ["dynamodb:LeadingKeys", "DynamoDB:leadingkeys"])
def test_a_statement_knows_what_its_conditions_ask_for(key: str) -> None:
    statement = statement_of(document(Condition={"StringLike": {"aws:userid": "x", key: "y"}}))

    assert statement.asks_for("dynamodb:")
    assert not statement.asks_for("s3:")


@pytest.mark.parametrize(("written", "text"), [(True, "true"), (False, "false"), (7, "7"), ("True", "True")])
def test_values_of_conditions_are_texts_as_json_has_them(written: Any, text: str) -> None:
    conditions = statement_of(document(Condition={"StringEquals": {"k": [written]}})).conditions

    assert conditions == {"StringEquals": {"k": (text,)}}


VALUES = {"aws:principalaccount": ("123456789012",), "aws:principaltype": ("AssumedRole",)}


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("arn:aws:s3:::b/${aws:PrincipalAccount}/*", "arn:aws:s3:::b/123456789012/*"),
        ("arn:aws:s3:::b/${AWS:principalaccount}", "arn:aws:s3:::b/123456789012"),
        ("arn:aws:s3:::b/${aws:username, 'nobody'}/*", "arn:aws:s3:::b/nobody/*"),
        ("arn:aws:s3:::b/${aws:PrincipalAccount, 'nobody'}", "arn:aws:s3:::b/123456789012"),
        ("arn:aws:s3:::b/${$}{x}", "arn:aws:s3:::b/${x}"),
        ("arn:aws:s3:::b/$x{y}", "arn:aws:s3:::b/$x{y}"),
        ("arn:aws:s3:::b/${aws:username}", None),
    ],
)
def test_variables_have_the_values_that_conditions_see(written: str, means: str | None) -> None:
    statement = statement_of(document(Resource=written))
    negative = statement_of({"Effect": "Deny", "Action": PUT, "NotResource": written})
    conditional = statement_of(document(Condition={"StringLike": {"k": written}}))

    found = with_values(statement, VALUES)
    assert (None if found is None else found.resources) == (None if means is None else (means,))
    assert (with_values(negative, VALUES) is None) is (means is None)
    conditions = with_values(conditional, VALUES)
    assert (None if conditions is None else conditions.conditions) == (
        None if means is None else {"StringLike": {"k": (means,)}}
    )


def test_a_wildcard_that_is_a_character_is_none() -> None:
    statement = with_values(statement_of(document(Resource="arn:aws:s3:::b/${*}")), {})

    assert statement is not None
    assert statement.applies(PUT, "arn:aws:s3:::b/*", {})
    assert not statement.applies(PUT, "arn:aws:s3:::b/abc", {})


def test_variables_without_a_value_are_named() -> None:
    statement = Statement(
        resources=("a/${aws:username}/${aws:PrincipalTag/team}", "b/${aws:userid, 'x'}", "c/${aws:PrincipalType}/${*}"),
        conditions={"StringEquals": {"k": ("${saml:sub}",)}},
    )

    assert unknown_variables(statement, VALUES) == ["aws:PrincipalTag/team", "aws:username", "saml:sub"]
