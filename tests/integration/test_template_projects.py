"""Reading projects from disk: what a target is, where code is, and what the user may say differently."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from emulator.command.emulate.check import checked
from emulator.command.options import EmulateOptions
from emulator.command.targets.from_template import load_template, run_build
from emulator.command.targets.which_project import template_name
from emulator.templates.archives import unpack
from emulator.templates.assembly import find, find_default, stack_name
from emulator.templates.project import Read
from emulator.templates.report import report
from streamer.errors import ConfigurationError
from streamer.project import read as read_project
from streamer.topology import Topology

TEMPLATES = Path(__file__).parents[1] / "templates"
CHAT = """\
  Chat:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      Routes: {$default: {FunctionArn: !GetAtt Answer.Arn}}
  Answer:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.12
      InlineCode: "def handler(event, context): return {'statusCode': 200}"
"""


def read(folder: Path, target: str, **options: Any) -> Topology:
    found = load_template(target, EmulateOptions(**options), folder=folder, state_folder=folder / ".streamer")
    return found.read.described.topology


@pytest.fixture
def sam(tmp_path: Path) -> Path:
    folder = tmp_path / "chat"
    shutil.copytree(TEMPLATES / "sam-globals", folder)
    return folder


def test_what_a_folder_has_is_found(tmp_path: Path) -> None:
    assert find_default(tmp_path) is None
    (tmp_path / "cdk.out").mkdir()
    (tmp_path / "cdk.out" / "manifest.json").write_text("{}")
    assert find_default(tmp_path) == "cdk.out"
    (tmp_path / ".serverless").mkdir()
    (tmp_path / ".serverless" / "cloudformation-template-update-stack.json").write_text("{}")
    assert find_default(tmp_path) == ".serverless"
    (tmp_path / "template.yml").write_text("")
    assert find_default(tmp_path) == "template.yml"
    built = tmp_path / ".aws-sam" / "build"
    built.mkdir(parents=True)
    (built / "template.yaml").write_text("")
    os.utime(tmp_path / "template.yml", (1, 1))
    assert find_default(tmp_path) == ".aws-sam/build/template.yaml"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        pytest.param("def handler(event, context): ...\n", "template.yaml", id="a handler"),
        pytest.param("from streamer import App\n\napp = App()\n", None, id="an App"),
        pytest.param("from service import app\n", None, id="an App from elsewhere"),
        pytest.param("import aws_cdk as cdk\n\napp = cdk.App()\n", "template.yaml", id="CDK's"),
        pytest.param("import flask\nfrom streamer import App\n\napp = App()\n", None, id="an App beside another"),
    ],
)
def test_a_module_called_app_is_an_app_only_if_it_names_one(text: str, target: str | None, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(text)
    assert template_name(None, read_project(tmp_path), tmp_path) is None

    (tmp_path / "template.yaml").write_text("Resources: {}\n")

    assert template_name(None, read_project(tmp_path), tmp_path) == target


@pytest.mark.parametrize("name", ["cdk.json", "serverless.yml"])
def test_what_a_tool_has_not_made_yet_is_meant_as_well(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("")
    assert template_name(None, read_project(tmp_path), tmp_path) == "."

    (tmp_path / "app.py").write_text("from streamer import App\n\napp = App()\n")
    assert template_name(None, read_project(tmp_path), tmp_path) is None


def test_what_is_no_template_does_not_pay_for_templates(tmp_path: Path) -> None:
    program = (
        "import sys, emulator.command.emulate.serve, emulator.command.emulate.run; "
        "print(*(n for n in sys.modules if n.startswith('emulator.templates.')))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["emulator.templates.assembly"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param((), "nothing to emulate; looked for", id="nothing"),
        pytest.param(
            ("web/package.json", "api/serverless.yml", "infra/cdk/cdk.json", "node_modules/a/template.yaml"),
            "nothing to emulate in this folder itself; there is api, infra/cdk$",
            id="folders with something",
        ),
        pytest.param(
            ("infra/main.tf",), "Terraform's files are not read; templates of SAM and CloudFormation, ", id="Terraform"
        ),
        pytest.param(("serverless.yml",), 'add --build "npx serverless package"', id="Serverless"),
        pytest.param(("cdk.json",), 'add --build "npx cdk synth -q"', id="CDK"),
    ],
)
def test_a_folder_without_anything_known_is_refused(files: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    for name in files:
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).write_text("")

    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, "project")


def test_a_manifest_of_a_web_page_makes_no_assembly_of_a_folder(sam: Path) -> None:
    (sam / "manifest.json").write_text('{"name": "Chat", "start_url": "/"}')

    assert read(sam, ".") == read(sam, "template.yaml")


@pytest.mark.parametrize(
    ("folder", "left", "message"),
    [
        ("cdk.out", "synth.lock", "cdk.out: there is no manifest.json in it: run cdk synth, which did not end"),
        (
            ".serverless",
            "cloudformation-template-create-stack.json",
            "there is no cloudformation-template-update-stack.json in it: run serverless package, which did not end",
        ),
    ],
)
def test_what_a_tool_left_half_done_is_told_as_such(folder: str, left: str, message: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / left).write_text("{}")

    with pytest.raises(ConfigurationError, match=re.escape(message)):
        read(tmp_path, folder)


@pytest.mark.parametrize(("folder", "name"), [("My chat+1", "My-chat-1"), ("1st", "stack-1st"), ("...", "stack")])
def test_a_folder_names_a_stack(folder: str, name: str) -> None:
    assert stack_name(folder) == name


def test_the_users_word_counts(sam: Path) -> None:
    (sam / "env.json").write_text(json.dumps({"Greet": {"GREETING": "moin"}, "Parameters": {"MORE": 1}}))

    found = read(
        sam,
        "template.yaml",
        parameters=("Stage=live",),
        env_vars=sam / "env.json",
        stack="mine",
        commands=("Greet=./run me",),
    )

    assert found.api.stage == "live"
    [function] = found.functions
    assert function.name.startswith("mine-Greet-")
    assert function.runtime == "./run me"
    assert (function.environment["GREETING"], function.environment["MORE"]) == ("moin", "1")


def test_samconfig_is_read_and_options_win(sam: Path) -> None:
    (sam / "samconfig.toml").write_text(
        '[default.deploy.parameters]\nstack_name = "configured"\nregion = "eu-north-1"\n'
        'parameter_overrides = "Stage=live"\n'
    )

    configured = load_template("template.yaml", EmulateOptions(), folder=sam, state_folder=sam / ".streamer")

    assert configured.region == "eu-north-1"
    assert configured.read.stacks[0].name == "configured"
    assert configured.read.described.topology.api.stage == "live"
    assert read(sam, "template.yaml", parameters=("Stage=dev",)).api.stage == "test"


@pytest.mark.parametrize(
    ("environments", "region", "said"),
    [
        pytest.param(["aws://111122223333/eu-west-1"], "eu-west-1", None, id="one"),
        pytest.param(["aws://unknown-account/unknown-region"], "us-east-1", None, id="none"),
        pytest.param(["aws://unknown-account/unknown-region", "aws://1/eu-west-1"], "eu-west-1", None, id="one of two"),
        pytest.param(
            ["aws://1/ap-south-1", "aws://1/us-gov-west-1"],
            "us-east-1",
            "check      stacks of ap-south-1, us-gov-west-1 are emulated in us-east-1",
            id="two",
        ),
    ],
)
def test_an_assembly_is_emulated_in_the_region_that_its_stacks_have(
    environments: list[str], region: str, said: str | None, tmp_path: Path
) -> None:
    out = tmp_path / "cdk.out"
    shutil.copytree(TEMPLATES / "cdk" / "cdk.out", out)
    manifest = json.loads((out / "manifest.json").read_text())
    stacks = [each for each in manifest["artifacts"].values() if each["type"] == "aws:cloudformation:stack"]
    for number, stack in enumerate(stacks):
        stack["environment"] = environments[min(number, len(environments) - 1)]
    (out / "manifest.json").write_text(json.dumps(manifest))

    found = load_template("cdk.out", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s")

    assert (len(stacks), found.region) == (2, region)
    assert [line for line in found.lines() if line.startswith("check      stacks")] == ([said] if said else [])


def test_the_account_that_an_assembly_is_for_is_the_one_that_is_emulated(tmp_path: Path) -> None:
    out = tmp_path / "cdk.out"
    shutil.copytree(TEMPLATES / "cdk" / "cdk.out", out)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["artifacts"]["Chat"]["environment"] = "aws://012345678901/eu-west-1"
    (out / "manifest.json").write_text(json.dumps(manifest))
    template = json.loads((out / "Chat.template.json").read_text())
    template["Mappings"] = {"Sizes": {"012345678901": {"limit": "7"}}}
    template["Resources"]["Ask"]["Properties"]["Environment"]["Variables"] = {
        "LIMIT": {"Fn::FindInMap": ["Sizes", {"Ref": "AWS::AccountId"}, "limit"]},
        "TOPIC": {"Fn::Join": ["", ["arn:aws:sns:eu-west-1:012345678901:", {"Ref": "AWS::StackName"}]]},
        "URL": "https://sqs.eu-west-1.amazonaws.com/012345678901/jobs",
        "OTHERS": "arn:aws:sns:eu-west-1:111122223333:news",
        "BUCKET": "files-012345678901",
    }
    (out / "Chat.template.json").write_text(json.dumps(template))

    assert read(tmp_path, "cdk.out").functions[0].environment == {
        "LIMIT": "7",
        "TOPIC": "arn:aws:sns:eu-west-1:123456789012:Chat",
        "URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
        "OTHERS": "arn:aws:sns:eu-west-1:111122223333:news",
        "BUCKET": "files-012345678901",
    }


def test_the_role_that_serverless_sets_for_logs_is_ignored_as_the_accounts_own_resource_is(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES / "serverless" / ".serverless", tmp_path / ".serverless")
    template = tmp_path / ".serverless" / "cloudformation-template-update-stack.json"
    tree = json.loads(template.read_text())
    properties = {"ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:custom"}
    tree["Resources"]["Logs"] = {"Type": "Custom::ApiGatewayAccountRole", "Properties": properties}
    template.write_text(json.dumps(tree))

    lines = load_template(".serverless", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").lines()

    assert "1 API Gateway account" in next(line for line in lines if line.startswith("ignored"))
    assert not any("ApiGatewayAccountRole" in line for line in lines)


@pytest.mark.parametrize(("written", "region"), [("eu-west-1", "eu-west-1"), ({"Ref": "R"}, "us-east-1")])
def test_a_service_is_emulated_in_its_region_unless_samconfig_says_another(
    written: object, region: str, tmp_path: Path
) -> None:
    shutil.copytree(TEMPLATES / "serverless" / ".serverless", tmp_path / ".serverless")
    state = tmp_path / ".serverless" / "serverless-state.json"
    state.write_text(json.dumps({"service": {"service": "chat", "provider": {"region": written}}}))

    def emulated_in() -> str:
        return load_template(".serverless", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").region

    assert emulated_in() == region
    (tmp_path / "samconfig.toml").write_text('[default.global.parameters]\nregion = "eu-north-1"\n')
    assert emulated_in() == "eu-north-1"


@pytest.mark.parametrize(
    ("provider", "uploaded", "stack"),
    [
        ({}, None, "chat-dev"),
        ({"stage": "live"}, None, "chat-live"),
        ({"stage": "live"}, "serverless/chat/trial/1795991584346-2026-11-29T22:33:04.346Z", "chat-trial"),
        ({"stage": "live", "stackName": "talk"}, "serverless/chat/trial/1795991584346", "talk"),
    ],
)
def test_a_services_stack_is_named_after_its_stage(
    provider: dict[str, str], uploaded: str | None, stack: str, tmp_path: Path
) -> None:
    shutil.copytree(TEMPLATES / "serverless" / ".serverless", tmp_path / ".serverless")
    state = {"service": {"service": "chat", "provider": provider}, "package": {"artifactDirectoryName": uploaded}}
    (tmp_path / ".serverless" / "serverless-state.json").write_text(json.dumps(state))

    lines = load_template(".serverless", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").lines()

    assert lines[0] == f".serverless (Serverless), stack {stack}, us-east-1"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"parameters": ("Stage=x",)}, "Parameters.Stage: 'x' is not one of dev, live", id="value"),
        pytest.param(
            {"parameters": ("Stage='a \"b",)}, "Parameters.Stage: .* is not one of dev, live", id="value with quotes"
        ),
        pytest.param({"code": ("Greet=nowhere",)}, "--code: there is no folder", id="code"),
        pytest.param({"code": ("Gret=src",)}, "--code Gret: there is no such function; there are Greet", id="function"),
        pytest.param({"api": "Other"}, "--api Other: there is no such WebSocket API; there are Chat", id="api"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], message: str, sam: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read(sam, "template.yaml", **options)


SECRET = "c2VjcmV0IG9mIG1pbmU"
UNKNOWN = "is not NAME=VALUE with one of the names Stage"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"parameters": (SECRET,)}, "--parameter number 1 is not NAME=VALUE", id="parameter"),
        pytest.param({"parameters": (f"={SECRET}",)}, "--parameter number 1 is not NAME=VALUE", id="no name"),
        pytest.param({"parameters": ("Stage=dev", SECRET)}, "--parameter number 2 is not NAME=VALUE", id="the second"),
        pytest.param(
            {"parameters": (f"{SECRET}==",)}, f"--parameter number 1 {UNKNOWN}", id="a secret that ends with ="
        ),
        pytest.param(
            {"parameters": ("Stage=dev", "Stage=live", f"{SECRET}=")}, f"--parameter number 3 {UNKNOWN}", id="the third"
        ),
        pytest.param(
            {"overrides": ("Stage=dev", f"Stage=dev {SECRET}")},
            "--parameter-overrides: part number 3 is not NAME=VALUE; a value with spaces stands in quotes",
            id="SAM's spelling",
        ),
        pytest.param(
            {"overrides": (f'Stage="{SECRET}',)}, "--parameter-overrides: No closing quotation", id="a quote in SAM's"
        ),
        pytest.param(
            {"overrides": (f"{SECRET}==",)}, f"a part of --parameter-overrides {UNKNOWN}", id="ends with =, SAM's"
        ),
        pytest.param({"secrets": ("a=b", SECRET)}, "--secret number 2 is not NAME=VALUE", id="secret"),
        pytest.param({"imports": (SECRET,)}, "--import number 1 is not NAME=VALUE", id="import"),
        pytest.param({"commands": (SECRET,)}, "--command number 1 is not NAME=VALUE", id="command"),
        pytest.param({"code": (SECRET,)}, "--code number 1 is not NAME=VALUE", id="code"),
    ],
)
def test_what_was_given_to_an_option_and_may_be_a_secret_is_not_repeated(
    options: dict[str, Any], said: str, sam: Path
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(sam, "template.yaml", **options)

    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        pytest.param(
            f"Stage=dev {SECRET}",
            "parameter_overrides: part number 2 is not NAME=VALUE; a value with spaces stands in quotes",
            id="no value",
        ),
        pytest.param(f"Stage='{SECRET}", "parameter_overrides: No closing quotation", id="a quote"),
        pytest.param("Sta=dev", "the template has no parameter Sta; it has Stage", id="another name"),
    ],
)
def test_what_samconfig_says_wrong_is_told_without_what_may_be_a_secret(overrides: str, said: str, sam: Path) -> None:
    (sam / "samconfig.toml").write_text(f"[default.deploy.parameters]\nparameter_overrides = {json.dumps(overrides)}\n")

    with pytest.raises(ConfigurationError) as refused:
        read(sam, "template.yaml")

    assert str(refused.value) == said


def test_sams_expansion_is_kept_and_a_changed_template_expanded_anew(sam: Path) -> None:
    first = read(sam, "template.yaml")
    kept = list((sam / ".streamer" / "sam").iterdir())

    assert read(sam, "template.yaml") == first
    assert list((sam / ".streamer" / "sam").iterdir()) == kept
    (sam / "template.yaml").write_text((sam / "template.yaml").read_text().replace("python3.12", "python3.13"))
    read(sam, "template.yaml")
    assert len(list((sam / ".streamer" / "sam").iterdir())) == len(kept) + 1


def test_layers_and_built_folders_come_after_the_functions_own(sam: Path) -> None:
    built = sam / ".aws-sam" / "build" / "Greet"
    built.mkdir(parents=True)

    [function] = read(sam, "template.yaml").functions

    assert function.code_root == str((sam / "src").resolve())
    assert function.search_paths == (str(built.resolve()), str((sam / "layer").resolve()))


def test_what_the_last_layer_has_replaces_what_those_before_it_have(sam: Path) -> None:
    (sam / "more").mkdir()
    template = sam / "template.yaml"
    more = "  More: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: more}}\n"
    text = template.read_text().replace("[!Ref Words]", "[!Ref Words, !Ref More]")
    template.write_text(text.replace("\nResources:\n", f"\nResources:\n{more}"))

    [function] = read(sam, "template.yaml").functions

    assert function.search_paths == (str((sam / "more").resolve()), str((sam / "layer").resolve()))


def test_a_layer_that_sam_has_built_is_found_under_the_name_it_has_in_the_template(sam: Path) -> None:
    built = sam / ".aws-sam" / "build" / "Words"
    built.mkdir(parents=True)

    [function] = read(sam, "template.yaml").functions

    assert function.search_paths == (str(built.resolve()),)


@pytest.mark.parametrize(
    ("method", "files", "is_told"),
    [
        pytest.param("makefile", (), True, id="makefile"),
        pytest.param("nodejs20.x", ("package.json",), True, id="packages of Node.js"),
        pytest.param("nodejs20.x", (), False, id="Node.js alone"),
        pytest.param("python3.12", ("requirements.txt",), True, id="packages of Python"),
        pytest.param("python3.12", (), False, id="Python alone"),
        pytest.param(None, ("requirements.txt", "package.json"), False, id="no method"),
    ],
)
def test_a_layer_that_waits_for_sam_build_is_told(
    method: str | None, files: tuple[str, ...], is_told: bool, sam: Path
) -> None:
    for name in files:
        (sam / "layer" / name).write_text("{}")
    if method is not None:
        template = sam / "template.yaml"
        kind = "    Type: AWS::Serverless::LayerVersion\n"
        template.write_text(template.read_text().replace(kind, f"{kind}    Metadata: {{BuildMethod: {method}}}\n"))

    found = load_template("template.yaml", EmulateOptions(), folder=sam, state_folder=sam / "s").read

    told = "Greet: its layer Words has a build method and was not built: run sam build"
    assert (told in found.warnings) is is_told


def test_extensions_of_a_layer_are_told(sam: Path) -> None:
    (sam / "layer" / "extensions").mkdir()

    found = load_template("template.yaml", EmulateOptions(), folder=sam, state_folder=sam / "s").read

    assert any("its layer Words" in line and "extensions, which are not run here" in line for line in found.warnings)


def test_a_check_where_there_is_no_template_names_those_below(
    sam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError, match=f"in {sam.name}: `streamer emulate {sam.name}`"):
        checked(EmulateOptions())


def test_a_layer_that_is_nowhere_is_told_with_its_place(sam: Path) -> None:
    shutil.rmtree(sam / "layer")

    found = load_template("template.yaml", EmulateOptions(), folder=sam, state_folder=sam / "s").read

    assert f"Greet: its layer Words is not here: there is no folder {sam / 'layer'}" in found.warnings


def test_packages_that_are_nowhere_are_told_after_the_list(sam: Path) -> None:
    (sam / "src" / "requirements.txt").write_text("no-such-package\n")

    target = load_template("template.yaml", EmulateOptions(), folder=sam, state_folder=sam / "s")

    told = [line for line in target.lines() if line.startswith("install    ")]
    assert len(told) == 1
    assert "src/requirements.txt names no-such-package" in told[0]
    many = structs.replace(target, lacking=tuple("abcde"))
    assert many.lines()[-4:] == ["install    a", "install    b", "install    c", "and 2 more to install, see --check"]
    assert many.lines(all_lines=True)[-1] == "install    e"


POWERTOOLS = "arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:7"
LOGGER = "arn:aws:lambda:us-east-1:094274105915:layer:AWSLambdaPowertoolsTypeScriptV2:30"


def warnings_with_layer(folder: Path, arn: str) -> tuple[str, ...]:
    functions = "".join(
        f"  {name}:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: index.handler\n"
        f"      Runtime: python3.12\n      CodeUri: src/\n      Layers: [{arn}]\n"
        for name in ("One", "Two")
    )
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src" / "index.py").write_text("def handler(event, context): ...\n")
    (folder / "template.yaml").write_text(
        f"Transform: AWS::Serverless-2016-10-31\nResources:\n{CHAT.partition('  Answer:')[0]}{functions}".replace(
            "Answer.Arn", "One.Arn"
        )
    )
    return load_template("template.yaml", EmulateOptions(), folder=folder, state_folder=folder / "s").read.warnings


STORED = "/aws/service/powertools/python/x86_64/python3.12/latest"


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (POWERTOOLS, "AWSLambdaPowertoolsPythonV3-python312-x86_64"),
        (f"'{{{{resolve:ssm:{STORED}}}}}'", STORED),
    ],
    ids=["by its ARN", "by its name in the parameter store"],
)
def test_a_layer_of_somebody_else_is_told_once_for_all_functions_with_it(arn: str, name: str, tmp_path: Path) -> None:
    instead = "is not here; instead: pip install aws-lambda-powertools"

    assert warnings_with_layer(tmp_path, arn) == (f"One, Two: the layer {name} {instead}",)


@pytest.mark.parametrize(
    ("arn", "package"),
    [
        pytest.param(POWERTOOLS, "installed/aws_lambda_powertools", id="in the interpreter"),
        pytest.param(POWERTOOLS, "src/aws_lambda_powertools", id="in the function's folder"),
        pytest.param(LOGGER, "node_modules/@aws-lambda-powertools/logger", id="in node_modules above it"),
    ],
)
def test_a_layer_is_not_missed_where_what_it_has_is_installed(
    arn: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / package).mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))

    assert warnings_with_layer(tmp_path, arn) == ()


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES / "bootstrap", tmp_path / "p")
    shutil.rmtree(tmp_path / "p" / "run")
    with zipfile.ZipFile(tmp_path / "p" / "run.zip", "w") as archive:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o755 << 16
        archive.writestr(info, "#!/bin/sh\n")
    template = tmp_path / "p" / "template.json"
    template.write_text(template.read_text().replace('"Code": "run"', '"Code": "run.zip"'))

    [function] = read(tmp_path / "p", "template.json").functions

    assert function.code_root is not None
    bootstrap = Path(function.code_root, "bootstrap")
    assert os.access(bootstrap, os.X_OK)
    assert read(tmp_path / "p", "template.json").functions == (function,)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(
            {"S3Bucket": "b", "S3Key": "k"}, "its code is not here: name a folder with --code ID=FOLDER", id="S3"
        ),
        pytest.param({"ImageUri": "x"}, "its code is not here", id="image"),
    ],
)
def test_code_that_is_elsewhere_is_no_error_and_can_be_replaced(code: Any, reason: str, tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES / "bootstrap", tmp_path / "p")
    template = tmp_path / "p" / "template.json"
    template.write_text(template.read_text().replace('"Code": "run"', f'"Code": {json.dumps(code)}'))

    [function] = read(tmp_path / "p", "template.json").functions
    [replaced] = read(tmp_path / "p", "template.json", code=("Function=run",)).functions

    assert function.unavailable is not None
    assert function.unavailable.startswith(reason)
    assert (replaced.unavailable, replaced.code_root) == (None, str((tmp_path / "p" / "run").resolve()))


def test_functions_that_are_not_run_for_one_reason_stand_in_one_line(tmp_path: Path) -> None:
    elsewhere = "Type: AWS::Serverless::Function, Properties: {Runtime: python3.12, Handler: a.b, CodeUri: s3://b/k}"
    more = "".join(f"  {name}: {{{elsewhere}}}\n" for name in ("First", "Second"))
    (tmp_path / "template.yaml").write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{CHAT}{more}")
    (tmp_path / "src").mkdir()

    lines = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").lines()

    told = [line for line in lines if line.startswith("not run")]
    assert told == ["not run    First, Second: its code is not here: name a folder with --code ID=FOLDER"]


JAVA = "java21 is not run here; give it a command"


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        pytest.param("Handler: a.B\n      Runtime: java21\n      CodeUri: target/f.zip", JAVA, id="archive of Java"),
        pytest.param("Handler: a.B\n      Runtime: java21\n      CodeUri: s3://b/k", JAVA, id="Java that is in S3"),
        pytest.param(
            "Handler: bootstrap\n      Runtime: provided.al2023\n      CodeUri: target/lambda",
            "there is no folder {folder}/target/lambda: build it",
            id="no folder",
        ),
        pytest.param(
            "Handler: bootstrap\n      Runtime: provided.al2023\n      CodeUri: out/f.zip",
            "there is no archive {folder}/out/f.zip: build it",
            id="no archive",
        ),
        pytest.param(
            "Handler: main\n      Runtime: provided.al2023\n      CodeUri: src",
            "there is no file {folder}/src/bootstrap, and such a function is started by it (provided.al2023): build it",
            id="no bootstrap",
        ),
        pytest.param(
            "Handler: run.sh\n      Runtime: python3.12\n      CodeUri: src\n"
            "      Environment: {Variables: {AWS_LAMBDA_EXEC_WRAPPER: /opt/bootstrap}}",
            "/opt/bootstrap (AWS_LAMBDA_EXEC_WRAPPER) makes something of its handler, and is not run here",
            id="a wrapper's handler",
        ),
    ],
)
def test_what_of_a_project_does_not_run_yet_is_told_and_the_rest_runs(
    properties: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    other = f"  Other:\n    Type: AWS::Serverless::Function\n    Properties:\n      {properties}\n"
    (tmp_path / "template.yaml").write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{CHAT}{other}")

    answer, found = sorted(read(tmp_path, "template.yaml").functions, key=lambda each: "Other" in each.name)

    assert answer.unavailable is None
    assert found.unavailable is not None
    assert found.unavailable.startswith(reason.replace("{folder}", str(tmp_path)))


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        pytest.param(
            "Handler: run.sh, Runtime: python3.12", "/opt/bootstrap (AWS_LAMBDA_EXEC_WRAPPER)", id="a wrapper's"
        ),
        pytest.param("Handler: a.B, Runtime: java21", JAVA, id="Java"),
    ],
)
def test_of_a_function_that_does_not_run_nothing_is_told_of_what_it_would_run_without(
    properties: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    does_without = (
        "Environment: {Variables: {AWS_LAMBDA_EXEC_WRAPPER: /opt/bootstrap}}",
        "Layers: [arn:aws:lambda:us-east-1:753240598075:layer:LambdaAdapterLayerX86:23]",
        "FileSystemConfigs: [{Arn: arn:x, LocalMountPath: /mnt/x}]",
    )
    properties = ", ".join((properties, "CodeUri: src", *does_without))
    other = f"  Other: {{Type: AWS::Serverless::Function, Properties: {{{properties}}}}}\n"
    (tmp_path / "template.yaml").write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{CHAT}{other}")

    found = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").read

    [told] = (line for line in report(found) if "Other" in line)
    assert told.startswith(f"not run    Other: {reason}")


@pytest.mark.parametrize(
    ("runtime", "handler", "variable"),
    [
        pytest.param("python3.12", "datadog_lambda.handler.handler", "DD_LAMBDA_HANDLER", id="Datadog"),
        pytest.param(
            "nodejs22.x",
            "/opt/nodejs/node_modules/datadog-lambda-js/handler.handler",
            "DD_LAMBDA_HANDLER",
            id="Datadog's for Node.js",
        ),
        pytest.param("python3.12", "newrelic_lambda_wrapper.handler", "NEW_RELIC_LAMBDA_HANDLER", id="New Relic"),
    ],
)
def test_a_handler_that_a_layer_of_somebody_else_would_have_gives_way(
    runtime: str, handler: str, variable: str, tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    for name in ("own.py", "own.js"):
        (tmp_path / "src" / name).touch()
    properties = f"Handler: {handler}, Runtime: {runtime}, CodeUri: src"
    variables = f"Environment: {{Variables: {{{variable}: own.handler}}}}"
    other = f"  Other: {{Type: AWS::Serverless::Function, Properties: {{{properties}, {variables}}}}}\n"
    (tmp_path / "template.yaml").write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{CHAT}{other}")

    described = read(tmp_path, "template.yaml")

    found = next(each for each in described.functions if "Other" in each.name)
    assert (found.handler, found.unavailable) == ("own.handler", None)


def test_what_is_built_later_is_started_then(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES / "bootstrap", tmp_path / "p")
    kept = tmp_path / "p" / "run" / "bootstrap"
    content = kept.read_bytes()
    kept.unlink()
    target = load_template("template.json", EmulateOptions(), folder=tmp_path / "p", state_folder=tmp_path / "s")
    assert target.read.described.topology.functions[0].unavailable is not None
    assert kept.parent.resolve() in target.watched

    kept.write_bytes(content)

    assert target.again().read.described.topology.functions[0].unavailable is None


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("Handler:", "Handlr:", "property Handlr not defined for .* AWS::Serverless::Function; did you mean Handler?"),
        ("Resources:", "Globals: {Function: {TimeOut: 3}}\nResources:", "of 'Function'; did you mean Timeout?"),
        ("Handler:", "Whatever: 1\n      Handler:", "property Whatever not defined for .* AWS::Serverless::Function$"),
        ("Resources:", "Global: {Function: {Timeout: 3}}\nResources:", "no section 'Global'; there is Globals"),
        ("Answer:\n", "Jobs: AWS::SQS::Queue\n  Answer:\n", r":8: Resources\.Jobs: a resource is a mapping with "),
    ],
    ids=["a property", "a property of Globals", "like none", "a section", "a resource"],
)
def test_a_name_that_sam_does_not_know_is_refused_with_the_one_that_was_meant(
    written: str, instead: str, message: str, tmp_path: Path
) -> None:
    template = f"Transform: AWS::Serverless-2016-10-31\nResources:\n{CHAT}"
    (tmp_path / "template.yaml").write_text(template.replace(written, instead))

    with pytest.raises(ConfigurationError, match=message.replace("?", r"\?")):
        read(tmp_path, "template.yaml")


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (
            "  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 2}}\n"
            "  Reads: {Type: AWS::Lambda::EventSourceMapping, Properties: {FunctionName: !Ref Answer, "
            "EventSourceArn: !GetAtt Jobs.Arn}}\n",
            r"template\.yaml:15: Resources\.Reads: event source mapping of .*: Queue visibility timeout: 2 seconds is",
        ),
        (
            "  Odd: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Chat, RouteKey: $odd, "
            "Target: !Sub 'integrations/${Mock}'}}\n"
            "  Mock: {Type: AWS::ApiGatewayV2::Integration, Properties: {ApiId: !Ref Chat, IntegrationType: MOCK}}\n",
            r"template\.yaml:14: Resources\.Odd: route key '\$odd' starts with '\$', which is reserved for",
        ),
    ],
    ids=["of two resources", "of a route"],
)
def test_what_aws_refuses_of_resources_together_is_told_where_they_meet(
    resources: str, message: str, tmp_path: Path
) -> None:
    template = f"Transform: AWS::Serverless-2016-10-31\nResources:\n{CHAT}{resources}"
    (tmp_path / "template.yaml").write_text(template)

    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, "template.yaml")


def test_a_parameter_that_is_none_is_refused_where_code_is_named_by_it(tmp_path: Path) -> None:
    template = f"Transform: AWS::Serverless-2016-10-31\nParameters: {{P: x}}\nResources:\n{CHAT}      CodeUri: !Ref P\n"
    (tmp_path / "template.yaml").write_text(template)

    with pytest.raises(ConfigurationError, match=r"Parameters\.P: a parameter has a Type"):
        read(tmp_path, "template.yaml")


def test_types_of_sam_without_its_transform_run_and_are_told(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(f"Resources:\n{CHAT}")

    found = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").read

    text = "CloudFormation refuses AWS::Serverless::WebSocketApi in a template without Transform"
    assert any(text in warning for warning in found.warnings)


def test_what_would_invoke_a_function_and_is_not_emulated_is_told(tmp_path: Path) -> None:
    events = "      Events: {Logs: {Type: CloudWatchLogs, Properties: {LogGroupName: g, FilterPattern: ERROR}}}\n"
    (tmp_path / "template.yaml").write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{CHAT}{events}")

    lines = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").lines()

    assert "missing    AWS::Logs::SubscriptionFilter AnswerLogs: it is not emulated, its names are made up" in lines


@pytest.mark.parametrize(("kind", "stage"), [("Api", "StageName: v1\n      "), ("HttpApi", "")])
def test_an_api_of_sam_may_be_described_by_a_file(kind: str, stage: str, tmp_path: Path) -> None:
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": uri.format("arn:aws:lambda:us-east-1:1:function:a"),
    }
    integration["payloadFormatVersion"] = "1.0"
    operation = {"x-amazon-apigateway-integration": integration}
    (tmp_path / "api.json").write_text(json.dumps({"openapi": "3.0.1", "paths": {"/hi": {"get": operation}}}))
    api = f"  Web:\n    Type: AWS::Serverless::{kind}\n    Properties:\n      {stage}DefinitionUri: api.json\n"
    template = f"Transform: AWS::Serverless-2016-10-31\nResources:\n{api}{CHAT}      FunctionName: a\n"
    (tmp_path / "template.yaml").write_text(template)

    found = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").read

    [web] = found.described.topology.http_apis
    assert [(route.key, route.function) for route in web.routes] == [("GET /hi", "a")]
    assert tmp_path / "api.json" in found.watched


@pytest.mark.parametrize("uri", ["src/answer.py", "./src/answer.py"])
def test_code_may_be_one_file_as_tools_pack_it(uri: str, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "answer.py").write_text("def handler(event, context): ...\n")
    chat = CHAT.partition("  Answer:")[0]
    function = f"Handler: answer.handler\n      Runtime: python3.12\n      CodeUri: {uri}\n"
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n"
        f"{chat}  Answer:\n    Type: AWS::Serverless::Function\n    Properties:\n      {function}"
    )

    [found] = read(tmp_path, "template.yaml").functions

    assert (found.code_root, found.unavailable) == (str((tmp_path / "src").resolve()), None)


@pytest.mark.parametrize(
    "uri",
    ["!Ref Folder", '!Sub "${Folder}/"', "!FindInMap [SAMCodeUriFunctions, Answer, CodeUri]"],
    ids=["a parameter", "a text with one", "a mapping, as SAM's build makes it of a loop"],
)
def test_code_may_be_named_by_what_parameters_and_mappings_give(uri: str, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "answer.py").write_text("def handler(event, context): ...\n")
    chat = CHAT.partition("  Answer:")[0]
    function = f"Handler: answer.handler\n      Runtime: python3.12\n      CodeUri: {uri}\n"
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nParameters: {Folder: {Type: String, Default: src}}\n"
        "Mappings: {SAMCodeUriFunctions: {Answer: {CodeUri: src}}}\nResources:\n"
        f"{chat}  Answer:\n    Type: AWS::Serverless::Function\n    Properties:\n      {function}"
    )

    [found] = read(tmp_path, "template.yaml").functions

    assert (found.code_root, found.unavailable) == (str((tmp_path / "src").resolve()), None)


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "f.zip does not exist: build it"),
        (b"no archive", "f.zip is no archive"),
        (zipped(), "there is nothing in .*f.zip"),
        (zipped("a", "a/b"), "f.zip is no archive"),
    ],
    ids=["missing", "text", "empty", "a file and a folder of one name"],
)
def test_an_archive_of_what_runs_here_must_be_one(content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "f.zip").write_bytes(content)
    chat = CHAT.partition("  Answer:")[0]
    (tmp_path / "template.yaml").write_text(
        f"Transform: AWS::Serverless-2016-10-31\nResources:\n{chat}  Answer:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {Handler: answer.handler, Runtime: python3.12, CodeUri: f.zip}\n"
    )

    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, "template.yaml")


def test_emulators_that_start_at_once_unpack_an_archive_once_and_whole(tmp_path: Path) -> None:
    named = sorted(f"file{number}" for number in range(100))
    archive, target = tmp_path / "f.zip", tmp_path / "code" / "f"
    archive.write_bytes(zipped(*named))
    with ThreadPoolExecutor(3) as emulators:
        for unpacked in [emulators.submit(unpack, archive, target) for _ in range(3)]:
            unpacked.result()

    assert sorted(file.name for file in target.iterdir()) == named
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_nothing_can_be_unpacked_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "f.zip").write_bytes(zipped("a"))
    (tmp_path / "code").touch()

    with pytest.raises(ConfigurationError, match=r"f\.zip cannot be unpacked to .*code/f: "):
        unpack(tmp_path / "f.zip", tmp_path / "code" / "f")


def test_a_handler_of_which_only_the_source_is_there_is_told_to_be_built(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "answer.ts").write_text("export const handler = async () => ({ statusCode: 200 });\n")
    chat = CHAT.partition("  Answer:")[0]
    (tmp_path / "template.yaml").write_text(
        f"Transform: AWS::Serverless-2016-10-31\nResources:\n{chat}  Answer:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {Handler: src/answer.handler, Runtime: nodejs22.x, CodeUri: .}\n"
    )

    with pytest.raises(ConfigurationError, match=r"only src/answer\.ts, which Lambda does not run: build it"):
        read(tmp_path, "template.yaml")


def test_a_folder_of_another_case_and_a_link_to_nothing_are_told(tmp_path: Path) -> None:
    (tmp_path / "onconnect").mkdir()
    chat = CHAT.partition("  Answer:")[0]
    (tmp_path / "template.yaml").write_text(
        f"Transform: AWS::Serverless-2016-10-31\nResources:\n{chat}  Answer:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {Handler: app.handler, Runtime: nodejs22.x, CodeUri: onConnect/}\n"
    )
    if (tmp_path / "onConnect").exists():
        pytest.skip("this file system takes them for the same")

    with pytest.raises(ConfigurationError, match="onConnect, but onconnect: the case of letters counts"):
        read(tmp_path, "template.yaml")
    (tmp_path / "onConnect").symlink_to("elsewhere")
    with pytest.raises(ConfigurationError, match=r"there is no folder .*onConnect: it is a link to elsewhere$"):
        read(tmp_path, "template.yaml")


def test_a_service_that_is_called_a_template_is_told_to_be_packaged(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("service: chat\nprovider: {name: aws}\nfunctions: {}\nresources: {}\n")

    with pytest.raises(ConfigurationError, match="it is a service of the Serverless Framework: package it"):
        read(tmp_path, "template.yaml")


def test_an_include_that_is_in_s3_is_told_as_such(tmp_path: Path) -> None:
    include = "  Fn::Transform: {Name: AWS::Include, Parameters: {Location: 's3://parts/more.yaml'}}\n"
    (tmp_path / "template.yaml").write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{include}{CHAT}")

    with pytest.raises(ConfigurationError, match=r"s3://parts/more\.yaml is not on this machine: name a file beside"):
        read(tmp_path, "template.yaml")


@pytest.mark.parametrize("name", ["template.yaml", "samconfig.toml", "vars.json", "more.yaml"])
def test_a_file_that_is_not_utf_8_is_told_by_its_name(name: str, tmp_path: Path) -> None:
    include = "  Fn::Transform: {Name: AWS::Include, Parameters: {Location: more.yaml}}\n"
    template = f"Transform: AWS::Serverless-2016-10-31\nResources:\n{include}{CHAT}"
    for file, text in {"template.yaml": template, "samconfig.toml": "", "vars.json": "{}", "more.yaml": "{}"}.items():
        (tmp_path / file).write_text(text)
    with (tmp_path / name).open("ab") as file_of_others:
        file_of_others.write(b"# \xe9\n")

    with pytest.raises(ConfigurationError, match=rf"{re.escape(name)} is not UTF-8 text"):
        read(tmp_path, "template.yaml", env_vars=tmp_path / "vars.json")


def test_a_build_may_say_something_in_another_encoding(tmp_path: Path) -> None:
    says = "import sys; sys.stdout.buffer.write(bytes([99, 97, 102, 233])); sys.exit(int(sys.argv[1]))"
    run_build(shlex.join([sys.executable, "-c", says, "0"]), tmp_path)

    with pytest.raises(ConfigurationError, match="ended with 3: caf\ufffd"):
        run_build(shlex.join([sys.executable, "-c", says, "3"]), tmp_path)


def test_a_file_that_windows_marks_as_utf_8_is_read(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{CHAT}", "utf-8-sig")
    (tmp_path / "vars.json").write_text('{"Answer": {"WORD": "hello"}}', "utf-8-sig")

    (answer,) = read(tmp_path, "template.yaml", env_vars=tmp_path / "vars.json").functions

    assert answer.environment["WORD"] == "hello"


def test_a_link_that_leads_nowhere_is_in_the_way_of_nothing(sam: Path) -> None:
    built = sam / ".aws-sam" / "build" / "Greet"
    shutil.copytree(sam / "src", built)
    text = (sam / "template.yaml").read_text()
    (sam / "template.yaml").write_text(
        text.replace("  Greet:\n", "  Greet:\n    Metadata: {BuildMethod: python3.12}\n", 1)
    )
    (sam / "src" / ".#app.py").symlink_to("ada@laptop.1234")  # Emacs's lock of a file that is being edited

    found = next(each for each in read(sam, "template.yaml").functions if "Greet" in each.name)

    assert found.code_root == str(built.resolve())


def test_one_stack_of_an_assembly_can_be_chosen(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES / "cdk", tmp_path / "p")

    with pytest.raises(ConfigurationError, match="no stack exports 'Data:JobsName', 'Data:JobsArn': add "):
        read(tmp_path / "p", "cdk.out", stack="Chat")
    imports = ("Data:JobsName=jobs", "Data:JobsArn=arn:aws:sqs:us-east-1:1:jobs")
    found = read(tmp_path / "p", "cdk.out", stack="Chat", imports=imports)
    assert found.functions[0].environment == {"QUEUE": "jobs"}
    with pytest.raises(ConfigurationError, match="there is no such stack; there are Data, Chat"):
        read(tmp_path / "p", "cdk.out", stack="Other")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param("Prod/Chat", ["prod-chat"], id="as cdk ls has it"),
        pytest.param("prod-chat", ["prod-chat"], id="the stack's name"),
        pytest.param("ProdChat", ["prod-chat"], id="the artifact's"),
        pytest.param("Prod/*", ["prod-chat", "prod-data"], id="all of a stage"),
        pytest.param("*/Chat", ["dev-chat", "prod-chat"], id="of each stage"),
    ],
)
def test_stacks_of_stages_are_chosen_as_the_cdk_names_them(tmp_path: Path, wanted: str, found: list[str]) -> None:
    stages: dict[Path, dict[str, Any]] = {}
    for stage, name in itertools.product(("Dev", "Prod"), ("Chat", "Data")):
        properties = {"templateFile": f"{stage}{name}.template.json", "stackName": f"{stage}-{name}".lower()}
        inner = tmp_path / f"assembly-{stage}"
        inner.mkdir(exist_ok=True)
        stack = {"type": "aws:cloudformation:stack", "properties": properties, "displayName": f"{stage}/{name}"}
        stages.setdefault(inner, {})[f"{stage}{name}"] = stack
    for inner, stacks in stages.items():
        (inner / "manifest.json").write_text(json.dumps({"artifacts": stacks}))
    nested = {
        inner.name: {"type": "cdk:cloud-assembly", "properties": {"directoryName": inner.name}} for inner in stages
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": nested}))

    assert [part.stack for part in find(".", tmp_path, stack=wanted).parts] == found
    with pytest.raises(ConfigurationError, match=r"no such stack; there are Dev/Chat, Dev/Data, Prod/Chat, Prod/Data$"):
        find(".", tmp_path, stack="Prod")


def test_parameters_of_the_cdks_legacy_synthesis_have_what_its_assembly_says(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES / "cdk", tmp_path / "p")
    out = tmp_path / "p" / "cdk.out"
    of_asset = {"id": "1111", "path": "asset.1111", "packaging": "zip", "s3BucketParameter": "AssetBucket"}
    of_asset |= {"s3KeyParameter": "AssetKey", "artifactHashParameter": "AssetHash"}
    of_nested = {"id": "2222", "path": "Inner.nested.template.json", "packaging": "file"}
    of_nested |= {
        "s3BucketParameter": "InnerBucket",
        "s3KeyParameter": "InnerKey",
        "artifactHashParameter": "InnerHash",
    }
    manifest = json.loads((out / "manifest.json").read_text())
    entries = [{"type": "aws:cdk:asset", "data": data} for data in (of_asset, of_nested)]
    manifest["artifacts"]["Chat"]["metadata"] = {"/Chat": entries, "/Chat/Ask": [{"type": "aws:cdk:logicalId"}]}
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "Chat.assets.json").unlink()
    template = json.loads((out / "Chat.template.json").read_text())
    template["Parameters"] = {
        data[key]: {"Type": "String"} for data in (of_asset, of_nested) for key in data if key.startswith("s3")
    }
    part = [{"Fn::Select": [each, {"Fn::Split": ["||", {"Ref": "AssetKey"}]}]} for each in (0, 1)]
    ask, inner = template["Resources"]["Ask"], template["Resources"]["Inner"]
    ask["Properties"]["Code"] = {"S3Bucket": {"Ref": "AssetBucket"}, "S3Key": {"Fn::Join": ["", part]}}
    del inner["Metadata"]
    key = [{"Fn::Select": [each, {"Fn::Split": ["||", {"Ref": "InnerKey"}]}]} for each in (0, 1)]
    url = ["https://s3.us-east-1.amazonaws.com/", {"Ref": "InnerBucket"}, "/", *key]
    inner["Properties"]["TemplateURL"] = {"Fn::Join": ["", url]}
    (out / "Chat.template.json").write_text(json.dumps(template))

    found = read(tmp_path / "p", "cdk.out")

    assert [function.code_root for function in found.functions if function.handler == "handlers.ask"] == [
        str((out / "asset.1111").resolve())
    ]
    assert "handlers.answer" in {function.handler for function in found.functions}


def test_a_nested_template_is_found_by_what_it_is_uploaded_as_where_an_app_notes_no_paths_of_assets(
    tmp_path: Path,
) -> None:
    shutil.copytree(TEMPLATES / "cdk", tmp_path / "p")
    file = tmp_path / "p" / "cdk.out" / "Chat.template.json"
    template = json.loads(file.read_text())
    del template["Resources"]["Inner"]["Metadata"]  # as with ``"assetMetadata": false`` in cdk.json
    noted = read(tmp_path / "p", "cdk.out")
    file.write_text(json.dumps(template))

    assert read(tmp_path / "p", "cdk.out") == noted


def test_an_assembly_without_an_asset_is_refused_with_what_makes_it(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES / "cdk", tmp_path / "p")
    shutil.rmtree(tmp_path / "p" / "cdk.out" / "asset.1111")

    with pytest.raises(ConfigurationError, match=r"Ask\.Properties\.Code: there is no .*/asset\.1111: run cdk synth$"):
        read(tmp_path / "p", "cdk.out")


def test_an_application_from_elsewhere_is_told_and_its_outputs_are_made_up(tmp_path: Path) -> None:
    application = """\
  Tools:
    Type: AWS::Serverless::Application
    Properties: {Location: {ApplicationId: arn:aws:serverlessrepo:::app, SemanticVersion: 2.0.0}}
