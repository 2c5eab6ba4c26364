"""What a target is: a template, or a folder that a tool has made, and the templates that are in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from streamer.aws_limits import REGION_NAME
from streamer.errors import ConfigurationError

from ..foundation.json_bytes import parsed_json

SUFFIXES: Final = (".yaml", ".yml", ".json", ".template")
TEMPLATES: Final = ("template.yaml", "template.yml", "template.json")
SERVERLESS: Final = "cloudformation-template-update-stack.json"
BUILT: Final = Path(".aws-sam") / "build"
_SERVICES: Final = ("serverless.yml", "serverless.yaml", "serverless.ts", "serverless.json")
_OF_TOOLS: Final = (*_SERVICES, "cdk.json")
"""Files of which tools make templates: who names one means its folder."""
_MADE_BY: Final = {"cdk.out": "cdk synth", ".serverless": "serverless package"}
"""Folders that tools make, and the command that does."""
_READ: Final = "templates of SAM and CloudFormation, and what CDK and Serverless make"
_ACCOUNT: Final = re.compile(r"\d{12}")
_SHOWN: Final = 3
"""How many folders a refusal names."""


class Part(Struct, frozen=True, kw_only=True):
    """One stack of a project: its template, and where its files are."""

    template: Path
    folder: Path
    """What local paths in the template are relative to."""
    stack: str
    shown: str | None = None
    """CDK's: as its own commands name the stack, such as ``Prod/Chat`` of the stage ``Prod``; None: as its name."""
    format: str
    """``CloudFormation``, ``CDK`` or ``Serverless``; SAM is told by the template's text."""
    assets: Mapping[str, Path] = field(default_factory=dict)
    """CDK's: object key to file or folder."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    region: str | None = None
    """Where its tool deploys it; None: it does not say."""
    account: str | None = None
    """CDK's: the account that it is for, in twelve digits; None: any."""
    built: Path | None = None
    """SAM's: the folder with a folder of built code for each function, and one for each application nested in it."""
    text: str | None = None
    """The template itself, where it is in no file."""
    uploads: Callable[[str, str], Path] | None = None
    """Finds an object of S3, by bucket and key, in a file here; raises `Problem`. None: what the template names is
    beside it."""

    @property
    def is_build(self) -> bool:
        """Whether the template is one that SAM has written beside what it has built. [SRC] aws-sam-cli"""
        return self.folder.name == "build" or f"/{BUILT.as_posix()}/" in f"/{self.folder.as_posix()}/"


class Project(Struct, frozen=True, kw_only=True):
    """What a target consists of."""

    name: str
    """As the user wrote it."""
    root: Path
    """The project's folder."""
    parts: tuple[Part, ...]

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions that its tool deploys it to, as far as it says."""
        return tuple(dict.fromkeys(part.region for part in self.parts if part.region is not None))


def stack_name(text: str) -> str:
    """A folder's name as a stack may be called. [DOC] cfn-docs: letters, digits and hyphens, a letter first"""
    found = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
    return found if found[:1].isalpha() else f"stack-{found}".rstrip("-")


def is_template(target: str, folder: Path) -> bool:
    """Whether a target is a file or folder, rather than ``module:attribute``."""
    path = folder / target
    return target.endswith(SUFFIXES) or path.is_dir() or "/" in target or target in _MADE_BY


def find_default(folder: Path) -> str | None:
    """What stands in a folder when no target is named; None: nothing that is known."""
    built = folder / BUILT / "template.yaml"
    plain = next((folder / name for name in TEMPLATES if (folder / name).is_file()), None)
    if built.is_file() and (plain is None or built.stat().st_mtime > plain.stat().st_mtime):
        return str(BUILT / "template.yaml")
    if plain is not None:
        return plain.name
    if (folder / ".serverless" / SERVERLESS).is_file():
        return ".serverless"
    return "cdk.out" if (folder / "cdk.out" / "manifest.json").is_file() else None


def is_of_a_tool(folder: Path) -> bool:
    """Whether a tool makes templates of what stands in a folder, whether or not it has."""
    return any((folder / name).is_file() for name in _OF_TOOLS)


