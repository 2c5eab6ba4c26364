"""The resources of a project's stacks, looked up by what refers to them, and described one by one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

from msgspec import Struct

from streamer.topology import Table

from .custom_resources import idle_functions
from .errors import Problem, TemplateError
from .resources.conformity import with_typo
from .source import Source
from .stack import Resource, Stack

P = ParamSpec("P")
T = TypeVar("T")


class Beside(Struct, frozen=True, kw_only=True):
    """What is there without a template, and is named by resources nevertheless."""

    tables: tuple[Table, ...] = ()
    queues: tuple[str, ...] = ()


class Catalogue:
    """All resources of all stacks, to be looked up by what refers to them.

    Functions that have nothing to do here are left out, unless the stacks are deployed: then all are there to be seen.
    """

    def __init__(self, stacks: Iterable[Stack], beside: Beside | None = None, *, is_deployed: bool = False) -> None:
        self._stacks = tuple(stacks)
        self.beside = beside or Beside()
        found = [(stack, resource) for stack in self._stacks for resource in stack.resources.values()]
        idle = frozenset() if is_deployed else idle_functions(resource for _, resource in found)
        self.all = [each for each in found if each[1].type != "AWS::Lambda::Function" or each[1].name not in idle]
        self._said: dict[str, list[str]] = {}
        self.invoked: list[tuple[Resource, str, str]] = []
        """Who of a WebSocket API has API Gateway invoke which function, and for what, such as ``API/STAGE/ROUTE``."""

    @property
    def warnings(self) -> list[str]:
        """What was said, one line for all resources of which the same was."""
        return [f"{', '.join(names)}: {text}" if names else text for text, names in self._said.items()]

    @property
    def source(self) -> Source:
        """The first template, for what is said of none of its resources: it may have none that are made."""
        return self._stacks[0].source

    def of(self, *types: str) -> list[Resource]:
        """Resources of these types, in order."""
        return [resource for _, resource in self.all if resource.type in types]

    def by_ref(self, reference: Any, *types: str) -> Resource | None:
        """The resource whose ``Ref`` this is."""
        return next((each for each in self.of(*types) if each.ref == reference), None)

    def stack_of(self, resource: Resource) -> Stack:
        """The stack that a resource is of."""
        return next(stack for stack, each in self.all if each is resource)

    def error(self, resource: Resource, problem: Problem) -> TemplateError:
        """What is wrong with a resource, with the template and line in which it stands."""
        stack = self.stack_of(resource)
        source = stack.source
        return source.error(with_typo(problem, stack.departures, source.tree["Resources"], source.error))

    def guard(self, resource: Resource, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What is made; a `Problem` is raised as `TemplateError`, with the place of a resource."""
        try:
            return make(*args, **kwargs)
        except Problem as problem:
            raise self.error(resource, problem) from problem

    def warn(self, resource: Resource, text: str) -> None:
        """Say something about a resource once."""
        names = self._said.setdefault(text, [])
        if resource.logical_id not in names:
            names.append(resource.logical_id)

    def note(self, text: str) -> None:
        """Say something that no resource of the project is the subject of."""
        self._said.setdefault(text, [])


def made(catalogue: Catalogue, kind: str, make: Callable[[Catalogue, Resource], Any]) -> tuple[Any, ...]:
    """What is made of all resources of a type, without those of which nothing is; raises TemplateError."""
    found = (guarded(catalogue, each, make) for each in catalogue.of(kind))
    return tuple(each for each in found if each is not None)


def guarded(catalogue: Catalogue, resource: Resource, make: Callable[..., Any], *more: Any) -> Any:
    """What is made of a resource; raises TemplateError with its place."""
    return catalogue.guard(resource, make, catalogue, resource, *more)
