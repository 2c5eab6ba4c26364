"""Signing in: by password, by Secure Remote Password, by challenges of one's own, by a refresh token. Pure.

[DOC] cognito-api:API_InitiateAuth, API_AdminInitiateAuth, API_RespondToAuthChallenge, API_RevokeToken
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, structs

from .entities import (
    CONFIRMED,
    MUST_CHANGE,
    NOT_ALLOWED,
    RESET,
    UNCONFIRMED,
    WRONG,
    Client,
    Parameters,
    Pool,
    PoolError,
    User,
    required,
)
from .passwords import check_attributes, check_password
from .sign_up import check_hash, hash_of, nobody
from .srp import Exchange, N, is_right
from .state import Challenge, State
from .tokens import Session, result, seconds
from .triggers import Operation, Steps, fire, is_set
from .users import with_password

CHALLENGE_MINUTES: Final = 3.0
"""How long a challenge may wait, unless the client says."""
_PASSWORD: Final = {
    "USER_PASSWORD_AUTH": ("ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"),
    "ADMIN_USER_PASSWORD_AUTH": ("ALLOW_ADMIN_USER_PASSWORD_AUTH",),
    "ADMIN_NO_SRP_AUTH": ("ADMIN_NO_SRP_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"),
}
"""Flows with a password, and what of a client allows each."""
_REFRESH: Final = ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN")
_INCORRECT: Final = "Incorrect username or password."


class _Asked(Struct, frozen=True, kw_only=True):
    """One request to sign in, or its continuation."""

    pool: Pool
    client: Client
    given: Parameters
    now: float

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the client wants functions to know."""
        return self.given.get("ClientMetadata") or {}

    def fire(self, source: str, username: str, request: Mapping[str, Any], response: Mapping[str, Any]) -> Steps:
        """Run the function behind a source."""
        return fire(self.pool, source, username=username, client_id=self.client.id, request=request, response=response)


