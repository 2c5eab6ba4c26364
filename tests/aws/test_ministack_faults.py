"""Whatever goes wrong at any call to AWS: a true last sentence, no half-made stack, and the next deployment is done.

Calls of one operation are one moment each in their first three places; what follows is polling.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from faulty_proxy import Fault, FaultyProxy, Moment, faulty_proxy
from forked_command import ForkedCommand, begin
from ministack_projects import REGION, MiniStack, Project, running
from moments_table import MOMENT

from deploy.aws.boto import Aws
from deploy.config import parse
from deploy.deployment import Desk, Wish, bring, take_away
from deploy.errors import DeployError
from deploy.moments import status_of
from deploy.package.bundle import File, bundle
from deploy.project import Service
from deploy.stack.settings import StackSettings
from deploy.stack.template import template
from streamer.topology import Api, Function, Key, Route, Table, Topology

PLACES = 3
"""How often an operation is let fail at most, each time at a later call."""
SECONDS = 30


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """An AWS of its own: what goes wrong here is left behind, and slows whoever comes after."""
    with running(tmp_path_factory.mktemp("faulty")) as found:
        yield found


@pytest.fixture(scope="module")
def proxy(ministack: MiniStack) -> Iterator[FaultyProxy]:
    with faulty_proxy(ministack.url) as made:
        yield made


def wish(folder: Path, name: str, days: int = 30) -> Wish:
    """A small service; another number of days is another version of it."""
    text = f'service = "{name}"\nregion = "{REGION}"\nbucket = "code-of-{name}"\naccess_logs = false'
    config = parse(text, folder, {})
    topology = Topology(
        api=Api(name=name, routes=(Route(route_key="$default", function="say"),)),
        functions=(Function(name="say", handler="say.handler"),),
        tables=(Table(name=f"{name}-dev_rooms", key=Key(partition="id")),),
    )
    settings = StackSettings(stack_name=config.stack, access_logs=False, log_retention_days=days)
    service = Service(topology=topology, settings=settings, template=template(topology, settings))
    code = bundle({"say.py": File(content=name.encode(), part="project")})
    return Wish(config=config, service=service, code=code, values={}, allowed=frozenset())


def desk() -> Desk:
    """Somebody who says yes, and is patient for a short time."""
    start = time.monotonic()
    return Desk(
        say=lambda *lines: None,
        report=lambda step: None,
        confirm=lambda question: True,
        type_name=lambda name: True,
        secret=lambda variable, least: None,
        sleep=lambda seconds: time.sleep(0.01),
        clock=lambda: (time.monotonic() - start) * 1000,
    )


@dataclasses.dataclass(frozen=True)
class State:
    """What there is of a stack."""

    status: str | None
    days: int | None = None
    open_sets: int = 0

    @property
    def live(self) -> State:
        """Without what is only in review."""
        return State(None) if self.status == "REVIEW_IN_PROGRESS" else dataclasses.replace(self, open_sets=0)


def state(cloudformation: Any, stack: str) -> State:
    """Once CloudFormation rests."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        except ClientError:
            return State(None)
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            break
        assert time.monotonic() < deadline, status
        time.sleep(0.01)
    sets = cloudformation.list_change_sets(StackName=stack)["Summaries"]
    waiting = sum(1 for each in sets if each["ExecutionStatus"] == "AVAILABLE")
    if status == "REVIEW_IN_PROGRESS":
        return State(status, open_sets=waiting)
    body = cloudformation.get_template(StackName=stack)["TemplateBody"]
    resources = (json.loads(body) if isinstance(body, str) else body)["Resources"]
    return State(status, resources.get("SayLogGroup", {}).get("Properties", {}).get("RetentionInDays"), waiting)