"""
    layers = "      Layers: [!GetAtt Tools.Outputs.LayerVersionArn]\n"
    (tmp_path / "template.yaml").write_text(f"Resources:\n{application}{CHAT}{layers}")

    found = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").read

    assert [each.route_key for each in found.described.topology.api.routes] == ["$default"]
    assert "the template of Tools is not on this machine: nothing of it is emulated" in found.warnings


def test_of_many_routes_the_first_are_told_and_all_by_check(tmp_path: Path) -> None:
    events = "".join(f"        E{n}: {{Type: HttpApi, Properties: {{Method: get, Path: /{n}}}}}\n" for n in range(9))
    (tmp_path / "template.yaml").write_text(f"Resources:\n{CHAT}      Events:\n{events}")

    found = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").read

    (few,) = (line for line in report(found) if "HTTP API" in line)
    (all_of_them,) = (line for line in report(found, all_lines=True) if "HTTP API" in line)
    assert few.count("GET ") == 7
    assert "and 2 more; " in few
    assert all_of_them.count("GET ") == 9


@pytest.mark.parametrize(
    ("target", "location"),
    [("template.yaml", "inner/template.yaml"), (".aws-sam/build/template.yaml", "Net/template.yaml")],
)
def test_what_sam_has_built_for_a_nested_application_is_found(target: str, location: str, tmp_path: Path) -> None:
    """[SRC] aws-sam-cli: below the folder of the application, in that of what it is nested in"""
    inner = """Resources:
  Work:
    Type: AWS::Lambda::Function
    Metadata: {BuildMethod: esbuild}
    Properties: {Handler: app.handler, Runtime: nodejs22.x, Role: r, Code: CODE}
