"""Where a function's code is on this machine: folders, assets, archives, code inside the template, layers."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from msgspec import structs

from ..foundation.files import write_whole
from ..functions.runtimes import program_missing
from .archives import unpack
from .assembly import Part
from .described.lambda_functions import names_of
from .errors import Path as Place
from .errors import Problem
from .layers import foreign, is_installed, mentions_opt, wants_build
from .located import Located
from .sam import SOURCE_ID, local_path
from .stack import Resource, Stack
from .values import at

_STALE_SECONDS: Final = 1.0
_WRAPPER: Final = "AWS_LAMBDA_EXEC_WRAPPER"
_WRAPPED: Final = (
    *("DD_LAMBDA_HANDLER", "LUMIGO_ORIGINAL_HANDLER", "NEW_RELIC_LAMBDA_HANDLER", "SENTRY_INITIAL_HANDLER"),
)
"""Variables by which layers that watch functions know the handler whose place theirs has taken. [DOC] of each vendor"""
_TYPED: Final = (".ts", ".mts", ".cts", ".tsx")
_ARCHIVES: Final = (".zip", ".jar")
EMPTY: Final = "Uploaded file must be a non-empty zip"
"""[USR] aws-samples/amazon-textract-a2i-pdf #5, sample-serverless-mcp-servers #5 of layers"""


