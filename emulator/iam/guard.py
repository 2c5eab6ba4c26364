"""Knows which function calls by the access key that it signs with, and whether its role allows what it asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from msgspec import structs

from streamer.topology import Topology
from streamer.topology.grants import Place, arn

from ..port.http import HttpRequest
from .caller import Caller
from .conditions import Context, unknown_keys, unknown_operators
from .contexts import OF_TIME, at, is_of_requests, of_function, of_request, of_session, user_id
from .encryption import with_keys
from .keys import KeyRing, Keys, is_of_session, signs_as_owner
from .managed import managed
from .needs import Need
from .policy import Decision, Policies, Statement, almost, decide, unknown_variables, with_values
from .record import recorded
from .resource_policies import Named, ResourcePolicy, Who, said_of
from .resource_tags import OF_RESOURCES, tags_of
from .roles import Role, Roles, recorded_statements, role_advice, shown_in_template
from .sessions import ASSUMING, Assumption, Session, assumed, check_seconds, decide_ruled, trusts_provider
from .texts import advice, refusal, role_name, shown, unmet_advice, user_arn, who
from .topology_roles import statements_of

Mode = Literal["enforce", "record", "off"]
"""``record`` allows everything and remembers it; ``off`` takes every caller for the account's owner."""

OF_ITEMS: Final = "dynamodb:"
"""Begins condition keys of which the tables' keys have to be known; see `emulator.dynamodb.facts`."""
DECISIONS: Final = 65_536
"""Most decisions that are kept; names of tables come from functions, so they must not add up."""
SESSIONS: Final = 4_096
"""Most sessions of roles that are known, those that were asked for last: functions may begin one for each request."""
_CREDENTIAL: Final = "Credential="
_OF_SESSION: Final = "x-amz-security-token"
_QUERY_CREDENTIAL: Final = "X-Amz-Credential"
_QUERY_SESSION: Final = "X-Amz-Security-Token"


