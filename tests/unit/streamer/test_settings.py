from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import ConfigurationError
from streamer.settings import Settings

SECRET = "s" * 32
PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"


def read(**environ: str) -> Settings:
    return Settings.from_environ(environ)


def test_an_empty_environment_is_production_with_the_documented_defaults() -> None:
    assert read() == Settings(
        production=True,
        table_prefix="streamer_",
        stage="dev",
        service="streamer",
        log_level="INFO",
        connection_ttl_seconds=86_400,
        request_ttl_seconds=604_800,
        queue_threshold_seconds=5.0,
    )


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        pytest.param("JWT_SECRET", SECRET, "jwt_secret", SECRET, id="secret"),
        pytest.param("JWT_PUBLIC_KEY", PUBLIC_KEY, "jwt_public_key", PUBLIC_KEY, id="public key"),
        pytest.param(
            "JWT_PUBLIC_KEY", PUBLIC_KEY.replace("\n", "\\n"), "jwt_public_key", PUBLIC_KEY, id="key on one line"
        ),
        pytest.param("JWT_ISSUER", "https://id.example", "jwt_issuer", "https://id.example", id="issuer"),
        pytest.param("JWT_AUDIENCE", "shop", "jwt_audience", "shop", id="audience"),
        pytest.param("ALLOWED_TENANTS", "a, b,,a", "allowed_tenants", frozenset({"a", "b"}), id="tenants"),
        pytest.param("TABLE_PREFIX", "shop-dev.", "table_prefix", "shop-dev.", id="table prefix"),
        pytest.param("STREAMER_APP", "shop.service:app", "app", "shop.service:app", id="app"),
        pytest.param("STREAMER_STAGE", "prod", "stage", "prod", id="stage"),
        pytest.param("STREAMER_SERVICE", "shop", "service", "shop", id="service"),
        pytest.param("STREAMER_ENV", "development", "production", False, id="development"),
        pytest.param("STREAMER_ENV", "Production", "production", True, id="production, any case"),
        pytest.param("LOG_LEVEL", "debug", "log_level", "DEBUG", id="log level, any case"),
        pytest.param("CONNECTION_TTL_SECONDS", "60", "connection_ttl_seconds", 60, id="connection ttl"),
        pytest.param("REQUEST_TTL_SECONDS", "900", "request_ttl_seconds", 900, id="request ttl"),
        pytest.param("QUEUE_THRESHOLD_SECONDS", "0.5", "queue_threshold_seconds", 0.5, id="threshold"),
        pytest.param("QUEUE_THRESHOLD_SECONDS", "0", "queue_threshold_seconds", 0.0, id="threshold of nothing"),
    ],
)
def test_a_variable_sets_its_field(name: str, value: str, field: str, expected: object) -> None:
    assert getattr(read(**{name: value}), field) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("JWT_SECRET", "short", id="a secret too short for HS256"),
        pytest.param("JWT_SECRET", PUBLIC_KEY, id="a public key as a secret"),
        pytest.param("JWT_PUBLIC_KEY", "ssh-rsa AAAA", id="not PEM"),
        pytest.param("JWT_PUBLIC_KEY", "-----BEGIN PRIVATE KEY-----\nMFkw", id="a private key"),
        pytest.param("ALLOWED_TENANTS", " , ", id="tenants that are none"),
        pytest.param("TABLE_PREFIX", "a b", id="a blank in a table name"),
        pytest.param("STREAMER_APP", "app", id="an app without attribute"),
        pytest.param("STREAMER_STAGE", "$default", id="a stage that WebSocket APIs cannot have"),
        pytest.param("STREAMER_ENV", "staging", id="an unknown environment"),
        pytest.param("LOG_LEVEL", "LOUD", id="an unknown level"),
        pytest.param("CONNECTION_TTL_SECONDS", "1.5", id="a fraction"),
        pytest.param("CONNECTION_TTL_SECONDS", "0", id="zero"),
        pytest.param("REQUEST_TTL_SECONDS", "-1", id="negative"),
        pytest.param("REQUEST_TTL_SECONDS", "899", id="results that are gone before an attempt ends"),
        pytest.param("REQUEST_TTL_SECONDS", "9" * 5000, id="astronomical"),
        pytest.param("QUEUE_THRESHOLD_SECONDS", "soon", id="no number"),
        pytest.param("QUEUE_THRESHOLD_SECONDS", "nan", id="not a number"),
        pytest.param("QUEUE_THRESHOLD_SECONDS", "inf", id="infinite"),
    ],
)
def test_nonsense_is_refused_in_one_line_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        read(**{name: value})

    assert "\n" not in str(caught.value)


def test_a_refused_secret_is_not_in_the_message() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(JWT_SECRET="hunter2")

    assert "hunter2" not in str(caught.value)


def test_a_short_secret_is_fine_in_development() -> None:
    assert read(JWT_SECRET="short", STREAMER_ENV="development").jwt_secret == "short"


def test_an_empty_variable_counts_as_unset() -> None:
    names = ["JWT_SECRET", "JWT_PUBLIC_KEY", "ALLOWED_TENANTS", "TABLE_PREFIX", "STREAMER_ENV", "REQUEST_TTL_SECONDS"]
    assert read(**dict.fromkeys(names, "")) == read()


def test_secrets_do_not_show_in_the_repr() -> None:
    settings = Settings(jwt_secret="hunter2hunter2", jwt_public_key="PEM-TEXT")

    assert "hunter2" not in repr(settings)
    assert "PEM-TEXT" not in repr(settings)


def test_metrics_carry_service_and_stage() -> None:
    assert Settings(service="shop", stage="prod").metric_dimensions == {"Service": "shop", "Stage": "prod"}


NAMES = [
    "JWT_SECRET",
    "JWT_PUBLIC_KEY",
    "ALLOWED_TENANTS",
    "TABLE_PREFIX",
    "STREAMER_APP",
    "STREAMER_ENV",
    "LOG_LEVEL",
    "CONNECTION_TTL_SECONDS",
    "QUEUE_THRESHOLD_SECONDS",
]


@given(st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_any_environment_gives_settings_or_a_configuration_error(environ: dict[str, str]) -> None:
    with contextlib.suppress(ConfigurationError):
        assert Settings.from_environ(environ).request_ttl_seconds > 0
