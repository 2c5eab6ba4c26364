from __future__ import annotations

import base64
import json
import math
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from rsa_keys import FIRST, SECOND, SMALL

from streamer import auth
from streamer.auth import Authenticated, Principal, authenticate, mint, principal_of
from streamer.errors import AuthError, ConfigurationError, TenantNotAllowedError
from streamer.settings import Settings, wanted_of

NOW = 1_767_268_800.5
SECRET = "a development secret of 32 bytes!"
HS = Settings(jwt_secret=SECRET)
ADA = Principal("ada", "acme", frozenset({"reports"}))


def pems(key: Any) -> tuple[str, str]:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


RSA_PRIVATE, RSA_PUBLIC = pems(FIRST)
OTHER_RSA_PRIVATE, _ = pems(SECOND)
EC_PRIVATE, EC_PUBLIC = pems(ec.generate_private_key(ec.SECP256R1()))
_, P384_PUBLIC = pems(ec.generate_private_key(ec.SECP384R1()))
_, SMALL_RSA_PUBLIC = pems(SMALL)


def token(key: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return mint(
        key, user_id="ada", tenant_id="acme", permissions=["reports"], now=NOW, claims=claims, algorithm=algorithm
    )


def without(*names: str, **others: Any) -> str:
    """A well signed token that lacks some claims."""
    claims = {"user_id": "ada", "tenant_id": "acme", "permissions": [], "exp": NOW + 60, **others}
    return signed({name: value for name, value in claims.items() if name not in names})


def signed(claims: Any, header: dict[str, Any] | None = None) -> str:
    algorithm = jwt.PyJWS().get_algorithm_by_name("HS256")
    text = f"{segment(header or {'alg': 'HS256'})}.{segment(claims)}"
    return f"{text}.{encoded(algorithm.sign(text.encode(), SECRET.encode()))}"


def segment(content: Any) -> str:
    return encoded(json.dumps(content).encode())


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def event(query: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    built: dict[str, Any] = {"headers": headers or {}, "requestContext": {}}
    if query is not None:
        built["queryStringParameters"] = query
    return built


def reason(event_: dict[str, Any], settings: Settings = HS) -> str:
    with pytest.raises(AuthError) as caught:
        authenticate(event_, settings, NOW)
    return caught.value.reason


GOOD = token()


@pytest.mark.parametrize(
    ("given_event", "subprotocol"),
    [
        pytest.param(event({"Authorization": GOOD}), None, id="query"),
        pytest.param(event({"Authorization": f"Bearer {GOOD}"}), None, id="query with Bearer"),
        pytest.param(event({"Authorization": f"bearer  {GOOD} "}), None, id="scheme in lower case, blanks"),
        pytest.param(event(headers={"Authorization": f"Bearer {GOOD}"}), None, id="header"),
        pytest.param(event(headers={"authorization": GOOD}), None, id="header in lower case, without Bearer"),
        pytest.param(event(headers={"AUTHORIZATION": f"Bearer {GOOD}"}), None, id="header in upper case"),
        pytest.param(event({"Authorization": ""}, {"Authorization": GOOD}), None, id="empty query, header"),
        pytest.param(event({"Authorization": GOOD}, {"Authorization": "Basic x"}), None, id="query before header"),
        pytest.param(
            event(headers={"Sec-WebSocket-Protocol": f"streamer.v1, bearer.{GOOD}"}), "streamer.v1", id="subprotocol"
        ),
        pytest.param(
            event(headers={"sec-websocket-protocol": f"bearer.{GOOD},streamer.v1"}), "streamer.v1", id="other order"
        ),
        pytest.param(
            event({"Authorization": GOOD}, {"Sec-WebSocket-Protocol": "streamer.v1"}),
            "streamer.v1",
            id="an offered subprotocol is answered wherever the token came from",
        ),
        pytest.param(
            event(headers={"Sec-WebSocket-Protocol": f"bearer.{GOOD}"}), None, id="the token itself is never echoed"
        ),
        pytest.param(
            event({"Authorization": GOOD}, {"Sec-WebSocket-Protocol": "chat.v2"}), None, id="an unknown subprotocol"
        ),
    ],
)
def test_a_token_is_found_where_clients_can_put_it(given_event: dict[str, Any], subprotocol: str | None) -> None:
    assert authenticate(given_event, HS, NOW) == Authenticated(ADA, subprotocol)


@pytest.mark.parametrize(
    "given_event",
    [
        pytest.param(event(), id="nowhere"),
        pytest.param({"requestContext": {}}, id="no headers at all"),
        pytest.param({"headers": None, "queryStringParameters": None}, id="nulls"),
        pytest.param(event({"authorization": GOOD}), id="query parameter in lower case is another parameter"),
        pytest.param(event({"Authorization": "Bearer "}), id="a scheme without a token"),
        pytest.param(event(headers={"Sec-WebSocket-Protocol": "streamer.v1, bearer."}), id="an empty offer"),
    ],
)
def test_no_token_is_missing(given_event: dict[str, Any]) -> None:
    assert reason(given_event) == auth.TOKEN_MISSING


@pytest.mark.parametrize(
    ("private", "public", "algorithm"),
    [
        pytest.param(RSA_PRIVATE, RSA_PUBLIC, "RS256", id="RS256"),
        pytest.param(EC_PRIVATE, EC_PUBLIC, "ES256", id="ES256"),
    ],
)
def test_a_public_key_verifies_its_own_algorithm(private: str, public: str, algorithm: str) -> None:
    assert principal_of(token(private, algorithm), Settings(jwt_public_key=public), NOW) == ADA


def test_secret_and_public_key_together_each_verify_their_own() -> None:
    both = Settings(jwt_secret=SECRET, jwt_public_key=RSA_PUBLIC)

    assert principal_of(GOOD, both, NOW) == ADA
    assert principal_of(token(RSA_PRIVATE, "RS256"), both, NOW) == ADA


def forged_with_public_key() -> str:
    """HS256 over the text of the public key: the classic key confusion."""
    import hashlib
    import hmac

    text = f"{segment({'alg': 'HS256'})}.{segment({'user_id': 'ada', 'tenant_id': 'acme', 'exp': NOW + 60})}"
    return f"{text}.{encoded(hmac.digest(RSA_PUBLIC.encode(), text.encode(), hashlib.sha256))}"


RS = Settings(jwt_public_key=RSA_PUBLIC)
CLAIMS = {"user_id": "ada", "tenant_id": "acme", "exp": NOW + 60}


@pytest.mark.parametrize(
    ("bad", "settings", "expected"),
    [
        pytest.param("x", HS, auth.TOKEN_MALFORMED, id="no dots"),
        pytest.param("a.b.c", HS, auth.TOKEN_MALFORMED, id="not base64 of JSON"),
        pytest.param("..", HS, auth.TOKEN_MALFORMED, id="only dots"),
        pytest.param("Basic dXNlcg==", HS, auth.TOKEN_MALFORMED, id="another scheme"),
        pytest.param(GOOD + "\ud800", HS, auth.TOKEN_MALFORMED, id="a lone surrogate"),
        pytest.param(GOOD + "é", HS, auth.TOKEN_MALFORMED, id="not ASCII"),
        pytest.param(signed({**CLAIMS, "more": "x" * 9000}), HS, auth.TOKEN_MALFORMED, id="too long"),
        pytest.param(signed(["claims"]), HS, auth.TOKEN_MALFORMED, id="claims are a list"),
        pytest.param(signed(None), HS, auth.TOKEN_MALFORMED, id="claims are null"),
        pytest.param(GOOD[:-2], HS, auth.TOKEN_MALFORMED, id="a cut signature"),
        pytest.param(GOOD.rpartition(".")[0] + ".", HS, auth.SIGNATURE_INVALID, id="no signature"),
        pytest.param(token("another secret of thirty-two byte"), HS, auth.SIGNATURE_INVALID, id="another secret"),
        pytest.param(
            ".".join([GOOD.split(".")[0], segment(CLAIMS | {"user_id": "eve"}), GOOD.split(".")[2]]),
            HS,
            auth.SIGNATURE_INVALID,
            id="other claims under the same signature",
        ),
        pytest.param(
            f"{segment({'alg': 'none'})}.{segment(CLAIMS)}.", HS, auth.ALGORITHM_NOT_ALLOWED, id="alg none, unsigned"
        ),
        pytest.param(signed(CLAIMS, {"alg": "none"}), HS, auth.ALGORITHM_NOT_ALLOWED, id="alg none, signed"),
        pytest.param(signed(CLAIMS, {"alg": "None"}), HS, auth.ALGORITHM_NOT_ALLOWED, id="alg None"),
        pytest.param(signed(CLAIMS, {"alg": "HS512"}), HS, auth.ALGORITHM_NOT_ALLOWED, id="alg HS512"),
        pytest.param(signed(CLAIMS, {"alg": None}), HS, auth.ALGORITHM_NOT_ALLOWED, id="alg null"),
        pytest.param(signed(CLAIMS, {"alg": ["HS256"]}), HS, auth.ALGORITHM_NOT_ALLOWED, id="alg is a list"),
        pytest.param(signed(CLAIMS, {"typ": "JWT"}), HS, auth.ALGORITHM_NOT_ALLOWED, id="no alg"),
        pytest.param(forged_with_public_key(), RS, auth.ALGORITHM_NOT_ALLOWED, id="public key as HMAC secret"),
        pytest.param(GOOD, RS, auth.ALGORITHM_NOT_ALLOWED, id="HS256 where only RS256 is configured"),
        pytest.param(token(RSA_PRIVATE, "RS256"), HS, auth.ALGORITHM_NOT_ALLOWED, id="RS256 where only HS256 is"),
        pytest.param(token(EC_PRIVATE, "ES256"), RS, auth.ALGORITHM_NOT_ALLOWED, id="ES256 where an RSA key is"),
        pytest.param(token(OTHER_RSA_PRIVATE, "RS256"), RS, auth.SIGNATURE_INVALID, id="another RSA key"),
        pytest.param(token(exp=NOW - 1), HS, auth.TOKEN_EXPIRED, id="expired"),
        pytest.param(token(exp=NOW), HS, auth.TOKEN_EXPIRED, id="expires now"),
        pytest.param(token(exp=-math.inf), HS, auth.CLAIM_INVALID, id="exp is minus infinity"),
        pytest.param(token(exp=math.inf), HS, auth.CLAIM_INVALID, id="exp is infinity"),
        pytest.param(token(exp=math.nan), HS, auth.CLAIM_INVALID, id="exp is not a number"),
        pytest.param(token(exp=str(NOW + 60)), HS, auth.CLAIM_INVALID, id="exp is a string"),
        pytest.param(token(exp=True), HS, auth.CLAIM_INVALID, id="exp is a boolean"),
        pytest.param(token(exp=None), HS, auth.CLAIM_MISSING, id="exp is null"),
        pytest.param(without("exp"), HS, auth.CLAIM_MISSING, id="no exp"),
        pytest.param(token(iat=NOW + 61), HS, auth.ISSUED_IN_FUTURE, id="issued in over a minute"),
        pytest.param(token(iat="now"), HS, auth.CLAIM_INVALID, id="iat is a string"),
        pytest.param(token(nbf=NOW + 61), HS, auth.TOKEN_NOT_YET_VALID, id="not before over a minute"),
        pytest.param(without("user_id"), HS, auth.CLAIM_MISSING, id="neither user_id nor sub"),
        pytest.param(token(user_id=7), HS, auth.CLAIM_INVALID, id="user_id is a number"),
        pytest.param(token(user_id="", sub="ada"), HS, auth.CLAIM_INVALID, id="user_id is empty, though sub is not"),
        pytest.param(token(user_id="a\x00b"), HS, auth.CLAIM_INVALID, id="a control character"),
        pytest.param(token(user_id="\ud800"), HS, auth.CLAIM_INVALID, id="user_id no database can store"),
        pytest.param(token(user_id="u" * 257), HS, auth.CLAIM_INVALID, id="user_id too long for a key"),
        pytest.param(token(user_id=" "), HS, auth.CLAIM_INVALID, id="user_id of a blank"),
        pytest.param(token(user_id="ada "), HS, auth.CLAIM_INVALID, id="user_id that ends with a blank"),
        pytest.param(token(tenant_id=" acme"), HS, auth.CLAIM_INVALID, id="tenant_id that begins with a blank"),
        pytest.param(without("tenant_id"), HS, auth.CLAIM_MISSING, id="no tenant"),
        pytest.param(token(tenant_id=["acme"]), HS, auth.CLAIM_INVALID, id="tenant is a list"),
        pytest.param(token(permissions="admin"), HS, auth.CLAIM_INVALID, id="permissions are a string"),
        pytest.param(token(permissions=[1]), HS, auth.CLAIM_INVALID, id="a permission is a number"),
        pytest.param(token(permissions={"a": 1}), HS, auth.CLAIM_INVALID, id="permissions are an object"),
    ],
)
def test_a_bad_token_is_refused_with_its_reason(bad: str, settings: Settings, expected: str) -> None:
    assert reason(event({"Authorization": bad}), settings) == expected


@pytest.mark.parametrize(
    ("good", "principal"),
    [
        pytest.param(token(exp=NOW + 0.001), ADA, id="expires in a moment"),
        pytest.param(token(exp=10**400), ADA, id="expires never, as a huge integer"),
        pytest.param(token(iat=NOW + 60), ADA, id="issued in a minute, by a clock that is ahead"),
        pytest.param(token(nbf=NOW + 60), ADA, id="valid in a minute"),
        pytest.param(without("iat", permissions=["reports"]), ADA, id="no iat"),
        pytest.param(without("user_id", sub="ada", permissions=["reports"]), ADA, id="sub instead of user_id"),
        pytest.param(token(sub="someone-else"), ADA, id="user_id before sub"),
        pytest.param(without("permissions"), Principal("ada", "acme"), id="no permissions"),
        pytest.param(token(permissions=None), Principal("ada", "acme"), id="permissions are null"),
        pytest.param(token(aud="x", iss="y"), ADA, id="audience and issuer do not matter unless configured"),
        pytest.param(token(user_id="Ада 🙂"), Principal("Ада 🙂", "acme", ADA.permissions), id="not ASCII"),
    ],
)
def test_a_good_token_gives_its_principal(good: str, principal: Principal) -> None:
    assert principal_of(good, HS, NOW) == principal


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param({"iss": "https://id", "aud": "shop"}, None, id="right"),
        pytest.param({"iss": "https://id", "aud": ["other", "shop"]}, None, id="one of several audiences"),
        pytest.param({"aud": "shop"}, auth.ISSUER_WRONG, id="no issuer"),
        pytest.param({"iss": "https://id/", "aud": "shop"}, auth.ISSUER_WRONG, id="nearly the issuer"),
        pytest.param({"iss": ["https://id"], "aud": "shop"}, auth.ISSUER_WRONG, id="a list of issuers"),
        pytest.param({"iss": "https://id"}, auth.AUDIENCE_WRONG, id="no audience"),
        pytest.param({"iss": "https://id", "aud": "shops"}, auth.AUDIENCE_WRONG, id="another audience"),
        pytest.param({"iss": "https://id", "aud": {"shop": 1}}, auth.AUDIENCE_WRONG, id="audience is an object"),
    ],
)
def test_issuer_and_audience_are_checked_when_configured(claims: dict[str, Any], expected: str | None) -> None:
    settings = Settings(jwt_secret=SECRET, jwt_issuer="https://id", jwt_audience="shop")
    given_event = event({"Authorization": token(**claims)})

    if expected is None:
        assert authenticate(given_event, settings, NOW).principal == ADA
    else:
        assert reason(given_event, settings) == expected