def find(target: str, folder: Path, *, stack: str | None) -> Project:
    """The templates that a target stands for.

    Raises:
        ConfigurationError: there is nothing known, or no such stack.
    """
    path = folder / target
    if not path.exists():
        made_by = _MADE_BY.get(path.name)
        advice = "" if made_by is None else f": run {made_by} first"
        raise ConfigurationError(f"{target}: there is no such file or folder{advice}")
    if path.name in _OF_TOOLS:
        return find(target.removesuffix(path.name) or ".", folder, stack=stack)
    if path.is_file():
        return _of_file(target, path, stack)
    if _is_assembly(path):
        return _assembly(target, path, stack)
    if (path / SERVERLESS).is_file():
        return _serverless(target, path, stack)
    found = find_default(path)
    if found is not None:
        inner = find(found, path, stack=stack)
        return Project(name=target, root=inner.root, parts=inner.parts)
    raise _nothing(target, path)


def _nothing(target: str, path: Path) -> ConfigurationError:
    """Why a folder has nothing to emulate, and what makes something."""
    where = "" if target == "." else f"{target}: "
    if path.name in _MADE_BY:
        wanted = "manifest.json" if path.name == "cdk.out" else SERVERLESS
        text = f"{where}there is no {wanted} in it: run {_MADE_BY[path.name]}, which did not end"
        return ConfigurationError(text)
    for name in _SERVICES:
        if (path / name).is_file():
            return ConfigurationError(f'{where}{name} is not packaged yet: add --build "npx serverless package"')
    if (path / "cdk.json").is_file():
        return ConfigurationError(f'{where}cdk.json is not synthesised yet: add --build "npx cdk synth -q"')
    below = folders_below(path)
    if below:
        names = ", ".join(below[:_SHOWN]) + (", ..." if len(below) > _SHOWN else "")
        return ConfigurationError(f"{where}nothing to emulate in this folder itself; there is {names}")
    if (of_terraform := unread(path)) is not None:
        return ConfigurationError(f"{where}{of_terraform}")
    looked = ", ".join((*TEMPLATES, "cdk.out", ".serverless", "serverless.yml"))
    return ConfigurationError(f"{where}nothing to emulate; looked for {looked}")


def unread(path: Path) -> str | None:
    """What to say of a folder with another tool's files, which nothing here reads; None: there are none."""
    is_of_terraform = any(path.glob("*.tf")) or any(path.glob("*/*.tf"))
    return f"Terraform's files are not read; {_READ} are" if is_of_terraform else None


def folders_below(path: Path) -> list[str]:
    """Folders up to two levels below that have something to emulate, as they are named from here."""
    known = {*TEMPLATES, *_OF_TOOLS}
    found = []
    for folder in sorted(
        {each.parent for level in ("*/*", "*/*/*") for each in path.glob(level) if each.name in known}
    ):
        names = folder.relative_to(path).parts
        if not any(name == "node_modules" or name.startswith(".") for name in names):
            found.append("/".join(names))
    return found


def _of_file(target: str, path: Path, stack: str | None) -> Project:
    if path.name == SERVERLESS:
        return _serverless(target, path.parent, stack)
    folder = path.parent
    root = folder.parent.parent if folder.parts[-2:] == BUILT.parts else folder
    built = root / BUILT
    name = stack or stack_name(root.resolve().name)
    part = Part(
        template=path,
        folder=folder,
        stack=name,
        format="CloudFormation",
        assets=_assets(folder, path.name.replace(".template.json", ".assets.json")),
        built=built if built.is_dir() and folder != built else None,
    )
    return Project(name=target, root=root, parts=(part,))


def _serverless(target: str, folder: Path, stack: str | None) -> Project:
    state = _read(folder / "serverless-state.json") if (folder / "serverless-state.json").is_file() else {}
    service = state.get("service") or {}
    provider = service.get("provider") or {}
    name = stack or provider.get("stackName") or _stack_of(service, state, folder)
    part = Part(
        template=folder / SERVERLESS,
        folder=folder.parent,
        stack=str(name),
        format="Serverless",
        region=_region(provider.get("region")),
    )
    return Project(name=target, root=folder.parent, parts=(part,))


def _stack_of(service: dict[str, Any], state: dict[str, Any], folder: Path) -> str:
    """A service's stack is named after it and the stage, which is the part before the last of where it is uploaded to.

    The provider's own stage is not what ``--stage`` said. [REC] osls: generate-artifact-directory-name, getStackName
    """
    provider, uploaded = service.get("provider") or {}, (state.get("package") or {}).get("artifactDirectoryName")
    parts = uploaded.split("/") if isinstance(uploaded, str) else ()
    stage = parts[-2] if len(parts) > 1 else provider.get("stage", "dev")
    return f"{service.get('service', folder.parent.resolve().name)}-{stage}"


# CDK