class SignIn:
    """Answers them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.operations: Mapping[str, Operation] = {
            "InitiateAuth": lambda given, now: self._begin(self._asked(given, now), is_admin=False),
            "AdminInitiateAuth": lambda given, now: self._begin(self._asked(given, now), is_admin=True),
            "RespondToAuthChallenge": self._respond,
            "AdminRespondToAuthChallenge": self._respond,
            "RevokeToken": self._revoke,
            "GetTokensFromRefreshToken": self._tokens_from,
        }

    def _asked(self, given: Parameters, now: float) -> _Asked:
        pool, client = self._state.client(given)
        return _Asked(pool=pool, client=client, given=given, now=now)

    def _begin(self, asked: _Asked, *, is_admin: bool) -> Steps:
        flow, said = required(asked.given, "AuthFlow"), asked.given.get("AuthParameters") or {}
        if flow in _REFRESH:
            answer = yield from self._refresh(asked, said)
            return answer
        if flow.startswith("ADMIN_") and not is_admin:
            raise PoolError(WRONG, "Initiate Auth method not supported.")
        name = required(said, "USERNAME")
        check_hash(asked.client, name, said.get("SECRET_HASH"))
        if flow in _PASSWORD:
            _check_flow(asked.client, flow, *_PASSWORD[flow])
            answer = yield from self._by_password(asked, name, str(said.get("PASSWORD") or ""))
        elif flow == "USER_SRP_AUTH":
            _check_flow(asked.client, flow, "ALLOW_USER_SRP_AUTH")
            answer = yield from self._by_srp(asked, _somebody(asked, name), str(said.get("SRP_A") or ""))
        elif flow == "CUSTOM_AUTH":
            _check_flow(asked.client, flow, "ALLOW_CUSTOM_AUTH", "CUSTOM_AUTH_FLOW_ONLY")
            answer = yield from self._next(asked, _somebody(asked, name), ())
        else:
            raise PoolError(WRONG, f"The auth flow {flow} is not emulated")
        return answer

    # by password

    def _by_password(self, asked: _Asked, name: str, password: str) -> Steps:
        user = asked.pool.find(name)
        if user is None:
            user = yield from self._migrated(asked, name, password)
        yield from _before(asked, user)
        if not is_right(asked.pool.id, user.username, user.password, password):
            raise PoolError(NOT_ALLOWED, _INCORRECT)
        answer = yield from self._known(asked, user)
        return answer

    def _migrated(self, asked: _Asked, name: str, password: str) -> Steps:
        """The user whom a function knows from elsewhere. [DOC] cognito-docs:user-pool-lambda-migrate-user"""
        pool = asked.pool
        if not is_set(pool, "UserMigration"):
            raise nobody(asked.client)
        told = {"password": password, "validationData": asked.metadata, "userAttributes": None}
        none = {"userAttributes": None, "finalUserStatus": None, "messageAction": None}
        said = yield from asked.fire("UserMigration_Authentication", name, told, none)
        attributes = said.get("userAttributes")
        if not isinstance(attributes, dict):
            raise nobody(asked.client)
        sub = self._state.uuid()
        texts = {str(key): str(value) for key, value in attributes.items() if key != "username"}
        check_attributes(pool, texts, is_new=False)
        made = User(
            username=sub if pool.names_by else str(attributes.get("username") or name),
            attributes={"sub": sub, **texts},
            status=str(said.get("finalUserStatus") or RESET),
            created=asked.now,
            modified=asked.now,
        )
        # Others may have brought them while the function worked: who is there is kept, with password and id.
        known = pool.find(name) or pool.find(made.username)
        return known or pool.keep(with_password(self._state, pool, made, password))

    def _by_srp(self, asked: _Asked, user: User, sent: str) -> Steps:
        try:
            a_public = int(sent, 16)
        except ValueError as error:
            raise PoolError(WRONG, "Missing required parameter SRP_A") from error
        if a_public % N == 0 or user.password is None:
            raise PoolError(NOT_ALLOWED, _INCORRECT)
        yield from _before(asked, user)
        exchange = Exchange(a_public=a_public, b_secret=self._state.randomness.getrandbits(1024), kept=user.password)
        block = base64.b64encode(self._state.randomness.getrandbits(512).to_bytes(64, "big")).decode()
        kept = _challenge("PASSWORD_VERIFIER", asked, user, exchange=exchange)
        self._state.remember(self._state.challenges, block, kept)
        shown = {"SALT": user.password.salt.hex(), "SRP_B": f"{exchange.b_public:x}", "SECRET_BLOCK": block}
        named = {"USERNAME": user.username, "USER_ID_FOR_SRP": user.username}
        return {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": {**shown, **named}}

    # challenges

    def _respond(self, given: Parameters, now: float) -> Steps:
        asked = self._asked(given, now)
        name, said = required(given, "ChallengeName"), given.get("ChallengeResponses") or {}
        key = said.get("PASSWORD_CLAIM_SECRET_BLOCK") if name == "PASSWORD_VERIFIER" else given.get("Session")
        kept = self._state.challenges.pop(str(key), None)
        if kept is None or (kept.name, kept.client) != (name, asked.client.id) or kept.until < now:
            raise PoolError(NOT_ALLOWED, "Invalid session for the user, session is expired.")
        user = asked.pool.users.get(asked.pool.folded(kept.username))
        if user is None:
            raise nobody(asked.client)
        check_hash(asked.client, str(said.get("USERNAME") or ""), said.get("SECRET_HASH"))
        if name == "PASSWORD_VERIFIER":
            _check_proof(asked.pool, user, kept, str(key), said)
            answer = yield from self._known(asked, user)
        elif name == "NEW_PASSWORD_REQUIRED":
            answer = yield from self._new_password(asked, user, kept, said)
        else:
            answer = yield from self._answered(asked, user, kept, str(said.get("ANSWER") or ""))
        return answer

    def _new_password(self, asked: _Asked, user: User, kept: Challenge, said: Mapping[str, Any]) -> Steps:
        password = str(said.get("NEW_PASSWORD") or "")
        try:
            check_password(asked.pool, password)
        except PoolError:
            self._state.challenges[str(asked.given.get("Session"))] = kept  # another try with the same session
            raise
        start = "userAttributes."
        more = {key.removeprefix(start): str(value) for key, value in said.items() if key.startswith(start)}
        check_attributes(asked.pool, more, is_new=False)
        user = structs.replace(user, status=CONFIRMED, attributes={**user.attributes, **more}, modified=asked.now)
        user = asked.pool.keep(with_password(self._state, asked.pool, user, password))
        answer = yield from self._in(asked, user, "NewPasswordChallenge")
        return answer

    def _known(self, asked: _Asked, user: User) -> Steps:
        """Let in somebody who has proved to be who they say, unless something is to be done before."""
        if user.status == UNCONFIRMED:
            raise PoolError("UserNotConfirmedException", "User is not confirmed.")
        if user.status == RESET:
            raise PoolError("PasswordResetRequiredException", "Password reset required for the user")
        if user.status == MUST_CHANGE:
            session = self._kept(_challenge("NEW_PASSWORD_REQUIRED", asked, user))
            told = {key: value for key, value in user.attributes.items() if key != "sub"}
            shown = {"USER_ID_FOR_SRP": user.username, "requiredAttributes": "[]", "userAttributes": json.dumps(told)}
            return {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": session, "ChallengeParameters": shown}
        answer = yield from self._in(asked, user, "Authentication")
        return answer

    # challenges of one's own

    def _next(self, asked: _Asked, user: User, answers: tuple[Mapping[str, Any], ...]) -> Steps:
        """What the pool's functions want next. [DOC] cognito-docs:user-pool-lambda-challenge"""
        if not is_set(asked.pool, "DefineAuthChallenge"):
            raise PoolError(WRONG, "Custom auth lambda trigger is not configured for the user pool.")
        around = {
            "userAttributes": user.told(),
            "session": list(answers),
            "clientMetadata": asked.metadata,
            "userNotFound": False,
        }
        none: dict[str, Any] = {"challengeName": None, "issueTokens": None, "failAuthentication": None}
        said = yield from asked.fire("DefineAuthChallenge_Authentication", user.username, around, none)
        if said.get("failAuthentication"):
            raise PoolError(NOT_ALLOWED, _INCORRECT)
        if said.get("issueTokens"):
            answer = yield from self._in(asked, user, "Authentication")
            return answer
        if (name := str(said.get("challengeName"))) != "CUSTOM_CHALLENGE":
            raise PoolError("InvalidLambdaResponseException", f"The challenge {name} is not emulated")
        none = {"publicChallengeParameters": None, "privateChallengeParameters": None, "challengeMetadata": None}
        told = {**around, "challengeName": name}
        made = yield from asked.fire("CreateAuthChallenge_Authentication", user.username, told, none)
        last = {"challengeName": name, "challengeMetadata": made.get("challengeMetadata")}
        private = {**(made.get("privateChallengeParameters") or {})}
        kept = _challenge(name, asked, user, answers=(*answers, last), private=private)
        public = {"USERNAME": user.username, **(made.get("publicChallengeParameters") or {})}
        return {"ChallengeName": name, "Session": self._kept(kept), "ChallengeParameters": public}

    def _answered(self, asked: _Asked, user: User, kept: Challenge, answer: str) -> Steps:
        told = {
            "userAttributes": user.told(),
            "privateChallengeParameters": dict(kept.private),
            "challengeAnswer": answer,
            "clientMetadata": asked.metadata,
            "userNotFound": False,
        }
        source = "VerifyAuthChallengeResponse_Authentication"
        said = yield from asked.fire(source, user.username, told, {"answerCorrect": False})
        last = {**kept.answers[-1], "challengeResult": bool(said.get("answerCorrect"))}
        found = yield from self._next(asked, user, (*kept.answers[:-1], last))
        return found

    # tokens

    def _in(self, asked: _Asked, user: User, source: str) -> Steps:
        session = Session(
            pool=asked.pool.id,
            client=asked.client.id,
            username=user.username,
            origin=self._state.uuid(),
            at=asked.now,
            until=asked.now + seconds(asked.client, "RefreshTokenValidity", 30 * 86400, "days"),
        )
        told = {"userAttributes": user.told(), "newDeviceUsed": False, "clientMetadata": asked.metadata}
        yield from asked.fire("PostAuthentication_Authentication", user.username, told, {})
        found = yield from self._result(asked, user, session, source)
        token = self._state.remember(self._state.refreshes, self._state.opaque(), session)
        return {"ChallengeParameters": {}, "AuthenticationResult": {**found, "RefreshToken": token}}

    def _refresh(self, asked: _Asked, said: Mapping[str, Any]) -> Steps:
        session = self._state.refreshes.get(str(said.get("REFRESH_TOKEN") or ""))
        if session is None or session.client != asked.client.id:
            raise PoolError(NOT_ALLOWED, "Invalid Refresh Token")
        if session.until < asked.now:
            raise PoolError(NOT_ALLOWED, "Refresh Token has expired")
        user = asked.pool.users.get(asked.pool.folded(session.username))
        if user is None or not user.is_enabled:
            raise PoolError(NOT_ALLOWED, "User is disabled." if user else "Invalid Refresh Token")
        check_hash(asked.client, user.username, said.get("SECRET_HASH"))
        found = yield from self._result(asked, user, session, "RefreshTokens")
        return {"ChallengeParameters": {}, "AuthenticationResult": found}

    def _tokens_from(self, given: Parameters, now: float) -> Steps:
        asked = self._asked(given, now)
        if asked.client.secret not in (None, given.get("ClientSecret")):
            raise PoolError(NOT_ALLOWED, f"Client {asked.client.id} is configured with secret but it was not received")
        user = self._state.refreshes.get(required(given, "RefreshToken"))
        proof = {} if user is None else {"SECRET_HASH": hash_of(asked.client, user.username)}
        answer = yield from self._refresh(asked, {"REFRESH_TOKEN": given["RefreshToken"], **proof})
        return {"AuthenticationResult": answer["AuthenticationResult"]}

    def _revoke(self, given: Parameters, _now: float) -> None:
        _pool, client = self._state.client(given)
        session = self._state.refreshes.get(required(given, "Token"))
        if session is not None and session.client == client.id:
            del self._state.refreshes[str(given["Token"])]
            self._state.remember(self._state.ended, session.origin, None)

    def _result(self, asked: _Asked, user: User, session: Session, source: str) -> Steps:
        answer = yield from result(
            asked.pool,
            asked.client,
            user,
            session,
            source=source,
            ids=(self._state.uuid(), self._state.uuid(), self._state.uuid()),
            now=asked.now,
            keys=self._state.keys,
            metadata=asked.metadata,
        )
        return answer

    def _kept(self, challenge: Challenge) -> str:
        return self._state.remember(self._state.challenges, self._state.opaque(), challenge)


