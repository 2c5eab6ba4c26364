"""A project's templates, read, expanded and resolved: from a target to a topology."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field, structs

from streamer.aws_limits import partition_of, url_suffix
from streamer.errors import ConfigurationError, TopologyError
from streamer.topology import Topology
from streamer.topology.checks import validate

from ..foundation.files import read_text
from ..foundation.place import ACCOUNT_ID, REGION
from ..functions import node
from ..functions.runtimes import is_node
from . import anatomy, bodies, language, sam_properties
from .assembly import Part, Project
from .code import Code
from .described.lambda_functions import names_of
from .early import Early, with_code
from .errors import Problem, TemplateError
from .expansion import expanded_once, own_types
from .ids import physical_name
from .intrinsics import MadeUp
from .parameters import no_value, unknown_parameters, without_value
from .resources.conformity import told
from .resources.kind import Meaning, Place
from .sam import local_path
from .source import Source, check_values, load, refuse_nulls
from .stack import Resource, Stack, Surroundings, resolve
from .stored import values
from .topology import Described, Wanted, describe


class Settings(Struct, frozen=True, kw_only=True):
    """What a project is read with."""

    region: str = REGION
    account_id: str = ACCOUNT_ID
    parameters: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    """The options that gave parameters, such as ``--parameter number 1``, by the parameters' names."""
    imports: Mapping[str, str] = field(default_factory=dict)
    """Values of exports of stacks that are not here."""
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Outputs of stacks that are deployed, by the stacks' names."""
    no_export: str | None = None
    """See `Surroundings`."""
    stored: Mapping[str, str] = field(default_factory=dict)
    """Values of stored parameters and secrets."""
    code: Mapping[str, Path] = field(default_factory=dict)
    wanted: Wanted = field(default_factory=Wanted)


class Read(Struct, frozen=True, kw_only=True):
    """A project that can be emulated."""

    project: Project
    described: Described
    stacks: tuple[Stack, ...]
    formats: tuple[str, ...]
    region: str
    watched: frozenset[Path]
    """Templates and folders of code whose changes matter."""
    node: int | None = None
    """The major version of the Node.js that runs functions; None: none does."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything to be checked by the user."""
        every = [stack for top in self.stacks for stack in top.all()]
        found = [text for stack in every for text in told(stack.departures, stack.source.error)]
        found += [text for stack in every for text in stack.warnings]
        return tuple(dict.fromkeys([*found, *self.described.warnings]))


def read_project(project: Project, settings: Settings, state_folder: Path) -> Read:
    """Read, expand and resolve all templates of a project.

    Args:
        project: What `assembly.find` found.
        settings: Parameters and what else the user says.
        state_folder: Where archives and code of templates are unpacked, below ``code``, and expansions kept.

    Raises:
        ConfigurationError: a template cannot be used; the message is one line.
    """
    return described_project(project, settings, resolved_project(project, settings, state_folder), state_folder)


class Resolved(Struct, frozen=True, kw_only=True):
    """A project's stacks, before it is known what of them can be emulated."""

    stacks: tuple[Stack, ...]
    parts: Mapping[str, Part]
    """By the name of their stack, nested ones too."""
    formats: tuple[str, ...]
    files: frozenset[Path]
    """What the templates stand in."""


def resolved_project(project: Project, settings: Settings, state_folder: Path) -> Resolved:
    """The first half of `read_project`, which takes the same and raises the same."""
    reader = _Reader(settings, state_folder)
    for part in project.parts:
        reader.read(part)
    if reader.has_learnt:  # what a stack reads from the parameter store may be of one that comes after it
        reader = _Reader(settings, state_folder, stored=reader.stored)
        for part in project.parts:
            reader.read(part)
    declared = [source.tree.get("Parameters") or {} for source in reader.sources]
    refusal = unknown_parameters(declared, settings.parameters, settings.options)
    if refusal is not None:
        raise ConfigurationError(refusal)
    return Resolved(
        stacks=tuple(reader.stacks),
        parts=reader.parts,
        formats=tuple(dict.fromkeys(reader.formats)),
        files=frozenset(reader.files),
    )