def test_a_tenant_that_is_not_allowed_is_forbidden_rather_than_unauthorized() -> None:
    settings = Settings(jwt_secret=SECRET, allowed_tenants=frozenset({"globex"}))

    with pytest.raises(TenantNotAllowedError) as caught:
        principal_of(GOOD, settings, NOW)

    assert (caught.value.status, caught.value.reason) == (403, auth.TENANT_NOT_ALLOWED)


def test_one_of_several_tenants_that_are_allowed_is_let_in() -> None:
    settings = Settings(jwt_secret=SECRET, allowed_tenants=frozenset({"globex", ADA.tenant_id}))

    assert principal_of(GOOD, settings, NOW) == ADA


def test_an_expired_token_of_a_forbidden_tenant_is_just_unauthorized() -> None:
    settings = Settings(jwt_secret=SECRET, allowed_tenants=frozenset())

    with pytest.raises(AuthError) as caught:
        principal_of(token(exp=NOW - 1), settings, NOW)

    assert caught.value.status == 401


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(Settings(), id="no key"),
        pytest.param(Settings(jwt_secret=RSA_PUBLIC), id="a PEM key as secret"),
        pytest.param(Settings(jwt_public_key="-----BEGIN PUBLIC KEY-----\nnonsense"), id="an unreadable key"),
        pytest.param(Settings(jwt_public_key=P384_PUBLIC), id="another curve"),
        pytest.param(Settings(jwt_public_key=SMALL_RSA_PUBLIC), id="an RSA key that is too small"),
    ],
)
def test_an_unusable_key_is_our_fault_not_the_clients(settings: Settings) -> None:
    with pytest.raises(ConfigurationError):
        principal_of(GOOD, settings, NOW)