@dataclass(slots=True)
class Code:
    """Finds the code of functions; unpacks and writes what is not a folder, below a folder of its own."""

    parts: Mapping[str, Part]
    """By the name of their stack."""
    folder: Path
    """For what is unpacked."""
    instead: Mapping[str, Path] = field(default_factory=dict)
    """Folders that users name, by logical id, function name or construct path."""
    used: set[Path] = field(default_factory=set)
    """Folders that functions run from, to be watched."""
    layers: dict[str, Resource] = field(default_factory=dict)
    """The project's own layers, by ARN; filled before the first function is asked for."""
    layer_stacks: dict[str, Stack] = field(default_factory=dict)

    def locate(self, stack: Stack, resource: Resource) -> Located:
        """The code of a function; a `topology.Locate`.

        Raises:
            Problem: a local folder, archive or handler file does not exist.
        """
        own = next((self.instead[name] for name in names_of(resource) if name in self.instead), None)
        if own is not None:
            self.used.add(own)
            return self._with_layers(resource, Located(folder=str(own)), ())
        if resource.properties.get("PackageType") == "Image":
            return Located(unavailable="it is a container image, which is not run here")
        inline = (resource.properties.get("Code") or {}) if isinstance(resource.properties.get("Code"), dict) else {}
        if isinstance(inline.get("ZipFile"), str):
            return self._with_layers(resource, self._inline(stack, resource, inline["ZipFile"]), ())
        found = self._path(stack, resource, "Code", resource.properties.get("Code"))
        if found is None:
            return Located(unavailable="its code is not here: name a folder with --code ID=FOLDER")
        is_source = self._part(stack).uploads is None
        if is_source and _is_built(resource) and not self._is_there(stack, resource):
            return Located(unavailable="it has a build method and was not built: run sam build")
        if not found.exists() and not _is_loaded_by_name(resource):
            return Located(unavailable=f"there is no {_kind(found)} {found}: build it")
        folder, built, warnings = self._folder(stack, resource, found)
        self.used.add(folder)
        located = self._with_layers(resource, Located(folder=str(folder), warnings=warnings), built)
        reason = self._no_program(resource, located)
        if reason is not None:
            return structs.replace(located, unavailable=reason)
        try:
            self._check_handler(resource, located, str(resource.properties.get("Handler", "")))
        except Problem:
            unwrapped = self._without_wrapper(resource, located)
            if unwrapped is None:
                raise
            return unwrapped
        return located

    def _without_wrapper(self, resource: Resource, located: Located) -> Located | None:
        """A function whose handler is not here as a layer of somebody else has it; None: there is no such layer."""
        variables, wrapped = _variables(resource), _wrapped(resource)
        if wrapped is not None:
            handler = str(variables[wrapped])
            self._check_handler(resource, located, handler)
            text = f"its handler {resource.properties['Handler']} is not here: {handler} ({wrapped}) is run without it"
            return structs.replace(located, handler=handler, warnings=(*located.warnings, text))
        wrapper = variables.get(_WRAPPER)
        if not wrapper:
            return None
        reason = f"{wrapper} ({_WRAPPER}) makes something of its handler, and is not run here"
        return structs.replace(located, unavailable=reason)

    def _is_there(self, stack: Stack, resource: Resource) -> bool:
        """Whether SAM has built a function, or the template is that of its build."""
        part = self._part(stack)
        return part.is_build or (part.built is not None and (part.built / resource.logical_id).is_dir())

    # where it is

    def _path(self, stack: Stack, resource: Resource, name: str, code: Any) -> Path | None:
        """The file or folder that a property of code or content stands for; None: it is elsewhere."""
        part = self._part(stack)
        if part.uploads is not None:
            return _uploaded(part.uploads, resource, name, code)
        asset = resource.metadata.get("aws:asset:path")
        if isinstance(asset, str):
            return part.folder / asset
        if isinstance(code, str) and not code.startswith("s3://"):
            return part.folder / code
        if not isinstance(code, dict):
            return None
        bucket, key = code.get("S3Bucket"), code.get("S3Key")
        local = local_path(bucket, key)
        if local is not None:
            return part.folder / local
        if key in part.assets:
            return part.assets[str(key)]
        if part.format == "Serverless" and isinstance(key, str):
            return self._of_serverless(part, resource, part.folder / ".serverless" / key.rpartition("/")[2])
        return None

    def _of_serverless(self, part: Part, resource: Resource, artifact: Path) -> Path | None:
        """The service's folder, where the handler is in it as it is; else what was packaged."""
        wrapped = _wrapped(resource)
        handler = resource.properties.get("Handler", "") if wrapped is None else _variables(resource)[wrapped]
        module = str(handler).rpartition(".")[0]
        if any((part.folder / f"{module}{suffix}").is_file() for suffix in (".py", ".js", ".mjs", ".cjs")):
            return part.folder
        return artifact if artifact.exists() else None

    def _part(self, stack: Stack) -> Part:
        return self.parts[stack.name]

    def _folder(self, stack: Stack, resource: Resource, path: Path) -> tuple[Path, tuple[str, ...], tuple[str, ...]]:
        """The folder to run from, folders with built code, and warnings."""
        part = self._part(stack)
        built: tuple[str, ...] = ()
        made = None if part.built is None else part.built / resource.logical_id
        warnings: tuple[str, ...] = ()
        if made is not None and made.is_dir():
            if _is_built(resource):
                if path.is_dir() and _newest(path) > _newest(made) + _STALE_SECONDS:
                    warnings = ("it was built before its sources changed: run sam build",)
                return made.resolve(), (), warnings
            built = (str(made.resolve()),)
        if path.is_file() and zipfile.is_zipfile(path):
            return self._unpacked(part, at(resource, "Code"), path), built, warnings
        if path.is_file() and (part.uploads is not None or path.suffix in _ARCHIVES):
            raise Problem(at(resource, "Code"), _unreadable(part, path))
        if path.is_file():  # tools pack the file alone. [INF] sam-cli, aws-cli
            path = path.parent
        if not path.is_dir():
            raise Problem(at(resource, "Code"), _absent(part, path))
        return path.resolve(), built, warnings

    def _unpacked(self, part: Part, place: Place, archive: Path) -> Path:
        """The folder with what is in an archive, which a template names at a place."""
        content = archive.read_bytes()
        target = self.folder / hashlib.blake2b(content, digest_size=10).hexdigest()
        if not target.is_dir():
            try:
                unpack(archive, target)
            except ValueError as error:
                raise Problem(place, _unreadable(part, archive)) from error
            if not target.is_dir():
                raise Problem(place, EMPTY if part.uploads is not None else f"there is nothing in {archive}")
        self._fence()
        return target.resolve()

    def _inline(self, stack: Stack, resource: Resource, text: str) -> Located:
        """Code of the template itself, as the file that Lambda makes of it. [DOC] cfn-docs:lambda-function-code"""
        suffix = "py" if str(resource.properties.get("Runtime", "")).startswith("python") else "js"
        folder = self.folder / f"{stack.name}-{resource.logical_id}"
        if self._part(stack).uploads is not None:  # what runs is not changed under its feet
            folder = folder.with_name(f"{folder.name}-{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}")
        file = folder / f"index.{suffix}"
        if not file.is_file() or file.read_text("utf-8") != text:
            write_whole(file, text.encode())
        self._fence()
        return Located(folder=str(folder.resolve()))

    def _fence(self) -> None:
        """Keep Node.js from looking for a ``package.json`` above what was unpacked, where on Lambda there is none."""
        file = self.folder / "package.json"
        if not file.is_file():
            write_whole(file, b"{}\n")

    # layers

    def _with_layers(self, resource: Resource, located: Located, built: tuple[str, ...]) -> Located:
        paths: list[str] = []
        warnings = list(located.warnings)
        arns = [str(arn) for arn in resource.properties.get("Layers") or () if arn]  # that one is empty is told
        for arn in arns:
            layer = self.layers.get(arn)
            if layer is None:
                continue
            name = str(layer.metadata.get(SOURCE_ID) or layer.logical_id)
            content = layer.properties.get("Content")
            found = self._path(self.layer_stacks[arn], layer, "Content", content)
            if found is not None and found.is_file() and zipfile.is_zipfile(found):
                found = self._unpacked(self._part(self.layer_stacks[arn]), at(layer, "Content"), found)
            if found is None or not found.is_dir():
                where = (
                    "is not on this machine" if found is None else f"is not here: there is no {_kind(found)} {found}"
                )
                warnings.append(f"its layer {name} {where}")
                continue
            part = self._part(self.layer_stacks[arn])
            if part.built is not None and (part.built / name).is_dir():
                found = part.built / name
            elif part.uploads is None and not part.is_build and wants_build(layer, found):
                warnings.append(f"its layer {name} has a build method and was not built: run sam build")
            if (found / "extensions").is_dir():
                warnings.append(f"its layer {name} has Lambda extensions, which are not run here")
            self.used.add(found.resolve())
            # What a later layer has replaces what those before it have. [DOC] lambda-docs:adding-layers
            paths.insert(0, str(found.resolve()))
        paths[:0] = built
        folders = [Path(each) for each in (located.folder, *paths) if each is not None]
        warnings += [foreign(arn) for arn in arns if arn not in self.layers and not is_installed(arn, folders)]
        if paths and mentions_opt(located.folder):
            warnings.append("its code mentions /opt, which does not exist here: layers are found by search paths only")
        return Located(
            folder=located.folder,
            search_paths=tuple(paths),
            handler=located.handler,
            unavailable=located.unavailable,
            warnings=tuple(warnings),
        )

    def _no_program(self, resource: Resource, located: Located) -> str | None:
        """Why there is nothing yet that a function is started by."""
        runtime, handler = str(resource.properties.get("Runtime")), str(resource.properties.get("Handler") or "")
        folders = () if located.folder is None else (located.folder, *located.search_paths)
        return program_missing(runtime, handler, folders)

    def _check_handler(self, resource: Resource, located: Located, handler: str) -> None:
        """Raise `Problem` where a function in Python or Node.js has no such file."""
        runtime = str(resource.properties.get("Runtime"))
        if not _is_loaded_by_name(resource) or located.folder is None:
            return
        if "." not in handler:
            raise Problem(at(resource, "Handler"), f"{handler!r} is not FILE.FUNCTION")
        if runtime.startswith("python"):
            relative, suffix = handler.rpartition(".")[0].replace(".", "/"), ".py"
            folders = (located.folder, *located.search_paths, *(path for path in sys.path if path))
            names = [f"{relative}.py", f"{relative}/__init__.py"]
        else:
            path, _, base = handler.rpartition("/")
            relative, suffix = str(PurePosixPath(path, base.partition(".")[0])), ".js"
            folders = (located.folder, *located.search_paths)
            names = [relative, *(f"{relative}{each}" for each in (".js", ".mjs", ".cjs", "/index.js"))]
            names += [f"{each}node_modules/{relative}" for each in ("", "nodejs/")]
        if not any(Path(folder, name).exists() for folder in folders for name in names):
            text = f"there is no file {relative}{suffix} in {located.folder}"
            source = next((each for each in _TYPED if Path(located.folder, f"{relative}{each}").is_file()), None)
            if source is not None and suffix == ".js":
                text += f", only {relative}{source}, which Lambda does not run: build it"
            raise Problem(at(resource, "Handler"), text)