def described_project(project: Project, settings: Settings, resolved: Resolved, state_folder: Path) -> Read:
    """The second half of `read_project`."""
    code = Code(parts=resolved.parts, folder=state_folder / "code", instead=settings.code)
    for stack in (each for top in resolved.stacks for each in top.all()):
        for resource in stack.resources.values():
            if resource.type == "AWS::Lambda::LayerVersion":
                code.layers[str(resource.ref)] = resource
                code.layer_stacks[str(resource.ref)] = stack
    _refuse_unknown_functions(resolved.stacks, settings)
    _refuse_same_names(resolved.stacks)
    described = describe(
        resolved.stacks, code.locate, settings.wanted, region=settings.region, account_id=settings.account_id
    )
    try:
        validate(described.topology)
    except TopologyError as error:
        raise _placed(error, [each for top in resolved.stacks for each in top.all()], project.name) from error
    return Read(
        project=project,
        described=described,
        stacks=resolved.stacks,
        region=settings.region,
        formats=resolved.formats,
        watched=frozenset({*resolved.files, *code.used}),
        node=_node(described.topology),
    )


def _placed(error: TopologyError, stacks: Iterable[Stack], name: str) -> TemplateError:
    """What is wrong with a topology, where it stands in a template, as far as that is known."""
    for stack in stacks:
        for each in stack.departures:
            if each.is_out_of_bounds and stack.resources[str(each.path[1])].kind.meaning is Meaning.EMULATED:
                return stack.source.error(Problem(each.path, each.text))
    texts = _QUOTED.findall(str(error))
    mentions = [(_mentions(each, texts), stack, each) for stack in stacks for each in stack.resources.values()]
    most = max((count for count, _, _ in mentions), default=0)
    found = [(stack, each) for count, stack, each in mentions if 0 < count == most]
    if len(found) == 1:
        ((stack, resource),) = found
        return stack.source.error(Problem(resource.path, str(error)))
    return TemplateError(f"{name}: {error}")


_QUOTED: Final = re.compile(r"'([^']+)'")


def _mentions(resource: Resource, texts: Iterable[str]) -> float:
    """How many of the texts a resource has as its name, which counts more, or names in its properties."""
    values = [each for each in resource.properties.values() if isinstance(each, str)]
    found = 0.0
    for text in texts:
        named = re.compile(rf"(^|[:/]){re.escape(text)}([:/]|$)")
        found += 1.5 if resource.name == text else any(named.search(each) for each in values)
    return found


def _node(topology: Topology) -> int | None:
    wants = any(is_node(function) for function in topology.functions)
    program = node.program() if wants else None
    return None if program is None else node.version(program)[0]


def _refuse_unknown_functions(stacks: Iterable[Stack], settings: Settings) -> None:
    """Refuse what the user says of a function that there is not."""
    functions = [
        resource
        for stack in (each for top in stacks for each in top.all())
        for resource in stack.resources.values()
        if resource.type == "AWS::Lambda::Function"
    ]
    known = {name for each in functions for name in names_of(each)}
    for option, named in (("--code", settings.code), ("--command", settings.wanted.commands)):
        unknown = sorted(set(named) - known)
        if unknown:
            have = ", ".join(each.logical_id for each in functions) or "none"
            raise ConfigurationError(f"{option} {unknown[0]}: there is no such function; there are {have}")


_NAMED = {"AWS::Lambda::Function": "function", "AWS::DynamoDB::Table": "table", "AWS::SQS::Queue": "queue"}


def _refuse_same_names(stacks: Iterable[Stack]) -> None:
    """Refuse stacks that can only be beside each other in several Regions or accounts, which are one here."""
    owners: dict[tuple[str, str], str] = {}
    for top in stacks:
        for resource in (each for stack in top.all() for each in stack.resources.values()):
            owner = owners.setdefault((resource.type, resource.name), top.name) if resource.type in _NAMED else top.name
            if owner != top.name:
                what = f"a {_NAMED[resource.type]} {resource.name!r} each, and stand in one Region here"
                raise ConfigurationError(f"the stacks {owner} and {top.name} have {what}: add --stack {owner}")


