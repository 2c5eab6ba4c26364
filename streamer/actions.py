"""One action that users wrote: when it is queued, who may call it, what its payload must look like."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from streamer.context import Progress, Request
from streamer.errors import ActionError, ConfigurationError, ErrorCode
from streamer.protocol.messages import to_json
from streamer.records import Failure
from streamer.requests.retries import passing_code

FAILURE_MESSAGE_CHARACTERS: Final = 4096
"""Longest text of an error that is passed on; the rest is cut."""
FAILURE_DETAILS_CHARACTERS: Final = 32 * 1024
"""Longest details (as JSON) of an error that are passed on; larger ones are left out."""

TakesProgress = Literal["none", "optional", "required"]
"""Whether an action's function takes ``progress`` besides the request."""

Validator = Callable[[Any], Any]
"""Takes a payload; raises (ValueError and the like) or returns False when it is bad; may return what replaces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredTopic:
    """A topic that the service says it publishes to; it may publish to others."""

    name: str
    data: Any = None
    """How what is published looks, for documents; None: it is not told."""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A registered action."""

    name: str
    function: Callable[..., Any]
    estimated_duration: float = 0
    """Seconds."""
    queued: bool | None = None
    """Whether it is queued; None: its estimated duration decides."""
    permissions: frozenset[str] = frozenset()
    """All of these are needed to call it."""
    max_attempts: int = 1
    validator: Any = None
    """A `Validator` or a Pydantic model class; None: any payload will do."""
    timeout_seconds: float | None = None
    """How long one run may take; None: as long as the Lambda function may."""
    cancel_on_disconnect: bool = False
    """Whether it is cancelled when nobody has been listening for a while."""
    progress_parameter: TakesProgress = "none"
    schema: Any = None
    """How the payload looks, for documents; None: as the validator says."""
    result: Any = None
    """How the result looks, for documents; None: as the function is annotated."""
    deprecated: bool = False
    examples: tuple[Any, ...] = ()
    """Payloads, for documents."""

    def is_queued(self, threshold_seconds: float) -> bool:
        """Whether a call is stored and run by the processor, rather than at once by the router."""
        if self.queued is not None:
            return self.queued
        # A function that cannot do without progress stays queued whatever threshold the environment sets.
        return self.estimated_duration > threshold_seconds or self.progress_parameter == "required"

    def missing_permissions(self, held: frozenset[str]) -> list[str]:
        """What a caller would need besides what they hold, sorted."""
        return sorted(self.permissions - held)

    def call(self, request: Request, progress: Progress | None) -> Any:
        """Call the function; for an ``async def`` this is its coroutine. ``progress`` is None for a quick call."""
        if progress is None or self.progress_parameter == "none":
            return self.function(request)
        return self.function(request, progress)

    def validated(self, payload: Any) -> Any:
        """The payload as the action wants it.

        Raises:
            ActionError: the validator does not like it; details say why when the validator does.
        """
        if self.validator is None:
            return payload
        model_validate = getattr(self.validator, "model_validate", None)
        validate = model_validate if callable(model_validate) else cast("Validator", self.validator)
        try:
            verdict = validate(payload)
        except ActionError:
            raise
        except Exception as exc:
            if not _is_verdict(exc):
                raise
            raise ActionError(
                f"the payload is not valid: {_summary(exc)}",
                code=ErrorCode.VALIDATION_ERROR,
                details=_validation_details(exc),
            ) from exc
        if verdict is False:
            raise ActionError("the payload is not valid", code=ErrorCode.VALIDATION_ERROR)
        require_verdict(verdict, f"the validator of action {self.name!r}")
        return payload if verdict is None or verdict is True else verdict


def progress_parameter(name: str, function: Callable[..., Any]) -> TakesProgress:
    """Whether an action's function takes ``progress`` besides the request.

    Raises:
        ConfigurationError: it can be called neither as ``f(request)`` nor as ``f(request, progress)``.
    """
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        what = "an action returns its result; what it has so far it tells by progress"
        raise ConfigurationError(f"action {name!r} is a generator; {what}")
    try:
        signature = signature_of(function)
    except ValueError:
        return "none"  # built in C without a signature: only a call can tell
    takes_one, takes_two = (_accepts(signature, count) for count in (1, 2))
    if takes_one:
        return "optional" if takes_two else "none"
    if takes_two:
        return "required"
    raise ConfigurationError(
        f"action {name!r} must take (request) or (request, progress), but its function takes {signature}"
    )


