"""Tokens of an identity provider that publishes its keys: which are good, and how often it is asked."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from rsa_keys import FIRST, SECOND, SMALL

from streamer import auth
from streamer.auth import KeysById, Principal, principal_of
from streamer.errors import AuthError, ConfigurationError
from streamer.handlers.jwks import FIRST_PAUSE_SECONDS, FRESH_SECONDS, PAUSE_SECONDS, PublishedKeys
from streamer.settings import Settings

NOW = 1_767_268_800.0
ISSUER = "https://idp.example.com/"
URL = f"{ISSUER}jwks.json"
SETTINGS = Settings(jwt_jwks_url=URL, jwt_issuer=ISSUER, jwt_audience="chat")
CURVE = ec.generate_private_key(ec.SECP256R1())


class Provider:
    """An identity provider: what it publishes, whether it answers, how often it was asked. A Fetch."""

    def __init__(self, **keys: Any) -> None:
        self.keys = keys
        self.is_up = True
        self.asked = 0
        self.seconds = 0.0
        self.content: bytes | None = None

    def __call__(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        if not self.is_up:
            raise OSError("connection refused")
        return self.content if self.content is not None else json.dumps({"keys": self._listed()}).encode()

    def _listed(self) -> list[dict[str, Any]]:
        found = []
        for key_id, key in self.keys.items():
            algorithm = (
                jwt.algorithms.ECAlgorithm
                if isinstance(key, ec.EllipticCurvePrivateKey)
                else (jwt.algorithms.RSAAlgorithm)
            )
            found.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": key_id, "use": "sig"})
        return found

    def published(self) -> PublishedKeys:
        return PublishedKeys(URL, monotonic=lambda: self.seconds, fetch=self)


def token(key: Any = FIRST, key_id: str | None = "first", algorithm: str = "RS256", **claims: Any) -> str:
    content = {"sub": "ada", "tenant_id": "acme", "iss": ISSUER, "aud": "chat", "exp": NOW + 60, **claims}
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(content, key, algorithm, headers={} if key_id is None else {"kid": key_id})


def reason(text: str, published: KeysById, settings: Settings = SETTINGS) -> str:
    with pytest.raises(AuthError) as caught:
        principal_of(text, settings, NOW, published)
    return caught.value.reason


def test_a_token_signed_with_a_published_key_is_good() -> None:
    provider = Provider(first=FIRST, curve=CURVE)
    published = provider.published()

    assert principal_of(token(), SETTINGS, NOW, published) == Principal("ada", "acme")
    assert principal_of(token(CURVE, "curve", "ES256"), SETTINGS, NOW, published) == Principal("ada", "acme")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(token(SECOND), auth.SIGNATURE_INVALID, id="another key under this id"),
        pytest.param(token(key_id="third"), auth.KEY_UNKNOWN, id="unknown key id"),
        pytest.param(token(key_id=None), auth.KEY_UNKNOWN, id="no key id, of two keys"),
        pytest.param(token(iss="https://other.example.com/"), auth.ISSUER_WRONG, id="wrong issuer"),
        pytest.param(token(aud="mail"), auth.AUDIENCE_WRONG, id="wrong audience"),
        pytest.param(token(aud=None), auth.AUDIENCE_WRONG, id="no audience"),
        pytest.param(token(exp=NOW - 1), auth.TOKEN_EXPIRED, id="expired"),
        pytest.param(token("s" * 32, algorithm="HS256"), auth.ALGORITHM_NOT_ALLOWED, id="a secret's algorithm"),
        pytest.param(token(tenant_id=None), auth.CLAIM_MISSING, id="of no tenant"),
    ],
)
def test_what_proves_nothing_is_refused(given: str, expected: str) -> None:
    assert reason(given, Provider(first=FIRST, curve=CURVE).published()) == expected


def test_the_public_key_as_a_secret_gets_nowhere() -> None:
    document = Provider(first=FIRST)
    public = json.loads(document(URL))["keys"][0]["n"]

    assert reason(token(public, algorithm="HS256"), document.published()) == auth.ALGORITHM_NOT_ALLOWED


def test_an_access_token_of_cognito_is_for_its_client() -> None:
    published = Provider(first=FIRST).published()

    assert principal_of(token(aud=None, client_id="chat"), SETTINGS, NOW, published).user_id == "ada"
    assert reason(token(aud=None, client_id="mail"), published) == auth.AUDIENCE_WRONG


def test_a_single_key_needs_no_id() -> None:
    assert principal_of(token(key_id=None), SETTINGS, NOW, Provider(only=FIRST).published()).user_id == "ada"


def test_claims_of_other_names_say_who_and_what() -> None:
    settings = Settings(
        jwt_jwks_url=URL,
        jwt_issuer=ISSUER,
        jwt_user_claim="email",
        jwt_tenant_claim="custom:tenant",
        jwt_permissions_claim="scope",
    )
    claims = {"email": "ada@example.com", "custom:tenant": "acme", "scope": "reports topics:publish"}

    found = principal_of(token(**claims), settings, NOW, Provider(first=FIRST).published())

    assert found == Principal("ada@example.com", "acme", frozenset({"reports", "topics:publish"}))


def test_the_provider_is_asked_once_for_many_connections() -> None:
    provider = Provider(first=FIRST)
    published = provider.published()
    for _ in range(100):
        principal_of(token(), SETTINGS, NOW, published)

    assert provider.asked == 1


def test_a_rotated_key_is_noticed_and_the_old_one_forgotten_in_time() -> None:
    provider = Provider(first=FIRST)
    published = provider.published()
    principal_of(token(), SETTINGS, NOW, published)
    provider.keys = {"second": SECOND}
    provider.seconds += PAUSE_SECONDS

    assert principal_of(token(SECOND, "second"), SETTINGS, NOW, published).user_id == "ada"
    assert reason(token(), published) == auth.KEY_UNKNOWN


def test_unknown_keys_have_the_provider_asked_once_a_minute_at_most() -> None:
    provider = Provider(first=FIRST)
    published = provider.published()
    for number in range(100):
        assert reason(token(key_id=f"made up {number}"), published) == auth.KEY_UNKNOWN
        provider.seconds += 1.0

    assert provider.asked == 2


@pytest.mark.parametrize("content", [None, b"<html>", b'{"keys": []}', b"[]", b"x" * 300_000])
def test_known_keys_go_on_counting_while_the_provider_cannot_be_read(content: bytes | None) -> None:
    provider = Provider(first=FIRST)
    published = provider.published()
    principal_of(token(), SETTINGS, NOW, published)
    provider.is_up, provider.content = content is not None, content
    provider.seconds += FRESH_SECONDS + 1

    assert principal_of(token(), SETTINGS, NOW, published).user_id == "ada"
    assert provider.asked == 2


def test_without_any_key_it_is_our_fault_and_tried_again_after_seconds() -> None:
    provider = Provider(first=FIRST)
    provider.is_up = False
    published = provider.published()
    for _ in range(3):
        with pytest.raises(ConfigurationError, match=URL):
            principal_of(token(), SETTINGS, NOW, published)
    provider.is_up = True
    provider.seconds += FIRST_PAUSE_SECONDS

    assert principal_of(token(), SETTINGS, NOW, published).user_id == "ada"
    assert provider.asked == 2


@pytest.mark.parametrize(
    "changes",
    [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct"}, {"n": "!"}, {"n": None}, {"kty": 5}, {"kid": ["first"]}],
    ids=["for encryption", "of another algorithm", "a secret", "garbled", "without its number", "of no kind", "no id"],
)
def test_keys_that_verify_nothing_here_are_left_out(changes: dict[str, Any]) -> None:
    provider = Provider(first=FIRST, second=SECOND)
    document = json.loads(provider(URL))
    document["keys"][0] |= changes
    provider.content = json.dumps(document).encode()

    assert reason(token(), provider.published()) == auth.KEY_UNKNOWN


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_small_keys_are_left_out() -> None:
    provider = Provider(small=SMALL, second=SECOND)

    assert reason(token(SMALL, "small"), provider.published()) == auth.KEY_UNKNOWN


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        pytest.param({"JWT_JWKS_URL": "http://idp.example.com/jwks"}, "https URL", id="not encrypted"),
        pytest.param({"JWT_JWKS_URL": "idp.example.com"}, "https URL", id="no URL"),
        pytest.param({"JWT_JWKS_URL": URL}, "needs JWT_ISSUER", id="any issuer"),
        pytest.param({"JWT_JWKS_URL": URL, "JWT_SECRET": "s" * 32}, "both set", id="a secret, too"),
    ],
)
def test_settings_that_would_let_others_in_are_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Settings.from_environ(environment)
