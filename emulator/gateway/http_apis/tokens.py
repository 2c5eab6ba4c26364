"""Signatures of the tokens that JWT authorizers ask for, by the keys that their issuers publish."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from streamer.auth import without_scheme
from streamer.errors import ConfigurationError
from streamer.handlers.jwks import PublishedKeys, fetch

from ...port.aws_names import is_aws

_JWS: Final = PyJWS()
TOKEN_CHARACTERS: Final = 8192
ALGORITHM: Final = "RS256"
"""API Gateway takes RSA's signatures alone; [?] others than this of them. [DOC] apigw-docs:http-api-jwt-authorizer"""
KEYS_BYTES: Final = 150_000
"""Most that an issuer's set of keys may have. [DOC] apigw-docs:http-api-quotas"""
DISCOVERY: Final = "/.well-known/openid-configuration"


class TokenError(ValueError):
    """A token proves nothing; the text says why, without the token."""

    def __init__(self, text: str, told: str = "") -> None:
        """``told`` is what AWS tells the client of it; empty: not known."""
        super().__init__(text)
        self.told = told


class Tokens:
    """Verifies tokens, and keeps the keys of each issuer."""

    def __init__(self, home: str) -> None:
        """``home`` is the emulator's own address, where services of AWS are asked for: nothing reaches AWS itself."""
        self._home = home
        self._issuers: dict[str, PublishedKeys] = {}

    async def claims(self, token: str, issuers: tuple[str, ...]) -> Mapping[str, Any]:
        """The claims of a token that one of the keys of an issuer signed: of the one it names, or else of the first.

        ``Bearer`` before it may be left out. [DOC] apigw-docs:http-api-jwt-authorizer

        Raises:
            TokenError: none did.
        """
        return await asyncio.to_thread(self._claims, without_scheme(token), issuers)

    def _claims(self, token: str, issuers: tuple[str, ...]) -> Mapping[str, Any]:
        if len(token) > TOKEN_CHARACTERS:
            raise TokenError("it is too long")
        try:
            parts = _JWS.decode_complete(token, options={"verify_signature": False})
            claims = json.loads(parts["payload"])
            key_id, algorithm = parts["header"].get("kid"), parts["header"].get("alg")
            # A token that names no key would be one of the only key to others than AWS.
            named = claims.get("iss") if isinstance(claims, dict) else None
            issuer = named if named in issuers else next(iter(issuers), "")
            key = self._keys(issuer)(key_id) if isinstance(key_id, str) else None
        except (PyJWTError, ValueError, RecursionError) as error:
            # [USR] the header that a client got
            told = "" if token.count(".") == 2 else "token contains an invalid number of segments"
            raise TokenError("it is no token", told) from error
        except (ConfigurationError, OSError) as error:
            raise TokenError(str(error)) from error
        if key is None or algorithm != key.algorithm or not isinstance(claims, dict):
            raise TokenError(f"no key of the issuer has its kid, {key_id!r:.60}, and its alg, {algorithm!r:.20}")
        if algorithm != ALGORITHM:
            raise TokenError(f"API Gateway takes signatures of RSA alone, and it has one of {algorithm}")
        verifier = _JWS.get_algorithm_by_name(key.algorithm)
        if not verifier.verify(token.rpartition(".")[0].encode(), key.key, parts["signature"]):
            raise TokenError("its signature is wrong")
        return claims

    def _keys(self, issuer: str) -> PublishedKeys:
        found = self._issuers.get(issuer)
        if found is None:
            found = PublishedKeys(issuer, monotonic=time.monotonic, fetch=self._published)
            self._issuers[issuer] = found
        return found

    def _published(self, issuer: str) -> bytes:
        """The issuer's keys: its discovery document says where they are. [DOC] apigw-docs:http-api-jwt-authorizer"""
        document = json.loads(self._fetch(issuer.rstrip("/") + DISCOVERY))
        where = document.get("jwks_uri") if isinstance(document, dict) else None
        if isinstance(where, str):
            found = self._fetch(where)
            if len(found) > KEYS_BYTES:
                raise ValueError(f"they are more than {KEYS_BYTES:,} bytes, which is all that API Gateway reads")
            return found
        raise ValueError(f"{issuer}{DISCOVERY} names no jwks_uri")

    def _fetch(self, url: str) -> bytes:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise ValueError(f"{url} is no address of keys")
        if not is_aws(parts.netloc):
            return fetch(url)
        return fetch(f"{self._home}{parts.path}", host=parts.netloc)