@dataclasses.dataclass
class World:
    """One stack, and a way to it through the proxy."""

    folder: Path
    proxy: FaultyProxy
    cloudformation: Any
    """A way around the proxy."""
    aws: Aws
    name: str
    days: int = 30
    is_deployed: bool = False

    @property
    def stack(self) -> str:
        return f"{self.name}-dev"

    def act(self, kind: str) -> DeployError | None:
        """Create, update or destroy; what went wrong."""
        try:
            if kind == "destroy":
                made = wish(self.folder, self.name)
                take_away(self.aws, desk(), made.config, [f"{self.stack}_rooms"], with_data=True)
            else:
                bring(self.aws, desk(), wish(self.folder, self.name, self.days))
        except DeployError as exc:
            return exc
        except KeyboardInterrupt:
            pytest.fail("stopped without a word")
        return None

    def prepare(self, kind: str) -> None:
        """What there is before."""
        self.proxy.begin()
        if kind == "create":
            self.name += "x"  # a name that nothing is left of
            return
        if not self.is_deployed:
            self.deploy()
        self.days = 7 if self.state().days == 30 else 30

    def deploy(self) -> None:
        """The next deployment, which is done."""
        assert self.act("update") is None
        assert self.state().status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        self.is_deployed = True

    def state(self) -> State:
        """What there is of the stack, once CloudFormation rests."""
        return state(self.cloudformation, self.stack)


def moments(world: World, kind: str) -> list[Moment]:
    """The calls of an undisturbed run."""
    world.prepare(kind)
    world.proxy.begin()
    assert world.act(kind) is None
    world.is_deployed = False
    return [moment for moment in dict.fromkeys(world.proxy.asked) if moment.number <= PLACES]


def require_true(said: str, kind: str, before: State, after: State, wanted: State) -> str:
    """Hold the last sentence against what there is; what it comes to, in a word or two."""
    if "nothing was changed" in said:
        assert after.live == before.live
        is_left = "may be left" in said
        assert is_left or (after.open_sets == 0 and after == before)
        return "nothing changed, a change set may be left" if is_left else "nothing changed"
    if "CloudFormation goes on" in said:
        assert after.live == wanted
        return "goes on"
    if "is deployed" in said:
        assert after == wanted
        return "deployed"
    if "is deleted" in said:
        assert (kind, after.status) == ("destroy", None)
        return "deleted"
    if "is gone, the table" in said:
        assert (kind, after.status) == ("destroy", None)
        return "stack gone, tables named"
    assert "it is not known whether" in said
    assert after.live in (before.live, wanted)
    return "not known whether"


MakeWorld = Callable[[str, int], World]


