"""Where a deployment is when it ends early, and the sentence that is then true. Pure.

Exit statuses of ``streamer deploy`` and ``streamer destroy``, which a CI may rely on: 0 done; 2 it cannot be done like
this, and nothing was changed beyond what the sentence names; 3 AWS goes on, or may, and nobody watches; 4
CloudFormation failed and rolled back; 130 interrupted (Ctrl-C, SIGTERM, SIGHUP, or the answer no).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

from .errors import CredentialsError, DeniedError, DeployError, FailedError, StoppedError, UnwatchedError

UNWATCHED: Final = 3
FAILED: Final = 4
INTERRUPTED: Final = 130


class Moment(enum.Enum):
    """How far a deployment, or the deletion of a stack, is."""

    BEFORE = enum.auto()
    """CloudFormation was only asked; at most the bucket and the code in it are new."""
    PROPOSED = enum.auto()
    """A change set was asked for, and it certainly was not executed."""
    EXECUTING = enum.auto()
    """The change set was told to be executed; whether that arrived is not known."""
    EXECUTED = enum.auto()
    """CloudFormation performs the change set."""
    DELETING = enum.auto()
    """DeleteStack was sent; whether it arrived is not known."""
    DELETED = enum.auto()
    """CloudFormation deletes the stack."""
    DEPLOYED = enum.auto()
    """CloudFormation is done; the rest is telling and remembering."""
    GONE = enum.auto()
    """The stack is deleted; the rest is telling."""


def status_of(error: DeployError) -> int:
    """The exit status that an error stands for."""
    match error:
        case StoppedError():
            return INTERRUPTED
        case UnwatchedError():
            return UNWATCHED
        case FailedError():
            return FAILED
    return 2


def ended_before(error: DeployError | None, left: Sequence[str], *, was_removed: bool = False) -> DeployError:
    """The end when nothing was executed.

    Args:
        error: What went wrong; None: a signal, such as Ctrl-C.
        left: What could not be tidied up, a sentence each.
        was_removed: Whether the empty remains of an earlier deployment were removed on the way.
    """
    changed = "nothing was changed but the removal of the empty remains" if was_removed else "nothing was changed"
    text = "; ".join((changed, *left))
    if error is None:
        return StoppedError(f"stopped; {text}")
    return type(error)(f"{error}; {text}")


def ended_after(error: DeployError | None, moment: Moment, name: str, *, is_new: bool) -> DeployError:
    """The end when AWS goes on, or may.

    Args:
        error: Why nobody watches any more; None: a signal, such as Ctrl-C.
        moment: ``EXECUTING`` or a later one.
        name: The stack.
        is_new: Whether the stack is being created.
    """
    if moment in (Moment.DEPLOYED, Moment.GONE):
        done = f"{name} is deployed" if moment is Moment.DEPLOYED else f"the stack {name} is deleted"
        return StoppedError(f"stopped; {done}") if error is None else UnwatchedError(f"{error}; {done}")
    known = moment in (Moment.EXECUTED, Moment.DELETED)
    is_deletion = moment in (Moment.DELETING, Moment.DELETED)
    if is_deletion:
        going = f"CloudFormation goes on deleting {name} by itself; its tables stay"
        doubt = f"it is not known whether CloudFormation deletes {name}"
        hint = "`streamer status` shows it as long as it is there; run the same command again afterwards"
    else:
        verb = "creating" if is_new else "changing"
        going = f"CloudFormation goes on {verb} {name} by itself and rolls back if something fails"
        doubt = f"it is not known whether CloudFormation {'creates' if is_new else 'changes'} {name}"
        hint = "`streamer status` shows how it ends, and then `streamer deploy` goes on from there"
        if not is_new:
            hint += f"; `aws cloudformation cancel-update-stack --stack-name {name}` undoes an update that still runs"
    text = f"{going if known else doubt}. {hint[0].upper() if hint[0] != '`' else hint[0]}{hint[1:]}"
    if error is None:
        return StoppedError(f"stopped watching; {text}")
    return UnwatchedError(f"{error}; {text}")


def is_passing(error: DeployError) -> bool:
    """Whether asking again may help: no network, throttling, AWS's own trouble; not a refusal."""
    return not isinstance(error, CredentialsError | DeniedError)