"""
    outer = f"Resources:\n  Net: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {location}}}}}\n{CHAT}"
    template = tmp_path / target
    work = tmp_path / ".aws-sam" / "build" / "Net" / "Work"
    work.mkdir(parents=True)
    (work / "app.js").write_text("exports.handler = async () => 1;")
    (template.parent / location).parent.mkdir(exist_ok=True)
    (template.parent / location).write_text(inner.replace("CODE", "Work" if "build" in target else "./"))
    template.write_text(outer)

    found = {each.name: each for each in read(tmp_path, target).functions}

    function = next(each for name, each in found.items() if "Work" in name)
    assert function.unavailable is None
    assert function.code_root == str(work.resolve())


def test_a_nested_template_that_is_a_file_must_be_there(tmp_path: Path) -> None:
    nested = "  Net: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: net.yaml}}\n"
    (tmp_path / "template.yaml").write_text(f"Resources:\n{nested}{CHAT}")

    with pytest.raises(ConfigurationError, match=r"Properties\.TemplateURL: net\.yaml: there is no such template"):
        read(tmp_path, "template.yaml")


def test_a_parameter_that_sam_looks_into_is_told_when_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        f"Parameters: {{Live: {{Type: String}}}}\nResources:\n{CHAT}      AutoPublishAlias: !Ref Live\n"
    )

    with pytest.raises(ConfigurationError, match="no value for Live: add --parameter Live=VALUE"):
        read(tmp_path, "template.yaml")
    assert read(tmp_path, "template.yaml", parameters=("Live=live",)).functions[0].qualifiers["live"]


def test_functions_make_names_in_a_template_with_language_extensions(tmp_path: Path) -> None:
    outputs = """\