class Guard:
    """Decides for all functions of a topology. Used from one thread, the event loop's.

    Whoever calls goes by a key: a function by its name, a session of a role by its access key id.
    """

    def __init__(
        self,
        topology: Topology,
        place: Place,
        keys: Mapping[str, Keys],
        *,
        mode: Mode,
        advise: Callable[[str, str], None],
        note: Callable[[str, Need, bool], None] | None = None,
        roles: Roles | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the topology's grants, or the roles.

        Args:
            topology: Whose functions are guarded.
            place: Where it runs.
            keys: Function to what it signs with, also those that come; whoever signs with anything else is the
                account's owner.
            mode: Whether to refuse, to remember, or neither.
            advise: Told a function and what would allow what it was just refused.
            note: Told each call of a function and whether its role allows it; None: nobody wants to know.
            roles: What functions run as, instead of what the topology grants; None: the topology says it.
            clock: Unix seconds, by which credentials of sessions expire.
        """
        self._keys = keys
        self._mode = mode
        self._advise = advise
        self._note = note
        self._clock = clock
        self._records = mode == "record"
        self._callers: dict[str, Caller] = {}
        self._sessions: dict[str, Session] = {}
        """By access key id, as the callers."""
        self._told: set[tuple[str, str]] = set()
        self._authorization: str | None = None
        self._caller: Caller | None = None
        """The latest request's header, and who signs with it: whoever records asks once more."""
        self._needs: dict[str, set[Need]] = {}
        self.change(topology, place, roles)

    def change(self, topology: Topology, place: Place, roles: Roles | None) -> None:
        """Guard the functions of another topology from now on, new ones among them, by these roles as at first."""
        functions = topology.functions
        self._topology, self._place, self._roles = topology, place, roles
        for each in functions if self._mode != "off" else ():
            self._callers.setdefault(self._keys[each.name].access_key_id, Caller(self, each.name, each.name))
        written = (
            {each.name: statements_of(self._topology, each, self._place) for each in functions}
            if roles is None
            else {name: role.statements for name, role in roles.of.items()}
        )
        self._contexts: dict[str, Context] = {}
        self._policies: dict[str, Policies] = {}
        self._of_resources: dict[str, tuple[tuple[ResourcePolicy, Policies], ...]] = {}
        self._depending: set[str] = set()
        self._timed: set[str] = set()
        self._decisions: dict[tuple[str, Need], Decision] = {}
        for name, statements in written.items():
            self._hold(name, statements)
        for key in self._sessions:
            role = self._role(key)
            self._hold(key, () if role is None else role.statements)
        for caller in self._callers.values():
            caller.forget()

    def _hold(self, key: str, statements: Sequence[Statement]) -> None:
        """Hold a caller to these statements of its role, and to whatever else limits it."""
        place, path, session = self._place, self._role_path(key), self._sessions.get(key)
        own = {} if session is not None else of_function(key, place)
        context = of_session(self._session_name(key), path, place)
        claims = {} if session is None else of_request(session.claims)
        self._contexts[key] = {**context, **own, **claims, **self._tags(key)}
        role = self._role(key)
        boundary = None if role is None or role.boundary is None else role.boundary.statements
        passed = None if session is None else session.policy
        self._policies[key] = Policies(
            identity=self._valued(key, statements),
            boundary=None if boundary is None else self._valued(key, boundary),
            passed=None if passed is None else self._valued(key, passed),
        )
        self._of_resources[key] = self._resources_of(key)
        for asked, dependent in ((OF_ITEMS, self._depending), (OF_TIME, self._timed)):
            if any(each.asks_for(asked) for each in self._all_of(key)):
                dependent.add(key)

    def assume(self, caller: Caller | None, asked: Assumption, seconds: int) -> tuple[Keys, Caller] | None:
        """A session of a role, which `refusal` was asked about, and what it signs with, for so many seconds.

        For the same it is the same, for as long as whoever asked last may use it. None: nobody is held to the role,
        since it is not known or nobody is held to anything.

        Raises:
            DurationError: the role is not assumed for so long.
        """
        function = None if caller is None else caller.function
        role = None if self._mode == "off" or self._roles is None else self._roles.all.get(asked.role_arn)
        if self._roles is None or role is None:
            if self._roles is not None and self._mode == "enforce":
                what = f"the role {asked.role_arn} is not known here, so that whoever assumes it may do everything"
                self._tell_once(function, what)
            return None
        check_seconds(seconds, role.most_seconds, is_chained=caller is not None)
        own = self._roles.managed
        session, unknown = assumed(
            asked,
            function=function,
            by=None if caller is None else self._sessions.get(caller.key),
            managed=lambda arn: own.get(arn) or managed(arn),
        )
        for policy in unknown:
            self._tell_once(function, f"the session policy {policy} is not known here, so that it is not held to")
        keys = self._keys[session.seed]
        key = keys.access_key_id
        if key in self._sessions:
            self._sessions[key] = self._sessions.pop(key)  # it is one of the latest again
        else:
            if len(self._sessions) >= SESSIONS:
                self._forget(next(iter(self._sessions)))
            self._sessions[key] = session
            self._callers[key] = Caller(self, key, function)
            self._hold(key, role.statements)
        of_role = self._callers[key]
        of_role.until = max(of_role.until or 0.0, self._clock() + seconds)
        return keys, of_role

    def trusts(self, asked: Assumption, action: str, provider: str) -> bool:
        """Whether a role is assumed by whom a provider of identities tells of, as a token or a document says.

        So it is where nobody is held to anything, or the role is not known.
        """
        role = None if self._mode != "enforce" or self._roles is None else self._roles.all.get(asked.role_arn)
        if role is None:
            return True
        account = f"arn:{self._place.partition}:iam::{self._place.account_id}"
        names = (provider, f"{account}:oidc-provider/{provider}")
        context = {**of_request(asked.about), **at(self._clock())}
        return trusts_provider(role.trust, names, action, asked.role_arn, context)

    def _forget(self, key: str) -> None:
        session = self._sessions.pop(key)
        if isinstance(self._keys, KeyRing):
            self._keys.forget(session.seed)
        del self._callers[key], self._contexts[key], self._policies[key], self._of_resources[key]
        self._depending.discard(key)
        self._timed.discard(key)

    def _tell_once(self, function: str | None, what: str) -> None:
        if function is not None and (function, what) not in self._told:
            if len(self._told) >= SESSIONS:  # names of roles come from functions, too
                self._told.clear()
            self._told.add((function, what))
            self._advise(function, what)

    def _role(self, key: str) -> Role | None:
        """The role that a caller acts as; None: it is the topology's, or is gone."""
        if self._roles is None:
            return None
        session = self._sessions.get(key)
        return self._roles.of.get(key) if session is None else self._roles.all.get(session.role_arn)

    def _resources_of(self, key: str) -> tuple[tuple[ResourcePolicy, Policies], ...]:
        """The policies of resources that are about a caller's role, and what decides there."""
        policies = () if self._roles is None else self._roles.policies
        asking = self._who(key)
        return tuple(
            (policy, Policies(identity=(), resource=self._valued(key, role), session=self._valued(key, own)))
            for policy, role, own in said_of(policies, asking)
        )

    def _all_of(self, key: str) -> Iterator[Statement]:
        own = self._policies[key]
        yield from (*own.identity, *(own.boundary or ()), *(own.passed or ()))
        for _, said in self._of_resources[key]:
            yield from (*said.resource, *said.session)

    def _for(self, key: str, resource: str) -> Policies:
        """What decides whether a caller may do something with a resource."""
        own = self._policies[key]
        about = [said for policy, said in self._of_resources[key] if policy.is_of(resource)]
        if not about:
            return own
        return structs.replace(
            own,
            resource=tuple(each for said in about for each in said.resource),
            session=tuple(each for said in about for each in said.session),
        )

    def _valued(self, key: str, statements: Sequence[Statement]) -> tuple[Statement, ...]:
        """Statements with the values of their variables, without those that never apply, which is told."""
        context = self._contexts[key]
        self._tell_of_unknown(key, statements, context)
        valued = (with_values(each, context) for each in statements)
        return tuple(each for each in valued if each is not None)

    def _tell_of_unknown(self, key: str, statements: Iterable[Statement], context: Context) -> None:
        operators, keys, variables = set[str](), set[str](), set[str]()
        for each in statements:
            operators.update(unknown_operators(each.conditions))
            keys.update(name for name in unknown_keys(each.conditions, context) if not self._may_be_known(name.lower()))
            variables.update(unknown_variables(each, context))
        for operator in sorted(operators):
            self._tell(key, f"the condition operator {operator} is not known here, so that it is never met")
        for name in sorted(keys):
            self._tell(key, f"the condition key {name} is not known here, so that no request has a value for it")
        for name in sorted(variables):
            what = f"the policy variable {name} has no value here, so that a statement with it never applies"
            self._tell(key, what)

    def _may_be_known(self, key: str) -> bool:
        """Whether some requests have a value for a condition key; tags are known of a template's resources alone."""
        return is_of_requests(key) or (self._roles is not None and key.startswith(OF_RESOURCES))

    def _tell(self, key: str, what: str) -> None:
        """Once, however often the roles are read, and of the many sessions of a role."""
        session = self._sessions.get(key)
        if session is None:
            self._tell_once(key, what)
        else:
            self._tell_once(session.function, f"of the assumed role {session.role_arn}: {what}")

    def _role_path(self, key: str) -> str:
        session, role = self._sessions.get(key), self._role(key)
        if role is not None:
            return f"{role.path}{role.name}"
        return f"/{role_name(key)}" if session is None else session.role_arn.partition(":role")[2]

    def _session_name(self, key: str) -> str:
        session = self._sessions.get(key)
        return key if session is None else session.name

    def _who(self, key: str) -> Who:
        return who(self._session_name(key), self._role_path(key), self._place)

    def _tags(self, key: str) -> Context:
        """Of its role, and over them those of the session.

        [DOC] iam-docs:reference_policies_condition-keys, aws:PrincipalTag; id_session-tags
        """
        role, session = self._role(key), self._sessions.get(key)
        of_role = {} if role is None else {key.lower(): value for key, value in role.tags.items()}
        tags = of_role if session is None else {**of_role, **session.tags}
        return {f"aws:principaltag/{key}": (value,) for key, value in tags.items()}

    def caller(self, request: HttpRequest) -> Caller | None:
        """The function that made a request; None: the account's owner, who may do everything."""
        authorization = request.fields.get("authorization")
        if authorization is not None:
            if authorization != self._authorization:
                self._authorization = authorization
                self._caller = self._callers.get(authorization.partition(_CREDENTIAL)[2].partition("/")[0])
            return self._caller
        if _QUERY_CREDENTIAL in request.target:
            credential = dict(request.query).get(_QUERY_CREDENTIAL, "")
            return self._callers.get(credential.partition("/")[0])
        return None

    def is_expired(self, request: HttpRequest) -> bool:
        """Whether a request is signed with credentials of a session that are no longer valid."""
        token = request.fields.get(_OF_SESSION)
        if token is None and _QUERY_CREDENTIAL in request.target:
            token = dict(request.query).get(_QUERY_SESSION)
        return self.is_over(self.caller(request), token)

    def is_over(self, caller: Caller | None, token: str | None) -> bool:
        """Whether credentials are those of a session that is no longer valid, given who has them and their token."""
        if caller is None:  # the owner, or a session that was forgotten, of too many
            return self._mode != "off" and is_of_session(token)
        return caller.until is not None and caller.until <= self._clock()

    def caller_with(self, access_key_id: str) -> Caller | None:
        """Who signs with a key; None: the account's owner."""
        return self._callers.get(access_key_id)

    def function(self, request: HttpRequest) -> str | None:
        """The name of the function that made a request, also as an assumed role or the owner; None: none did."""
        authorization = request.fields.get("authorization")
        is_known = authorization is not None and authorization == self._authorization
        found = self._caller if is_known else self.caller(request)
        return signs_as_owner(request.fields.get(_OF_SESSION)) if found is None else found.function

    def refusal(self, key: str, needs: Iterable[Need]) -> str | None:
        """AWS's words for the first that a caller's role does not allow; None: it allows all."""
        if key not in self._policies and not self._records:
            return None
        encrypted = {} if self._roles is None else self._roles.encrypted
        for need in with_keys(needs, encrypted, self._place) if encrypted else needs:
            if self._records:
                self._needs.setdefault(self._recorded_as(key), set()).add(need._replace(about=()))
                if self._note is None:
                    continue
            decision = self._decisions.get((key, need)) or self._decide(key, need)
            if self._note is not None and key not in self._sessions:
                self._note(key, need, decision is Decision.ALLOWED)
            if decision is not Decision.ALLOWED and not self._records:
                told = self._sessions[key].function if key in self._sessions else key
                if told is not None:
                    self._advise(told, self._advice(key, need, decision))
                return refusal(self.user_arn(key), need, decision, self._place)
        return None

    def _recorded_as(self, key: str) -> str:
        session = self._sessions.get(key)
        return key if session is None else f"the assumed role {session.role_arn.rpartition('/')[2]}"

    def depends_on_items(self, key: str) -> bool:
        """Whether a caller may do something with some items of a table, and not with others."""
        return key in self._depending

    def depends_on_time(self, key: str) -> bool:
        """Whether what a caller may do now is another thing later."""
        return key in self._timed

    def _advice(self, key: str, need: Need, decision: Decision) -> str:
        policies, session, role = self._policies[key], self._sessions.get(key), self._role(key)
        asks = f"function {key}" if session is None else session.shown
        context, wanted = self._context(key, need), self._wanted(need)
        if wanted is not None and decision is Decision.NOT_BY_RESOURCE:
            return f"{asks} may not {need.action} on {wanted.name}: no statement of its trust policy lets it"
        lacking = {
            Decision.NOT_ALLOWED: policies.identity,
            Decision.OUT_OF_BOUNDS: policies.boundary,
            Decision.OUT_OF_SESSION: policies.passed,
        }.get(decision)
        found = almost(lacking or (), need.action, arn(need.resource, self._place))
        if found is not None:
            name = shown(need) if self._roles is None else shown_in_template(need, self._place, self._roles)
            return unmet_advice(asks, need, found, context, name)
        if self._roles is None:
            return advice(key, need, self._topology)
        if role is None:
            return f"{asks} may not {need.action}: its role is no longer in the project"
        return role_advice(asks, need, decision, role=role, place=self._place, roles=self._roles)

    def _wanted(self, need: Need) -> Role | None:
        """The role that somebody wants to assume; None: something else is wanted, or the role is not known."""
        if self._roles is None or need.action not in ASSUMING:
            return None
        return self._roles.all.get(arn(need.resource, self._place))

    def _ruling(self, need: Need, resource: str) -> Sequence[Named] | None:
        """The policy that has to allow it in any case, of a role or a key; None: there is none."""
        wanted = self._wanted(need)
        if wanted is not None or self._roles is None:
            return None if wanted is None else wanted.trust
        return next((each.statements for each in self._roles.policies if each.rules and each.is_of(resource)), None)

    def _decide(self, key: str, need: Need) -> Decision:
        if key not in self._policies:
            return Decision.ALLOWED  # while somebody records: nothing is known of its role
        resource = arn(need.resource, self._place)
        policies, context = self._for(key, resource), self._context(key, need)
        ruling = self._ruling(need, resource)
        if ruling is None:
            decision = decide(policies, need.action, resource, context)
        else:
            asking = self._who(key)
            decision = decide_ruled(ruling, policies, asking, action=need.action, resource=resource, context=context)
        if need.about or key in self._timed:
            return decision  # there are as many as there are keys of items
        if len(self._decisions) >= DECISIONS:
            self._decisions.clear()
        self._decisions[key, need] = decision
        return decision

    def _context(self, key: str, need: Need) -> Context:
        of_function = self._contexts[key]
        tags = {} if self._roles is None else self._roles.tags
        of_resource = tags_of(arn(need.resource, self._place), tags) if tags else {}
        now = at(self._clock()) if key in self._timed else {}
        return {**of_function, **of_resource, **now, **of_request(need.about)}

    @property
    def wants_every_call(self) -> bool:
        """Whether calls are told or remembered one by one."""
        return self._records or self._note is not None

    def user_arn(self, key: str) -> str:
        """Who a caller is to other services: a session of its role."""
        return user_arn(self._session_name(key), self._role_path(key).rpartition("/")[2], self._place)

    def user_id(self, key: str) -> str:
        """The same, as ``aws:userid`` says it."""
        return user_id(self._session_name(key))

    def recorded(self) -> str | None:
        """The grants that the run needed so far, ready to paste; None: nothing was recorded."""
        if not self._records:
            return None
        if self._roles is None:
            return recorded(self._needs)
        return recorded_statements(self._needs, self._place, self._roles)