@pytest.fixture
def make_world(proxy: FaultyProxy, ministack: MiniStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeWorld:
    """Makes a stack of a name; its deployer asks AWS so many times for each answer."""

    def made(name: str, attempts: int) -> World:
        for variable, value in (ministack.environment | {"AWS_ENDPOINT_URL": proxy.url}).items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", str(attempts))
        return World(tmp_path, proxy, ministack.client("cloudformation"), Aws(region=REGION), name)

    return made


@pytest.fixture
def signals(proxy: FaultyProxy) -> Iterator[None]:
    """Signals to this process stop what it asks the proxy for, as they stop the command."""
    is_stopped, asker = threading.Event(), threading.get_ident()

    def stop(number: int, frame: object) -> None:
        is_stopped.set()
        raise KeyboardInterrupt

    def send(fault: Fault) -> None:
        is_stopped.clear()
        is_interrupt = fault in (Fault.INTERRUPTED_BEFORE, Fault.INTERRUPTED_AFTER)
        signal.pthread_kill(asker, signal.SIGINT if is_interrupt else signal.SIGTERM)
        assert is_stopped.wait(SECONDS)

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    proxy.stop = send
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@dataclasses.dataclass(frozen=True)
class Trouble:
    """What goes wrong, and for how long."""

    fault: Fault
    attempts: int = 1
    """How often the SDK asks."""
    for_ever: bool = False
    """Whether everything that is asked afterwards goes wrong, too."""

    def __str__(self) -> str:
        again = ", asked again" if self.attempts > 1 else ""
        return f"{self.fault.value}{again}{' from then on' if self.for_ever else ''}"


TROUBLES = [
    Trouble(Fault.REFUSED),
    Trouble(Fault.LOST),
    Trouble(Fault.LOST, attempts=2),
    Trouble(Fault.TERMINATED_AFTER),
    Trouble(Fault.EXPIRED, for_ever=True),
    Trouble(Fault.UNSENT),
    Trouble(Fault.UNSENT, for_ever=True),
    Trouble(Fault.INTERRUPTED_BEFORE),
    Trouble(Fault.INTERRUPTED_AFTER),
    Trouble(Fault.TERMINATED_BEFORE),
]
REFUSED, LOST, ASKED_AGAIN, TERMINATED, *_ = TROUBLES
USUAL = [
    ("create", REFUSED),
    ("create", ASKED_AGAIN),
    ("update", TERMINATED),
    ("destroy", LOST),
    ("destroy", TERMINATED),
]
"""Each way in which botocore tells of trouble, and each kind of deployment; that every trouble at every call of all
kinds ends in a true sentence is held without AWS, in `tests/unit/deploy/test_deploy_interrupted.py`. Of an emulated one
`make test-moments` asks it all, which takes minutes."""
ALL = [(kind, trouble) for trouble in TROUBLES for kind in ("create", "update", "destroy")]


@pytest.mark.parametrize(("kind", "trouble"), ALL if os.environ.get("EVERY_MOMENT") else USUAL, ids=str)
@pytest.mark.usefixtures("signals")
def test_every_end_tells_the_truth_and_the_next_deployment_is_done(
    make_world: MakeWorld, kind: str, trouble: Trouble, request: pytest.FixtureRequest
) -> None:
    world = make_world(f"{kind[0]}{TROUBLES.index(trouble)}", trouble.attempts)
    for moment in moments(world, kind):
        if trouble.attempts == 1 or not moment.is_question:
            told = fail_at(world, kind, moment, trouble)
            request.node.user_properties.append(
                (MOMENT, (kind, f"{moment.operation} {moment.number}", str(trouble), told))
            )
    world.proxy.begin()
    world.deploy()


def fail_at(world: World, kind: str, moment: Moment, trouble: Trouble) -> str:
    """Let one request go wrong, hold what is said against what is there, and deploy; exit status and sentence.

    Where a deployed stack is as it was, or as it is to be, the next to deploy it is a later moment, or the end.
    """
    world.prepare(kind)
    before = world.state()
    wanted = State(None) if kind == "destroy" else State(f"{kind.upper()}_COMPLETE", world.days)
    reached: list[Moment] = []

    def when(asked: Moment) -> Fault | None:
        if asked == moment:
            reached.append(asked)
        return trouble.fault if asked == moment or (reached and trouble.for_ever) else None

    world.proxy.begin(when=when)

    ended = world.act(kind)

    world.proxy.begin()
    after = world.state()
    try:
        if ended is None:
            assert after == wanted
            told = "0 done" if reached else "-"
        else:
            assert status_of(ended) in ({130} if trouble.fault.is_signal else {2, 3})
            told = f"{status_of(ended)} {require_true(str(ended), kind, before, after, wanted)}"
        is_whole = ended is None or after == before
        if kind == "create" or after.status is None or not is_whole:
            world.deploy()
    except AssertionError as wrong:
        wrong.add_note(f"{moment}: {before} -> {after}, said: {ended or 'done'}")
        raise
    return told


@pytest.mark.parametrize("answer", ["no", "Ctrl-C"])
def test_a_colleague_who_is_faster_keeps_the_stack(make_world: MakeWorld, answer: str) -> None:
    world = make_world(f"two-{answer.lower()}", 1)
    world.proxy.begin()
    world.proxy.names_stacks = True

    def after_the_colleague(question: str) -> bool:
        bring(world.aws, desk(), wish(world.folder, world.name, 7))
        if answer == "Ctrl-C":
            raise KeyboardInterrupt
        return False

    slower = dataclasses.replace(desk(), confirm=after_the_colleague)
    with pytest.raises(DeployError, match="nothing was changed") as ended:
        bring(world.aws, slower, wish(world.folder, world.name))

    assert status_of(ended.value) == 130
    assert world.state().live == State("CREATE_COMPLETE", 7)
    assert world.act("update") is None
    assert world.state() == State("UPDATE_COMPLETE", world.days)


SERVICE = """
from streamer.topology import Api, Function, Key, Route, Table, Topology


def say(stage, prefix):
    return Topology(
        api=Api(name="say", stage=stage, routes=(Route(route_key="$default", function="say"),)),
        functions=(Function(name="say", handler="handlers.say"),),
        tables=(Table(name=f"{prefix}rooms", key=Key(partition="id")),),
    )
"""


@dataclasses.dataclass(frozen=True)
class Interruption:
    """A signal while a request is answered, and what is then true."""

    command: str
    moment: Moment
    signal: signal.Signals
    says: str


INTERRUPTIONS = [
    Interruption("deploy", Moment("PutObject", 1), signal.SIGINT, "stopped; nothing was changed"),
    Interruption("deploy", Moment("CreateChangeSet", 1), signal.SIGTERM, "stopped; nothing was changed"),
    Interruption("deploy", Moment("ExecuteChangeSet", 1), signal.SIGINT, "CloudFormation goes on creating"),
    Interruption("deploy", Moment("DescribeStackEvents", 2), signal.SIGTERM, "CloudFormation goes on creating"),
    Interruption(
        "destroy", Moment("DeleteStack", 1), signal.SIGTERM, "stopped; the stack sigterm-deletestack-dev is deleted"
    ),
    Interruption("deploy", Moment("CreateChangeSet", 1), signal.SIGHUP, "stopped; nothing was changed"),
    Interruption("deploy", Moment("DescribeStackEvents", 2), signal.SIGHUP, "CloudFormation goes on creating"),
    Interruption(
        "destroy", Moment("DeleteStack", 1), signal.SIGHUP, "stopped; the stack sighup-deletestack-dev is deleted"
    ),
]


def saying(folder: Path, name: str, proxy: FaultyProxy) -> Project:
    """A project whose calls go through the proxy, which lets them pass."""
    project = Project(folder, name, MiniStack(proxy.url), {})
    project.configure('app = "service:say"\naccess_logs = false\n')
    (folder / "service.py").write_text(SERVICE)
    (folder / "handlers.py").write_text("def say(event, context):\n    return {}\n")
    proxy.begin()
    return project


@pytest.mark.parametrize("case", INTERRUPTIONS, ids=lambda case: f"{case.signal.name} at {case.moment.operation}")
def test_a_real_signal_ends_the_command_in_a_true_sentence(
    case: Interruption, proxy: FaultyProxy, ministack: MiniStack, tmp_path: Path
) -> None:
    name = f"{case.signal.name.lower()}-{case.moment.operation.lower()}"
    project = saying(tmp_path, name, proxy)
    if case.command == "destroy":
        project.deploy()
    started: list[subprocess.Popen[str] | ForkedCommand] = []

    has_begun = False

    def interrupt(moment: Moment) -> None:
        nonlocal has_begun
        # A terminal's end is told by the shell and by the kernel: it must not cut short what is tidied up.
        again = has_begun and case.signal is signal.SIGHUP
        if moment == case.moment or again:
            started[0].send_signal(case.signal)
            time.sleep(0.05 if again else 0.3)  # the signal is there before the answer
            has_begun = True

    proxy.begin(then=interrupt)
    command = [str(Path(sys.executable).with_name("streamer")), case.command, "--yes"]
    started.append(begin(command, tmp_path, project.aws.environment, deploys=True))
    _, error = started[0].communicate(timeout=60)

    proxy.begin()
    assert started[0].returncode == 130, error
    assert case.says in error.splitlines()[-1]
    assert "Traceback" not in error
    cloudformation = ministack.client("cloudformation")
    after = state(cloudformation, f"{name}-dev").status
    assert (after is not None) is ("creating" in case.says)
    project.deploy()
    assert state(cloudformation, f"{name}-dev").status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def test_a_terminal_that_closes_is_an_interruption_and_the_next_deployment_goes_on(
    proxy: FaultyProxy, ministack: MiniStack, tmp_path: Path
) -> None:
    project = saying(tmp_path, "closing", proxy)
    terminal, of_command = os.openpty()

    def close(moment: Moment) -> None:
        if moment == Moment("DescribeStackEvents", 2):
            os.close(terminal)
            time.sleep(0.3)  # the signal is there before the answer

    proxy.begin(then=close)
    # A command of its own session, whose terminal it is: what a window starts.
    takes_terminal = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [str(Path(sys.executable).with_name("streamer")), "deploy", "--yes"]
    ran = subprocess.run(
        [sys.executable, "-c", takes_terminal, *command],
        cwd=tmp_path,
        env=project.aws.environment,
        stdin=of_command,
        stdout=of_command,
        stderr=of_command,
        start_new_session=True,
        check=False,
        timeout=60,
    )
    os.close(of_command)

    proxy.begin()
    assert ran.returncode == 130
    assert state(ministack.client("cloudformation"), "closing-dev").status is not None
    project.deploy()
    assert state(ministack.client("cloudformation"), "closing-dev").status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