Outputs:
  Fn::ForEach::Names:
    - Name
    - !Ref Names
    - ${Name}Arn: {Value: !GetAtt [!Sub '${Name}', Arn]}
"""
    (tmp_path / "template.yaml").write_text(
        "Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]\n"
        f"Parameters: {{Names: {{Type: CommaDelimitedList, Default: Answer}}}}\nResources:\n{CHAT}{outputs}"
    )

    found = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").read

    assert str(found.stacks[0].outputs["AnswerArn"]).endswith(f":function:{found.described.topology.functions[0].name}")


def test_what_is_wrong_with_globals_is_told_there(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(f"Globals: {{Fun: {{}}}}\nResources:\n{CHAT}")

    with pytest.raises(ConfigurationError, match=r"template\.yaml:1: Globals: 'Globals' section is invalid\. 'Fun'"):
        load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s")


FLOW = """\
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      AutoPublishAlias: live
      Definition:
        StartAt: A
        States: {A: {Type: Pass, ResultPath: null, End: true}}
"""


def test_what_sam_makes_something_of_may_be_null(tmp_path: Path) -> None:
    """A definition says with it that a state's result is dropped; what is null afterwards is refused."""

    def read_with(written: str) -> Read:
        (tmp_path / "template.yaml").write_text(f"Resources:\n{CHAT}{written}")
        return load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").read

    calls = read_with(f"      Role: null\n{FLOW}").described.services
    [machine] = [each for each in calls if each.operation == "CreateStateMachine"]
    assert json.loads(machine.parameters["definition"])["States"]["A"] == {
        "Type": "Pass",
        "ResultPath": None,
        "End": True,
    }
    for wrong, place in (
        ("      Environment: {Variables: {NAME: null}}\n", r"13: .+Environment.Variables.NAME"),
        ("  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: null}}\n", r"\d+: .+Jobs.Properties.QueueName"),
    ):
        with pytest.raises(ConfigurationError, match=rf"template\.yaml:{place}: 'null' values are not allowed"):
            read_with(wrong)