def _challenge(name: str, asked: _Asked, user: User, **more: Any) -> Challenge:
    minutes = float(asked.client.settings.get("AuthSessionValidity") or CHALLENGE_MINUTES)
    return Challenge(
        name=name,
        pool=asked.pool.id,
        client=asked.client.id,
        username=user.username,
        until=asked.now + minutes * 60,
        **more,
    )


def _somebody(asked: _Asked, name: str) -> User:
    if (found := asked.pool.find(name)) is None:
        raise nobody(asked.client)
    return found


def _before(asked: _Asked, user: User) -> Steps:
    if not user.is_enabled:
        raise PoolError(NOT_ALLOWED, "User is disabled.")
    told = {"userAttributes": user.told(), "validationData": asked.metadata, "userNotFound": False}
    yield from asked.fire("PreAuthentication_Authentication", user.username, told, {})
    return None


def _check_flow(client: Client, flow: str, *allowed_by: str) -> None:
    if not set(allowed_by) & set(client.flows):
        name = "Auth flow" if flow.startswith("ADMIN_") else f"{flow} flow"
        raise PoolError(WRONG, f"{name} not enabled for this client")


def _check_proof(pool: Pool, user: User, kept: Challenge, block: str, said: Mapping[str, Any]) -> None:
    assert kept.exchange is not None
    proof = kept.exchange.proof(pool.id, user.username, base64.b64decode(block), str(said.get("TIMESTAMP") or ""))
    if not hmac.compare_digest(proof.encode(), str(said.get("PASSWORD_CLAIM_SIGNATURE") or "").encode()):
        raise PoolError(NOT_ALLOWED, _INCORRECT)