def _uploaded(uploads: Callable[[str, str], Path], resource: Resource, name: str, code: Any) -> Path:
    if (
        not isinstance(code, dict)
        or not isinstance(code.get("S3Bucket"), str)
        or not isinstance(code.get("S3Key"), str)
    ):
        raise Problem(at(resource, name), "S3Bucket and S3Key are expected")
    try:
        return uploads(code["S3Bucket"], code["S3Key"])
    except Problem as problem:
        raise Problem(at(resource, name), problem.text) from problem


def _variables(resource: Resource) -> Mapping[str, Any]:
    return (resource.properties.get("Environment") or {}).get("Variables") or {}


def _wrapped(resource: Resource) -> str | None:
    """The variable that has the function's own handler, where a layer's has its place; None: there is none."""
    return next((each for each in _WRAPPED if isinstance(_variables(resource).get(each), str)), None)


def _is_built(resource: Resource) -> bool:
    return bool(resource.metadata.get("BuildMethod") or resource.metadata.get("BuildProperties"))


def _is_loaded_by_name(resource: Resource) -> bool:
    """Whether the handler names a file of its sources, which is there before anything is built."""
    return str(resource.properties.get("Runtime", "")).startswith(("python", "nodejs"))


def _absent(part: Part, path: Path) -> str:
    """What to say of code that is not where a template has it."""
    if part.format == "CDK" and path.is_relative_to(part.folder):  # many keep an assembly without its assets
        return f"there is no {path}: run cdk synth"
    return f"there is no folder {path}{_but(path)}" if _kind(path) == "folder" else f"{path} does not exist: build it"


def _but(path: Path) -> str:
    """What is there that could be meant: a link to nothing, or a name that only some file systems take for the same."""
    if path.is_symlink():
        return f": it is a link to {path.readlink()}"
    beside = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
    other = next((each.name for each in beside if each.name.casefold() == path.name.casefold()), None)
    return "" if other is None else f", but {other}: the case of letters counts"


def _kind(path: Path) -> str:
    return "archive" if path.suffix in _ARCHIVES else "folder"


def _newest(folder: Path) -> float:
    newest = 0.0
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("node_modules", "__pycache__", ".git", ".aws-sam")]
        for name in files:
            with contextlib.suppress(OSError):  # it is gone, or a link that leads nowhere, as editors keep for locks
                newest = max(newest, Path(root, name).stat().st_mtime)
    return newest


def _unreadable(part: Part, path: Path) -> str:
    """What is said of a file that is no archive: of an upload, Lambda's words. [REC] ls-snap test_lambda_api.py"""
    if part.uploads is not None:
        return "Could not unzip uploaded file. Please check your file, then try to upload again."
    return f"{path} is no archive that can be unpacked"