def test_a_key_that_stands_twice_in_a_template_or_in_what_it_includes_is_told(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("Timeout: 4\nTimeout: 5\n")
    text = CHAT.replace("      Runtime: python3.12\n", "      Runtime: python3.11\n      Runtime: python3.12\n") + (
        "      Fn::Transform: {Name: AWS::Include, Parameters: {Location: more.yaml}}\n"
    )
    (tmp_path / "template.yaml").write_text(f"Resources:\n{text}")

    found = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").read

    assert [each.timeout_seconds for each in found.described.topology.functions] == [5]
    told = "the key '{}' stands here and in line {}; what stands last counts"
    assert f"{tmp_path / 'template.yaml'}:12: {told.format('Runtime', 11)}" in found.warnings
    assert any(each.endswith(f"more.yaml:2: {told.format('Timeout', 1)}") for each in found.warnings)


def test_routes_of_an_api_that_is_elsewhere_are_told(tmp_path: Path) -> None:
    """As Serverless's services have them that share an API."""
    shared = """\
  One: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: abc, RouteKey: GET /a, Target: integrations/x}}
  Two: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: def, ResourceId: r, HttpMethod: GET}}
  Three: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: def, ResourceId: r, HttpMethod: PUT}}
  Four: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: Chat, RouteKey: send, Target: integrations/x}}
"""
    (tmp_path / "template.yaml").write_text(f"Resources:\n{CHAT}{shared}")

    found = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").read

    assert "the API 'abc' is not in this project: its route is left out: One" in found.warnings
    chat = "the API 'Chat' is not in this project: its route is left out: Four; did you mean !Ref Chat?"
    assert chat in found.warnings
    assert "the API 'def' is not in this project: its routes are left out: Two, Three" in found.warnings


def test_stacks_of_several_regions_with_the_same_names_are_refused_with_what_to_do(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES / "cdk", tmp_path / "p")
    manifest = tmp_path / "p" / "cdk.out" / "manifest.json"
    written = json.loads(manifest.read_text())
    data = written["artifacts"]["Data"]
    written["artifacts"]["DataAgain"] = data
    manifest.write_text(json.dumps(written))
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "connections"}}
    template = tmp_path / "p" / "cdk.out" / data["properties"]["templateFile"]
    tree = json.loads(template.read_text())
    tree["Resources"]["Connections"] = table
    template.write_text(json.dumps(tree))

    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path / "p", "cdk.out")

    told = "have a table 'connections' each, and stand in one Region here: add --stack Data"
    assert str(refused.value) == f"the stacks Data and DataAgain {told}"


