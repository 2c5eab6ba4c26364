"""How users come to be: they sign up and confirm, or an administrator makes them."""

from __future__ import annotations

from typing import Any

import pytest
from pool_world import PASSWORD, PoolWorld, attributes

from emulator.services.cognito.entities import PoolError


def user(world: PoolWorld, name: str = "ann") -> Any:
    return world.do("AdminGetUser", UserPoolId=world.pool, Username=name)


def test_a_user_signs_up_and_confirms_with_the_code_that_was_sent() -> None:
    world = PoolWorld(AutoVerifiedAttributes=["email"])

    made = world.sign_up(email="ann@example.com")
    (sent,) = world.sent
    assert made["CodeDeliveryDetails"] == {
        "AttributeName": "email",
        "DeliveryMedium": "EMAIL",
        "Destination": "a***@e***",
    }
    assert (sent.to, sent.purpose, made["UserConfirmed"]) == ("ann@example.com", "SignUp", False)
    with pytest.raises(PoolError) as early:
        world.sign_in()
    assert early.value.code == "UserNotConfirmedException"

    world.do("ConfirmSignUp", ClientId=world.client, Username="ann", ConfirmationCode=sent.code)
    assert user(world)["UserStatus"] == "CONFIRMED"
    assert attributes(user(world)) == {"sub": made["UserSub"], "email": "ann@example.com", "email_verified": "true"}
    assert world.sign_in()["AuthenticationResult"]["TokenType"] == "Bearer"


def test_a_wrong_code_confirms_nobody() -> None:
    world = PoolWorld(AutoVerifiedAttributes=["email"])
    world.sign_up(email="ann@example.com")

    with pytest.raises(PoolError) as wrong:
        world.do("ConfirmSignUp", ClientId=world.client, Username="ann", ConfirmationCode="x")
    assert wrong.value.code == "CodeMismatchException"
    assert user(world)["UserStatus"] == "UNCONFIRMED"


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("Aa1!", "Password not long enough"),
        ("aaaaaaa1!", "Password must have uppercase characters"),
        ("AAAAAAA1!", "Password must have lowercase characters"),
        ("Aaaaaaaa!", "Password must have numeric characters"),
        ("Aaaaaaaa1", "Password must have symbol characters"),
    ],
)
def test_a_password_has_to_conform(password: str, why: str) -> None:
    world = PoolWorld()
    with pytest.raises(PoolError, match=f"^Password did not conform with policy: {why}$"):
        world.do("SignUp", ClientId=world.client, Username="ann", Password=password)


def test_a_policy_that_is_given_asks_for_what_it_names_alone() -> None:
    world = PoolWorld(Policies={"PasswordPolicy": {"MinimumLength": 6}})
    assert "UserSub" in world.do("SignUp", ClientId=world.client, Username="ann", Password="simple")


@pytest.mark.parametrize(
    ("settings", "given", "message"),
    [
        ({"Schema": [{"Name": "email", "Required": True}]}, {}, "email: The attribute is required"),
        ({}, {"custom:team": "a"}, r"Type for attribute \{custom:team\} could not be determined"),
        ({}, {"email": "no address"}, "Invalid email address format."),
        ({}, {"phone_number": "123"}, "Invalid phone number format."),
    ],
    ids=["missing", "unknown", "email", "number"],
)
def test_attributes_have_to_conform(settings: dict[str, Any], given: dict[str, str], message: str) -> None:
    with pytest.raises(PoolError, match=message):
        PoolWorld(**settings).sign_up(**given)


def test_attributes_of_a_schema_are_kept() -> None:
    world = PoolWorld(Schema=[{"Name": "team", "AttributeDataType": "String"}])
    world.sign_up(**{"custom:team": "blue"})

    assert attributes(user(world))["custom:team"] == "blue"


def test_a_name_is_taken_once() -> None:
    world = PoolWorld()
    world.sign_up()
    with pytest.raises(PoolError, match="User already exists"):
        world.sign_up()


def test_users_may_be_named_by_their_address() -> None:
    world = PoolWorld(UsernameAttributes=["email"], UsernameConfiguration={"CaseSensitive": False})
    world.confirmed("Ann@example.com")

    found = user(world, "ann@EXAMPLE.com")
    assert found["Username"] == attributes(found)["sub"]
    assert attributes(found)["email"] == "Ann@example.com"
    assert world.claims("ann@example.com")[0]["cognito:username"] == found["Username"]
    with pytest.raises(PoolError, match="An account with the given email already exists"):
        world.sign_up("ANN@example.com")
    with pytest.raises(PoolError, match="Username should be an email"):
        world.sign_up("bob")