class _Reader:
    def __init__(
        self, settings: Settings, state_folder: Path, *, stored: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self.stored: dict[str, Mapping[str, str]] = dict(stored or {})
        """Values of parameters and secrets that stacks have, by the stacks' names."""
        self._settings = settings
        self._state_folder = state_folder
        self.stacks: list[Stack] = []
        self.parts: dict[str, Part] = {}
        self.sources: list[Source] = []
        self.formats: list[str] = []
        self.files: set[Path] = set()
        self._exports: dict[str, Any] = dict(settings.imports)
        self._outputs: dict[str, Mapping[str, Any]] = dict(settings.outputs)

    def read(self, part: Part) -> None:
        """Read a part as a stack of its own."""
        stack = self._stack(part, {**part.parameters, **self._settings.parameters})
        unknown = {stack.export_names[name] for name in stack.made_up if name in stack.export_names}
        exports = {name: MadeUp(value) if name in unknown else value for name, value in stack.exports.items()}
        self._exports |= {**exports, **self._settings.imports}
        self._outputs[stack.name] = stack.outputs
        self.stored[stack.name] = values(each for inner in stack.all() for each in inner.resources.values())
        self.stacks.append(stack)

    @property
    def has_learnt(self) -> bool:
        """Whether a stack lacks a stored value that another one has."""
        stacks = (stack for top in self.stacks for stack in top.all())
        return any(stack.unknown_stored & self._of_others(stack.name).keys() for stack in stacks)

    def _of_others(self, stack: str) -> dict[str, str]:
        """What a stack may read; one that is nested also what the one has that it is nested in."""
        return {name: value for other, found in self.stored.items() if other != stack for name, value in found.items()}

    def _stack(self, part: Part, parameters: Mapping[str, str]) -> Stack:
        place = place_of(part.stack, self._settings)
        source = self._expanded(self._source(part), part, parameters, place)
        self.sources.append(source)
        self.parts[part.stack] = part
        return resolve(
            source,
            Surroundings(
                place=place,
                parameters=parameters,
                exports=self._exports,
                outputs=self._outputs,
                no_export=self._settings.no_export,
                stored={**self._of_others(part.stack), **self._settings.stored},
                nested=lambda resource, given: self._nested(part, resource, given, source),
            ),
        )

    def _source(self, part: Part) -> Source:
        if part.text is not None:
            return load(part.text, part.template.name)
        path = part.template
        self.files.add(path.resolve())
        return load(_at_home(read_text(path), part.account, self._settings.account_id), _shown(path))

    def _expanded(self, source: Source, part: Part, parameters: Mapping[str, str], place: Place) -> Source:
        notes: list[str] = []
        sams = frozenset(own_types(source.tree))
        try:
            refuse_nulls(source, but=sams)
            tree = language.included(source.tree, self._file(part.folder, "AWS::Include", notes))
            tree = bodies.inlined(tree, self._file(part.folder, "a definition", notes))
            macros = language.transforms(tree)
            early = Early(tree, parameters, place)
            if language.LANGUAGE in macros:
                tree = language.unrolled(tree, early.collection)
                tree = language.named(tree, early.name)
            if language.SAM in macros:
                anatomy.check_early(tree)
                tree = with_code(tree, early)
        except Problem as problem:
            raise source.error(problem) from problem
        if language.SAM in macros:
            notes += told(sam_properties.ignored(tree), source.error)
            notes += _without_transform(source)
        source = structs.replace(source, tree=tree, notes=(*source.notes, *notes))
        self.formats.append("SAM" if language.SAM in macros else part.format)
        if language.SAM not in macros:
            return self._with_files(source, part, early)
        try:
            made = expanded_once(source, parameters, place.region, self._state_folder / "sam")
            refuse_nulls(made, but={*tree["Resources"]} - sams)
        except Problem as problem:
            raise source.error(problem) from problem
        except TemplateError as error:
            # The translator looks into parameters, and blames what they are used for.
            missing = without_value(source.tree.get("Parameters") or {}, parameters)
            if missing:
                raise source.error(no_value(missing)) from error
            raise
        return self._with_files(made, part, early)

    def _with_files(self, source: Source, part: Part, early: Early) -> Source:
        """A template after its macros, with what tools put into S3."""

        def find(bucket: Any, key: Any, path: Any) -> str | None:
            local = local_path(bucket, key) or part.assets.get(str(key))
            if local is None and part.uploads is not None and isinstance(bucket, str) and isinstance(key, str):
                try:
                    local = part.uploads(bucket, key)
                except Problem as problem:
                    raise Problem(path, problem.text) from problem
            return None if local is None else str(local)

        notes: list[str] = []
        try:
            tree, told_of = bodies.brought(source.tree, early, find, self._file(part.folder, "a body", notes))
        except Problem as problem:
            raise source.error(problem) from problem
        return structs.replace(source, tree=tree, notes=(*source.notes, *notes, *told_of))

    def _file(self, folder: Path, what: str, notes: list[str]) -> Callable[[str, Any], Any]:
        def read(location: str, path: Any) -> Any:
            file = folder / location
            if "://" in location:
                raise Problem(path, f"{what}: {location} is not on this machine: name a file beside the template")
            if not file.is_file():
                raise Problem(path, f"{what}: there is no file {file}")
            self.files.add(file.resolve())
            try:
                text = read_text(file)
            except ConfigurationError as error:
                raise Problem(path, f"{what}: {error}") from error
            found, repeated = load_part(text, _shown(file))
            notes.extend(repeated)
            return found

        return read

    def _nested(self, part: Part, resource: Resource, parameters: Mapping[str, str], source: Source) -> Stack | None:
        name = physical_name(part.stack, resource.logical_id, longest=128)
        if part.uploads is not None:
            where = (*resource.path, "Properties", "TemplateURL")
            try:
                body = read_text(part.uploads(*bucket_and_key(str(resource.properties.get("TemplateURL")), where)))
            except Problem as problem:
                raise source.error(problem) from problem
            except ConfigurationError as error:
                raise source.error(Problem(where, "TemplateURL does not lead to UTF-8 text")) from error
            uploaded = structs.replace(part, template=Path(name), text=body, stack=name, parameters={})
            return self._stack(uploaded, parameters)
        location = resource.metadata.get("aws:asset:path", resource.properties.get("TemplateURL"))
        text = str(location)
        local = re.fullmatch(r"https://streamer-local/([0-9a-f]+)", text)
        text = bytes.fromhex(local[1]).decode() if local else text
        asset = next((file for key, file in part.assets.items() if text.endswith(f"/{key}")), None)
        if asset is None and "://" in text:
            return None
        path = asset or part.folder / text
        if not path.is_file():
            where = (*resource.path, "Properties", "TemplateURL")
            raise source.error(Problem(where, f"{text}: there is no such template on this machine"))
        assets = dict(part.assets)
        built = None if part.built is None else part.built / resource.logical_id
        inner = structs.replace(part, template=path, folder=path.parent, stack=name, assets=assets, built=built)
        return self._stack(inner, parameters)


def _without_transform(source: Source) -> list[str]:
    """What is told of a template that has types of SAM's, and not the transform that knows them."""
    name = next(own_types(source.tree), None)
    if name is None or language.SAM in language.declared(source.tree):
        return []
    kind = source.tree["Resources"][name]["Type"]
    text = f"CloudFormation refuses {kind} in a template without Transform: {language.SAM}"
    return [str(source.error(Problem(("Resources", name, "Type"), text)))]


def _at_home(text: str, account: str | None, here: str) -> str:
    """A template in which the account that it is for is the one that is emulated: by itself, in ARNs and in URLs.

    CDK writes the account into templates of stacks that name one, and ``AWS::AccountId`` into others. Names with an
    account in them, such as a bucket's, stay as they are. [SRC] aws-cdk core/lib/stack.ts parseEnvironment
    """
    return text if account is None else re.sub(rf"""(?<=[:/"']){account}(?=[:/"'\\])""", here, text)


def bucket_and_key(url: str, path: tuple[str | int, ...]) -> tuple[str, str]:
    """The object that a template's URL names: below S3's address, or that of its bucket; raises `Problem`."""
    found = urlsplit(url)
    host, key = found.hostname or "", unquote(found.path).lstrip("/")
    bucket = re.match(r"(?P<name>.+?)\.s3[.-]", host)
    if bucket is not None:
        return bucket["name"], key
    name, slash, key = key.partition("/")
    if not slash or not name or not key:
        raise Problem(path, f"{url}: TemplateURL must be the address of an object in S3")
    return name, key


def load_part(text: str, name: str) -> tuple[Any, list[str]]:
    """What a file says that is included in a template, and what is to be told of how it is written."""
    from .yaml_tags import YamlText  # noqa: PLC0415 - 30 ms that others need not pay

    part = YamlText(text.removeprefix("\ufeff"), name)
    check_values(name, text, part.tree)
    return part.tree, part.repeated


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def place_of(stack: str, settings: Settings) -> Place:
    """Where a stack is, as its names have it."""
    return Place(
        stack=stack,
        region=settings.region,
        account_id=settings.account_id,
        partition=partition_of(settings.region),
        url_suffix=url_suffix(settings.region),
    )