def test_sams_configuration_may_stand_in_yaml_beside_the_template(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(f"Resources:\n{CHAT}")
    (tmp_path / "samconfig.yml").write_text("default: {global: {parameters: {region: eu-west-3}}}\n")

    found = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s")
    assert (tmp_path / "samconfig.yml").resolve() in found.watched
    (tmp_path / "samconfig.toml").write_text("[default.global.parameters]\nregion = 'eu-north-1'\n")
    other = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s")

    assert (found.read.region, other.read.region) == ("eu-west-3", "eu-north-1")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("serverless.yml", 'serverless.yml is not packaged yet: add --build "npx serverless package"'),
        ("cdk.json", 'cdk.json is not synthesised yet: add --build "npx cdk synth -q"'),
    ],
)
def test_a_file_of_a_tool_stands_for_its_folder(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / name).write_text("{}")

    with pytest.raises(ConfigurationError) as refused:
        find(name, tmp_path, stack=None)
    assert str(refused.value) == message
    shutil.copytree(TEMPLATES / "cdk" / "cdk.out", tmp_path / "cdk.out")
    assert [each.stack for each in find(name, tmp_path, stack=None).parts] == ["Data", "Chat"]


STORES = {"Name": "/chat/table", "Type": "String", "Value": "orders"}
READS: dict[str, Any] = {
    "a parameter's type": ({"Ref": "Table"}, {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/chat/table"}),
    "a dynamic reference": ("{{resolve:ssm:/chat/table}}", {"Type": "String", "Default": "-"}),
}


@pytest.mark.parametrize("reader", READS)
@pytest.mark.parametrize("order", [("store", "chat"), ("chat", "store")], ids=["before", "after"])
def test_a_stack_reads_what_another_one_stores(order: tuple[str, str], reader: str, tmp_path: Path) -> None:
    written, declared = READS[reader]
    shutil.copytree(TEMPLATES / "bootstrap", tmp_path / "p")
    folder = tmp_path / "p"
    chat = json.loads((folder / "template.json").read_text())
    chat["Resources"]["Function"]["Properties"]["Environment"] = {"Variables": {"TABLE": written}}
    (folder / "chat.template.json").write_text(json.dumps({**chat, "Parameters": {"Table": declared}}))
    stored = {"Resources": {"Name": {"Type": "AWS::SSM::Parameter", "Properties": STORES}}}
    (folder / "store.template.json").write_text(json.dumps(stored))
    stacks = {
        name: {
            "type": "aws:cloudformation:stack",
            "environment": "aws://unknown-account/unknown-region",
            "properties": {"templateFile": f"{name}.template.json", "stackName": name},
        }
        for name in order
    }
    (folder / "manifest.json").write_text(json.dumps({"version": "1.0.0", "artifacts": stacks}))

    found = load_template(".", EmulateOptions(), folder=folder, state_folder=tmp_path / "s").read
    given = load_template(
        ".", EmulateOptions(secrets=("/chat/table=mine",)), folder=folder, state_folder=tmp_path / "s"
    )

    assert dict(found.described.topology.functions[0].environment) == {"TABLE": "orders"}
    assert not any("/chat/table" in line for line in found.warnings)
    assert dict(given.read.described.topology.functions[0].environment) == {"TABLE": "mine"}


def test_what_no_stack_stores_is_told_with_what_to_do(tmp_path: Path) -> None:
    parameters = "Parameters:\n  Size: {Type: AWS::SSM::Parameter::Value<String>, Default: /chat/size}\n"
    variables = "      Environment: {Variables: {SIZE: !Ref Size}}\n"
    (tmp_path / "template.yaml").write_text(
        f"Transform: AWS::Serverless-2016-10-31\n{parameters}Resources:\n{CHAT}{variables}"
    )

    found = load_template("template.yaml", EmulateOptions(), folder=tmp_path, state_folder=tmp_path / "s").read

    assert any(line.endswith("its name stands for its value: add --secret /chat/size=VALUE") for line in found.warnings)
