"""How users sign in, and what their tokens say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pool_world import NOW, PASSWORD, PoolWorld

from emulator.services.cognito import srp
from emulator.services.cognito.entities import PoolError

SCOPE = "aws.cognito.signin.user.admin"


def refused(world: PoolWorld, operation: str, **given_: Any) -> tuple[str, str]:
    with pytest.raises(PoolError) as error:
        world.do(operation, **given_)
    return error.value.code, str(error.value)


def test_tokens_say_what_awss_say() -> None:
    world = PoolWorld()
    world.confirmed(email="ann@example.com", email_verified="true")
    sub = next(iter(world.do("AdminGetUser", UserPoolId=world.pool, Username="ann")["UserAttributes"]))["Value"]
    identity, access = world.claims()

    common = {
        "sub": sub,
        "iss": f"https://cognito-idp.eu-west-1.amazonaws.com/{world.pool}",
        "auth_time": int(NOW),
        "iat": int(NOW),
        "exp": int(NOW) + 3600,
    }
    ids = {name: identity[name] for name in ("event_id", "origin_jti")}
    assert identity == {
        **common,
        **ids,
        "jti": identity["jti"],
        "aud": world.client,
        "token_use": "id",
        "cognito:username": "ann",
        "email": "ann@example.com",
        "email_verified": True,
    }
    assert access == {
        **common,
        **ids,
        "jti": access["jti"],
        "client_id": world.client,
        "token_use": "access",
        "scope": SCOPE,
        "username": "ann",
    }


def test_groups_stand_in_both_tokens_by_their_precedence() -> None:
    world = PoolWorld()
    world.confirmed()
    for name, more in (("late", {}), ("second", {"Precedence": 2}), ("first", {"Precedence": 1, "RoleArn": "arn:r"})):
        world.do("CreateGroup", UserPoolId=world.pool, GroupName=name, **more)
        world.do("AdminAddUserToGroup", UserPoolId=world.pool, GroupName=name, Username="ann")
    identity, access = world.claims()

    assert identity["cognito:groups"] == access["cognito:groups"] == ["first", "second", "late"]
    assert (identity["cognito:roles"], identity["cognito:preferred_role"]) == (["arn:r"], "arn:r")


def test_a_client_reads_the_attributes_that_it_may() -> None:
    world = PoolWorld(
        client={"ReadAttributes": ["given_name"], "IdTokenValidity": 5, "TokenValidityUnits": {"IdToken": "minutes"}}
    )
    world.confirmed(email="ann@example.com", given_name="Ann")
    identity, _ = world.claims()

    assert (identity["given_name"], "email" in identity, identity["exp"]) == ("Ann", False, int(NOW) + 300)


CHANGES: dict[str, dict[str, Any]] = {
    "V1_0": {
        "claimsOverrideDetails": {
            "claimsToAddOrOverride": {"tenant": "t1", "sub": "other"},
            "claimsToSuppress": ["email"],
            "groupOverrideDetails": {"groupsToOverride": ["extra"]},
        }
    },
    "V2_0": {
        "claimsAndScopeOverrideDetails": {
            "idTokenGeneration": {"claimsToAddOrOverride": {"tenant": "t1"}, "claimsToSuppress": ["email"]},
            "accessTokenGeneration": {
                "claimsToAddOrOverride": {"tenant": "t2"},
                "scopesToAdd": ["more"],
                "scopesToSuppress": [SCOPE],
            },
            "groupOverrideDetails": {"groupsToOverride": ["extra"]},
        }
    },
}


@pytest.mark.parametrize("version", list(CHANGES))
def test_a_function_changes_claims(version: str) -> None:
    world = PoolWorld(LambdaConfig={"PreTokenGenerationConfig": {"LambdaArn": "arn:f", "LambdaVersion": version}})
    world.answers["PreTokenGeneration"] = lambda _event: CHANGES[version]
    world.confirmed(email="ann@example.com")
    identity, access = world.claims()

    event = world.events[-1]
    assert (event["version"], event["triggerSource"]) == (version[1], "TokenGeneration_Authentication")
    assert ("scopes" in event["request"]) == (version == "V2_0")
    assert (identity["tenant"], "email" in identity, identity["cognito:groups"]) == ("t1", False, ["extra"])
    assert identity["sub"] == access["sub"] != "other"
    assert (access.get("tenant"), access["scope"]) == (("t2", "more") if version == "V2_0" else (None, SCOPE))


@pytest.mark.parametrize(
    ("client", "name", "flow", "found"),
    [
        ({}, "bob", "USER_PASSWORD_AUTH", ("UserNotFoundException", "User does not exist.")),
        (
            {"PreventUserExistenceErrors": "ENABLED"},
            "bob",
            "USER_PASSWORD_AUTH",
            ("NotAuthorizedException", "Incorrect username or password."),
        ),
        (
            {"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"]},
            "ann",
            "USER_PASSWORD_AUTH",
            ("InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client"),
        ),
        ({}, "ann", "ADMIN_USER_PASSWORD_AUTH", ("InvalidParameterException", "Initiate Auth method not supported.")),
    ],
    ids=["nobody", "nobody-told-so", "flow", "administrators"],
)
def test_a_sign_in_is_refused(client: Mapping[str, Any], name: str, flow: str, found: tuple[str, str]) -> None:
    world = PoolWorld(client=client)
    world.confirmed()
    said = {"USERNAME": name, "PASSWORD": PASSWORD}
    assert refused(world, "InitiateAuth", ClientId=world.client, AuthFlow=flow, AuthParameters=said) == found


def test_an_administrator_signs_a_user_in_unless_disabled() -> None:
    world = PoolWorld()
    world.confirmed()
    asked = {
        "UserPoolId": world.pool,
        "ClientId": world.client,
        "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": "ann", "PASSWORD": PASSWORD},
    }
    assert "IdToken" in world.do("AdminInitiateAuth", **asked)["AuthenticationResult"]
    world.do("AdminDisableUser", UserPoolId=world.pool, Username="ann")
    assert refused(world, "AdminInitiateAuth", **asked) == ("NotAuthorizedException", "User is disabled.")


def test_a_client_with_a_secret_proves_it() -> None:
    world = PoolWorld(client={"GenerateSecret": True})
    proof = hmac.digest(world.secret.encode(), f"ann{world.client}".encode(), "sha256")
    world.do("AdminCreateUser", UserPoolId=world.pool, Username="ann", MessageAction="SUPPRESS")
    world.do("AdminSetUserPassword", UserPoolId=world.pool, Username="ann", Password=PASSWORD, Permanent=True)

    def asked(**more: str) -> dict[str, Any]:
        said = {"USERNAME": "ann", "PASSWORD": PASSWORD, **more}
        return {"ClientId": world.client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": said}

    assert refused(world, "InitiateAuth", **asked())[1].endswith("but SECRET_HASH was not received")
    assert refused(world, "InitiateAuth", **asked(SECRET_HASH="no"))[1].startswith("SecretHash does not match")
    answer = world.do("InitiateAuth", **asked(SECRET_HASH=base64.b64encode(proof).decode()))
    assert "IdToken" in answer["AuthenticationResult"]


def test_a_refresh_token_gives_tokens_until_the_user_signs_out() -> None:
    world = PoolWorld()
    world.confirmed()
    first = world.sign_in()["AuthenticationResult"]
    asked = {
        "ClientId": world.client,
        "AuthFlow": "REFRESH_TOKEN_AUTH",
        "AuthParameters": {"REFRESH_TOKEN": first["RefreshToken"]},
    }
    world.now += 10
    again = world.do("InitiateAuth", **asked)["AuthenticationResult"]
    claims = [json.loads(each["AccessToken"]) for each in (first, again)]
    assert "RefreshToken" not in again
    assert claims[0]["origin_jti"] == claims[1]["origin_jti"]
    assert [each["iat"] - each["auth_time"] for each in claims] == [0, 10]

    world.do("GlobalSignOut", AccessToken=again["AccessToken"])
    assert refused(world, "InitiateAuth", **asked) == ("NotAuthorizedException", "Invalid Refresh Token")
    assert refused(world, "GetUser", AccessToken=first["AccessToken"]) == (
        "NotAuthorizedException",
        "Access Token has been revoked",
    )


def test_a_function_brings_users_from_elsewhere() -> None:
    world = PoolWorld(LambdaConfig={"UserMigration": "arn:f"})
    world.answers["UserMigration"] = lambda event: (
        {"userAttributes": {"email": "old@example.com"}, "finalUserStatus": "CONFIRMED"}
        if event["request"]["password"] == PASSWORD
        else {}
    )

    assert world.claims("old")[0]["email"] == "old@example.com"
    with pytest.raises(PoolError, match="User does not exist"):
        world.sign_in("other", "wrong")


@pytest.mark.parametrize("settings", [{}, {"UsernameAttributes": ["email"]}], ids=["by name", "by address"])
def test_a_user_is_brought_from_elsewhere_once_also_by_two_at_the_same_time(settings: dict[str, Any]) -> None:
    world = PoolWorld(LambdaConfig={"UserMigration": "arn:f"}, **settings)
    name = "old@example.com"
    brought = {"userAttributes": {"email": name}, "finalUserStatus": "CONFIRMED"}
    subs = []

    def others_are_faster(_event: object) -> dict[str, Any]:
        world.answers["UserMigration"] = lambda _event: brought
        subs.append(world.claims(name)[0]["sub"])
        return brought

    world.answers["UserMigration"] = others_are_faster
    subs.append(world.claims(name)[0]["sub"])

    assert subs[0] == subs[1]
    assert len(world.do("ListUsers", UserPoolId=world.pool)["Users"]) == 1


def test_functions_ask_challenges_of_their_own_until_one_is_content() -> None:
    world = PoolWorld(
        LambdaConfig={
            "DefineAuthChallenge": "arn:d",
            "CreateAuthChallenge": "arn:c",
            "VerifyAuthChallengeResponse": "arn:v",
        }
    )

    def define(event: Mapping[str, Any]) -> dict[str, Any]:
        session = event["request"]["session"]
        if session and session[-1]["challengeResult"]:
            return {"issueTokens": True}
        return {"failAuthentication": True} if len(session) == 2 else {"challengeName": "CUSTOM_CHALLENGE"}

    world.answers["DefineAuthChallenge"] = define
    world.answers["CreateAuthChallenge"] = lambda _: {
        "publicChallengeParameters": {"hint": "colour"},
        "privateChallengeParameters": {"answer": "blue"},
        "challengeMetadata": "m",
    }
    world.answers["VerifyAuthChallengeResponse"] = lambda event: {
        "answerCorrect": event["request"]["challengeAnswer"] == event["request"]["privateChallengeParameters"]["answer"]
    }
    world.confirmed()

    def attempt(*answers: str) -> Any:
        said = {"USERNAME": "ann"}
        found = world.do("InitiateAuth", ClientId=world.client, AuthFlow="CUSTOM_AUTH", AuthParameters=said)
        for answer in answers:
            assert found["ChallengeParameters"] == {"USERNAME": "ann", "hint": "colour"}
            found = world.do(
                "RespondToAuthChallenge",
                ClientId=world.client,
                ChallengeName=found["ChallengeName"],
                Session=found["Session"],
                ChallengeResponses={"USERNAME": "ann", "ANSWER": answer},
            )
        return found

    assert "IdToken" in attempt("red", "blue")["AuthenticationResult"]
    with pytest.raises(PoolError, match="Incorrect username or password"):
        attempt("red", "green")


def test_a_challenge_is_answered_once_and_in_time() -> None:
    world = PoolWorld()
    world.do("AdminCreateUser", UserPoolId=world.pool, Username="ann", TemporaryPassword=PASSWORD)
    asked = world.sign_in()
    world.now += 181
    said = {"USERNAME": "ann", "NEW_PASSWORD": f"{PASSWORD}2"}
    assert refused(
        world,
        "RespondToAuthChallenge",
        ClientId=world.client,
        ChallengeName=asked["ChallengeName"],
        Session=asked["Session"],
        ChallengeResponses=said,
    ) == ("NotAuthorizedException", "Invalid session for the user, session is expired.")


# Secure Remote Password: the client's side as RFC 5054 has it, written down once more


def client_proof(challenge: Mapping[str, str], name: str, password: str, secret_a: int, timestamp: str) -> str:
    def digest(*parts: bytes) -> int:
        return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")

    def number(value: int) -> bytes:
        text = f"{value:x}"
        text = f"0{text}" if len(text) % 2 else text
        return bytes.fromhex(f"00{text}" if text[0] in "89abcdef" else text)

    b_public, salt = int(challenge["SRP_B"], 16), int(challenge["SALT"], 16)
    a_public = pow(2, secret_a, srp.N)
    inner = hashlib.sha256(f"{name}{challenge['USER_ID_FOR_SRP']}:{password}".encode()).digest()
    x, u, k = digest(number(salt), inner), digest(number(a_public), number(b_public)), digest(number(srp.N), number(2))
    shared = pow(b_public - k * pow(2, x, srp.N), secret_a + u * x, srp.N)
    key = hmac.digest(hmac.digest(number(u), number(shared), "sha256"), b"Caldera Derived Key\x01", "sha256")[:16]
    block = base64.b64decode(challenge["SECRET_BLOCK"])
    told = f"{name}{challenge['USER_ID_FOR_SRP']}".encode() + block + timestamp.encode()
    return base64.b64encode(hmac.digest(key, told, "sha256")).decode()


@settings(max_examples=6, deadline=None)
@given(secret_a=st.integers(2, 2**256), password=st.sampled_from([PASSWORD, "Wr0ng-pass", ""]))
def test_a_password_is_proved_without_being_sent(secret_a: int, password: str) -> None:
    world = PoolWorld()
    world.confirmed()
    sent = {"USERNAME": "ann", "SRP_A": f"{pow(2, secret_a, srp.N):x}"}
    asked = world.do("InitiateAuth", ClientId=world.client, AuthFlow="USER_SRP_AUTH", AuthParameters=sent)
    shown = asked["ChallengeParameters"]
    timestamp = "Fri Nov 27 11:00:00 UTC 2026"
    proof = client_proof(shown, world.pool.partition("_")[2], password, secret_a, timestamp)
    answer = {
        "ClientId": world.client,
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeResponses": {
            "USERNAME": "ann",
            "PASSWORD_CLAIM_SECRET_BLOCK": shown["SECRET_BLOCK"],
            "PASSWORD_CLAIM_SIGNATURE": proof,
            "TIMESTAMP": timestamp,
        },
    }
    if password == PASSWORD:
        assert "IdToken" in world.do("RespondToAuthChallenge", **answer)["AuthenticationResult"]
    else:
        assert refused(world, "RespondToAuthChallenge", **answer)[1] == "Incorrect username or password."


def test_a_public_value_that_gives_the_key_away_is_refused() -> None:
    world = PoolWorld()
    world.confirmed()
    said = {"USERNAME": "ann", "SRP_A": f"{srp.N * 2:x}"}
    assert refused(world, "InitiateAuth", ClientId=world.client, AuthFlow="USER_SRP_AUTH", AuthParameters=said)[0] == (
        "NotAuthorizedException"
    )