def test_minted_tokens_expire_when_they_should() -> None:
    minted = mint(SECRET, user_id="ada", tenant_id="acme", now=NOW, expires_in_seconds=10)

    assert principal_of(minted, HS, NOW + 9) == Principal("ada", "acme")
    with pytest.raises(AuthError):
        principal_of(minted, HS, NOW + 11)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"JWT_ISSUER": "https://id.example"}, id="issuer"),
        pytest.param({"JWT_AUDIENCE": " shop "}, id="audience"),
        pytest.param({"JWT_USER_CLAIM": "sub"}, id="user"),
        pytest.param({"JWT_TENANT_CLAIM": "custom:tenant"}, id="tenant"),
        pytest.param({"JWT_PERMISSIONS_CLAIM": "cognito:groups"}, id="permissions"),
        pytest.param({"JWT_PERMISSIONS_CLAIM": "scope"}, id="permissions as a scope"),
        pytest.param(
            {"JWT_ISSUER": "us", "JWT_AUDIENCE": "", "JWT_TENANT_CLAIM": "org", "LOG_LEVEL": "INFO"}, id="all"
        ),
        pytest.param({}, id="nothing"),
    ],
)
def test_minted_tokens_claim_what_the_service_is_told_to_want(told: dict[str, str]) -> None:
    settings = Settings.from_environ({"JWT_SECRET": SECRET, **told})

    minted = mint(SECRET, user_id="ada", tenant_id="acme", permissions=["b", "a"], now=NOW, wanted=wanted_of(told))

    assert principal_of(minted, settings, NOW) == Principal("ada", "acme", frozenset({"a", "b"}))