def test_a_function_confirms_users_before_they_exist() -> None:
    world = PoolWorld(LambdaConfig={"PreSignUp": "arn:pre", "PostConfirmation": "arn:post"})
    world.answers["PreSignUp"] = lambda _event: {"autoConfirmUser": True, "autoVerifyEmail": True}

    made = world.sign_up(email="ann@example.com")
    before, after = world.events
    assert before == {
        "version": "1",
        "triggerSource": "PreSignUp_SignUp",
        "region": "eu-west-1",
        "userPoolId": world.pool,
        "userName": "ann",
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": world.client},
        "request": {"userAttributes": {"email": "ann@example.com"}, "validationData": None, "clientMetadata": {}},
        "response": {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    }
    assert (after["triggerSource"], after["request"]["userAttributes"]) == (
        "PostConfirmation_ConfirmSignUp",
        {
            "cognito:user_status": "CONFIRMED",
            "sub": made["UserSub"],
            "email": "ann@example.com",
            "email_verified": "true",
        },
    )
    assert made["UserConfirmed"] is True


@pytest.mark.parametrize("settings", [{}, {"UsernameAttributes": ["email"]}], ids=["by name", "by address"])
@pytest.mark.parametrize(
    ("operation", "whom"),
    [("SignUp", {"Password": f"{PASSWORD}2"}), ("AdminCreateUser", {"TemporaryPassword": f"{PASSWORD}2"})],
)
def test_a_name_is_taken_once_also_while_a_function_works(
    settings: dict[str, Any], operation: str, whom: dict[str, str]
) -> None:
    world = PoolWorld(LambdaConfig={"PreSignUp": "arn:pre"}, **settings)
    name = "ann@example.com"

    def others_are_faster(_event: object) -> dict[str, Any]:
        world.answers["PreSignUp"] = lambda _event: {}
        world.confirmed(name)
        return {}

    world.answers["PreSignUp"] = others_are_faster
    where = {"ClientId": world.client} if operation == "SignUp" else {"UserPoolId": world.pool}
    with pytest.raises(PoolError) as late:
        world.do(operation, **where, Username=name, **whom)

    assert late.value.code == "UsernameExistsException"
    assert "AccessToken" in world.sign_in(name, PASSWORD)["AuthenticationResult"]
    assert len(world.do("ListUsers", UserPoolId=world.pool)["Users"]) == 1


def test_an_administrator_makes_a_user_who_chooses_a_password() -> None:
    world = PoolWorld()
    world.do("AdminCreateUser", UserPoolId=world.pool, Username="ann", TemporaryPassword=PASSWORD)
    asked = world.sign_in()

    assert (asked["ChallengeName"], asked["ChallengeParameters"]["USER_ID_FOR_SRP"]) == ("NEW_PASSWORD_REQUIRED", "ann")
    said = {"USERNAME": "ann", "NEW_PASSWORD": "short"}
    around = {"ClientId": world.client, "ChallengeName": asked["ChallengeName"], "Session": asked["Session"]}
    with pytest.raises(PoolError, match="Password not long enough"):
        world.do("RespondToAuthChallenge", **around, ChallengeResponses=said)
    answer = world.do("RespondToAuthChallenge", **around, ChallengeResponses={**said, "NEW_PASSWORD": f"{PASSWORD}2"})
    assert "IdToken" in answer["AuthenticationResult"]
    assert "AccessToken" in world.sign_in(password=f"{PASSWORD}2")["AuthenticationResult"]


def test_whoever_is_made_is_sent_a_password_unless_that_is_suppressed() -> None:
    world = PoolWorld()
    world.do("AdminCreateUser", UserPoolId=world.pool, Username="ann")
    world.do("AdminCreateUser", UserPoolId=world.pool, Username="bob", MessageAction="SUPPRESS")

    (sent,) = world.sent
    assert world.sign_in(password=sent.code)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


def test_a_forgotten_password_is_replaced_with_the_code_that_was_sent() -> None:
    world = PoolWorld()
    world.confirmed(email="ann@example.com")
    world.do("ForgotPassword", ClientId=world.client, Username="ann")
    given = {"ClientId": world.client, "Username": "ann", "Password": f"{PASSWORD}2"}
    with pytest.raises(PoolError, match="Invalid verification code"):
        world.do("ConfirmForgotPassword", **given, ConfirmationCode="x")
    world.do("ConfirmForgotPassword", **given, ConfirmationCode=world.sent[-1].code)

    with pytest.raises(PoolError, match="Incorrect username or password"):
        world.sign_in()
    assert "IdToken" in world.sign_in(password=f"{PASSWORD}2")["AuthenticationResult"]


def test_users_are_found_by_what_they_begin_with() -> None:
    world = PoolWorld()
    for name in ("ann", "anna", "bob"):
        world.sign_up(name, email=f"{name}@example.com")

    def names(**asked: Any) -> list[str]:
        return [each["Username"] for each in world.do("ListUsers", UserPoolId=world.pool, **asked)["Users"]]

    assert names(Filter='email ^= "ann"') == ["ann", "anna"]
    assert names(Filter='username = "bob"') == ["bob"]
    assert names(Filter='cognito:user_status = "CONFIRMED"') == []
    first = world.do("ListUsers", UserPoolId=world.pool, Limit=2)
    assert names(PaginationToken=first["PaginationToken"]) == ["bob"]
    with pytest.raises(PoolError, match="Error while parsing filter"):
        names(Filter="email")