def _is_assembly(folder: Path) -> bool:
    """Whether the CDK made a folder: web pages and add-ons of browsers have a manifest.json, too."""
    path = folder / "manifest.json"
    return path.is_file() and (folder.name == "cdk.out" or "artifacts" in _read(path))


def _assembly(target: str, folder: Path, wanted: str | None) -> Project:
    parts = tuple(_stacks(folder))
    if wanted is not None:
        named = [part for part in parts if any(fnmatchcase(name, wanted) for name in _names(part))]
        if not named:
            have = ", ".join(part.shown or part.stack for part in parts) or "none"
            raise ConfigurationError(f"--stack {wanted}: there is no such stack; there are {have}")
        parts = tuple(named)
    if not parts:
        raise ConfigurationError(f"{target}: the assembly has no stack; run cdk synth where the app has one")
    root = folder.parent if folder.name == "cdk.out" else folder
    return Project(name=target, root=root, parts=parts)


def _names(part: Part) -> set[str]:
    """What a stack of an assembly may be called: its name, its artifact's, and where it is in the app."""
    return {part.stack, part.template.name.removesuffix(".template.json"), part.shown or part.stack}


def _stacks(folder: Path) -> Iterator[Part]:
    """Stacks of an assembly and of those in it, each after those it depends on."""
    artifacts = _read(folder / "manifest.json").get("artifacts") or {}
    done: set[str] = set()
    for name in artifacts:
        yield from _artifact(folder, artifacts, name, done)


def _artifact(folder: Path, artifacts: Mapping[str, Any], name: str, done: set[str]) -> Iterator[Part]:
    if name in done or name not in artifacts:
        return
    done.add(name)
    artifact = artifacts[name]
    for needed in artifact.get("dependencies") or ():
        yield from _artifact(folder, artifacts, needed, done)
    properties = artifact.get("properties") or {}
    if artifact.get("type") == "cdk:cloud-assembly":
        yield from _stacks(folder / properties["directoryName"])
    elif artifact.get("type") == "aws:cloudformation:stack":
        parameters, assets = _parameters_of_assets(folder, artifact)
        account, _, region = str(artifact.get("environment")).removeprefix("aws://").partition("/")
        yield Part(
            template=folder / properties["templateFile"],
            folder=folder,
            stack=str(properties.get("stackName", name)),
            shown=str(artifact.get("displayName", name)),  # [SRC] aws-cdk cloud-assembly-schema ArtifactManifest
            format="CDK",
            assets={**assets, **_assets(folder, f"{name}.assets.json")},
            parameters={
                **parameters,
                **{key: str(value) for key, value in (properties.get("parameters") or {}).items()},
            },
            region=_region(region),
            account=account if _ACCOUNT.fullmatch(account) else None,
        )


def _assets(folder: Path, name: str) -> dict[str, Path]:
    path = folder / name
    if not name.endswith(".assets.json") or not path.is_file():
        return {}
    found = {}
    for each in (_read(path).get("files") or {}).values():
        source = (each.get("source") or {}).get("path")
        for destination in (each.get("destinations") or {}).values():
            if source is not None and "objectKey" in destination:
                found[str(destination["objectKey"])] = folder / source
    return found


def _parameters_of_assets(folder: Path, artifact: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Path]]:
    """What `cdk deploy` gives a stack of the legacy synthesis, CDK 1's own, and where its assets are, by object key.

    [SRC] aws-cdk cloud-assembly-schema FileAssetMetadataEntry, LegacyStackSynthesizer: a prefix and a name in one text
    """
    parameters, assets = {}, {}
    for entry in (entry for of in (artifact.get("metadata") or {}).values() for entry in of):
        data = entry.get("data")
        if entry.get("type") != "aws:cdk:asset" or not isinstance(data, dict) or "s3KeyParameter" not in data:
            continue
        name = f"{data['id']}{Path(data['path']).suffix if data.get('packaging') == 'file' else '.zip'}"
        parameters[data["s3BucketParameter"]] = "cdk-assets"
        parameters[data["s3KeyParameter"]] = f"assets/||{name}"
        parameters[data["artifactHashParameter"]] = data["id"]
        assets[f"assets/{name}"] = folder / data["path"]
    return parameters, assets


def _region(written: Any) -> str | None:
    """A Region as a tool wrote it. CDK has ``aws://ACCOUNT/REGION``, in which a word stands for what is not said.

    [SRC] aws-cdk @aws-cdk/cloud-assembly-api environment.ts
    """
    return written if isinstance(written, str) and REGION_NAME.fullmatch(written) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = parsed_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: not readable: {error}") from error
    return found if isinstance(found, dict) else {}