def test_a_claim_that_is_named_wins_over_what_the_service_wants() -> None:
    wanted = {"JWT_ISSUER": "us"}

    minted = mint(SECRET, user_id="ada", tenant_id="acme", now=NOW, wanted=wanted, claims={"iss": "them"})

    with pytest.raises(AuthError, match="issuer_wrong"):
        principal_of(minted, Settings(jwt_secret=SECRET, jwt_issuer="us"), NOW)


def test_minted_tokens_are_those_of_another_library() -> None:
    claims = jwt.decode(GOOD, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})

    assert claims["user_id"] == "ada"


@given(
    st.text(max_size=80)
    | st.from_regex(r"[\w+/=.-]{0,30}(ssh-rsa|ecdsa-sha2-nistp256|ssh-ed25519)?[\w+/=.-]{0,30}", fullmatch=True)
)
def test_any_secret_signs_as_another_library_does_or_is_refused(secret: str) -> None:
    algorithm = jwt.get_algorithm_by_name("HS256")
    try:
        key = algorithm.prepare_key(secret)
    except (jwt.PyJWTError, ValueError):
        key = None

    try:
        token = mint(secret, user_id="ada", tenant_id="acme", now=NOW)
    except ConfigurationError:
        assert key is None
    else:
        signed, _, signature = token.rpartition(".")
        assert algorithm.verify(signed.encode(), key, base64.urlsafe_b64decode(f"{signature}=="))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_minting_with_a_key_of_another_kind_says_so(algorithm: str) -> None:
    with pytest.raises(ConfigurationError, match=algorithm):
        token(SECRET, algorithm)


@given(st.text())
def test_any_text_is_a_token_or_an_auth_error(text: str) -> None:
    with pytest.raises(AuthError) as caught:
        principal_of(text, HS, NOW)

    assert caught.value.reason.isidentifier()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("user_id", "sub", "tenant_id", "permissions", "exp", "iat", "nbf"), json_values)
    )
)
def test_any_signed_claims_give_a_principal_of_strings_or_an_auth_error(claims: dict[str, Any]) -> None:
    try:
        principal = principal_of(signed(claims), HS, NOW)
    except AuthError:
        return

    assert principal.user_id.encode()
    assert principal.tenant_id.encode()
    assert all(isinstance(name, str) for name in principal.permissions)


@given(st.binary(min_size=1, max_size=8), st.integers(min_value=0))
def test_a_changed_byte_never_verifies(noise: bytes, position: int) -> None:
    raw = bytearray(GOOD.encode())
    place = position % len(raw)
    raw[place] ^= noise[0] & 0x7F or 1

    with pytest.raises(AuthError):
        principal_of(raw.decode(errors="replace"), HS, NOW)