def is_async(function: Any) -> bool:
    """Whether calling it gives a coroutine, as far as that can be seen without a call."""
    call = None if inspect.isclass(function) else getattr(function, "__call__", None)  # noqa: B004 - its kind matters
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def require_verdict(verdict: Any, what: str) -> None:
    """Refuse what would have to be awaited: it is true whatever comes of it, and would let everything in.

    Raises:
        TypeError: ``what`` returned an awaitable.
    """
    if inspect.isawaitable(verdict):
        if inspect.iscoroutine(verdict):
            verdict.close()
        raise TypeError(f"{what} returned an awaitable; it must be a plain function, not async def")


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """What it takes and returns, where annotations may name what is imported for type checkers only.

    Raises:
        TypeError: it cannot be called.
        ValueError: it is built in C without a signature.
    """
    if sys.version_info >= (3, 14):
        # Annotations are evaluated when they are asked for.
        import annotationlib  # noqa: PLC0415 - new in 3.14

        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(function)


def _accepts(signature: inspect.Signature, positionals: int) -> bool:
    try:
        signature.bind(*range(positionals))
    except TypeError:
        return False
    return True


def _is_verdict(exc: Exception) -> bool:
    """Whether an exception means "the payload is bad", rather than "the validator is".

    Pydantic's ValidationError is a ValueError; those of jsonschema and marshmallow are known by their name.
    """
    return isinstance(exc, ValueError | TypeError | LookupError) or type(exc).__name__ == "ValidationError"


def _summary(exc: Exception) -> str:
    if isinstance(exc, LookupError):
        return f"{exc.args[0]!r} is missing" if exc.args else "something is missing"
    errors = _model_errors(exc)
    if errors:
        first = errors[0]
        where = ".".join(str(part) for part in first["loc"])
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return f"{where + ': ' if where else ''}{first['msg']}{more}"
    return str(exc).partition("\n")[0]


def _validation_details(exc: Exception) -> Mapping[str, Any] | None:
    errors = _model_errors(exc)
    return {"errors": errors} if errors else None


def _model_errors(exc: Exception) -> list[dict[str, Any]]:
    """What Pydantic says is wrong, without the input (it is the client's own) and without links."""
    listed = getattr(exc, "errors", None)
    if not callable(listed):
        return []
    return [{"loc": list(error["loc"]), "msg": error["msg"], "type": error["type"]} for error in listed()]


def failure_of(exc: BaseException, *, code: ErrorCode, production: bool) -> Failure:
    """What the client is told about an exception.

    An `ActionError` speaks for itself. Of any other exception the client learns in production only that it
    happened; its text goes to the log alone.

    Args:
        exc: what was raised.
        code: for exceptions that bring no code of their own, and are neither timeouts nor throttling.
        production: whether texts of unexpected exceptions are hidden.
    """
    if isinstance(exc, ActionError):
        message = str(exc.message)[:FAILURE_MESSAGE_CHARACTERS]
        return Failure(
            code=str(exc.code), message=message, details=_presentable(exc.details), retryable=bool(exc.retryable)
        )
    passing = passing_code(exc)
    retryable = passing is not None
    code = passing or code
    if production:
        return Failure(
            code=code, retryable=retryable, message="the action failed unexpectedly; the reason is in the service's log"
        )
    text = ": ".join(filter(None, (type(exc).__name__, said_by(exc))))
    return Failure(code=code, retryable=retryable, message=text[:FAILURE_MESSAGE_CHARACTERS])


def fault_of(exc: ActionError) -> dict[str, Any]:
    """What the log says of a failure that an action, or the runtime, told by itself: its code, and what it came from.

    Where it was raised says nothing more than its message, so there is a traceback only of one that another led to.
    """
    if exc.__cause__ is not None:
        return {"error": exc, "code": exc.code}
    return {"error_type": str(exc.code), "error_message": exc.message}


def said_by(exc: BaseException) -> str:
    """What an exception of the user's says, which may raise another instead."""
    try:
        return str(exc)
    except Exception:  # noqa: BLE001 - whatever an exception of the user's does, its request ends with an answer
        return "<exception str() failed>"  # as Python's own tracebacks say


def _presentable(details: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if details is None:
        return None
    try:
        characters = len(to_json(details))
    except (TypeError, ValueError) as exc:
        return {"left_out": f"the details are not JSON: {exc}"}
    if characters > FAILURE_DETAILS_CHARACTERS:
        return {"left_out": f"the details have {characters} characters of JSON"}
    return details
