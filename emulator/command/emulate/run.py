"""Runs ``streamer emulate`` with what `start` found: tells where it is, reloads changed code, and stops when asked."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from streamer.project import CONFIG_FILE, ENV_FILE, Project

from ...foundation import log
from ...foundation.tasks import end
from ...functions.logs import LogSink
from ...functions.processes.launching import Launched
from ...gateway.rules.assumptions import Assumptions
from ...gateway.rules.limits import Limits
from ...port.loop import loop_factory
from ...port.origin import is_loopback
from ...wiring.emulator import Emulator, EmulatorConfig
from ..here.development_secret import FOLDER
from ..here.findable import findable
from ..here.identity import Access
from ..here.ready_file import FILE as READY_FILE
from ..here.ready_file import Ready, running
from ..options import EmulateOptions
from ..printing.output import standard_output
from ..printing.terminal import code_of
from ..reloading.changed_files import changes
from ..reloading.news import News
from ..reloading.trial import Trials, environment_of, parts
from ..targets.target import Target
from .banner import banner
from .console_settings import console_of
from .inspected import inspected
from .keys import Controls, Terminal, listening, terminal
from .limits_and_assumptions import assumed, limited
from .pages import pages_of


def run_emulator(
    options: EmulateOptions,
    target: Target,
    project: Project,
    access: Access,
    *,
    sink: LogSink,
    launched: Launched | None,
) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP; see `start`. ``launched``: the template process; None: none is needed.

    Raises:
        ConfigurationError: it cannot start; the message is one line for the user.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        config = _config(options, project, target, access, launched)
        runner.run(_serve(options, Emulator(target.topology, config, log_sink=sink), target, project, access))


def _config(
    options: EmulateOptions, project: Project, target: Target, access: Access, launched: Launched | None
) -> EmulatorConfig:
    said: dict[str, Any] = {
        "idle_seconds": options.idle_timeout,
        "max_duration_seconds": options.max_duration,
        "integration_timeout_seconds": options.integration_timeout,
    }
    limits = Limits(**{name: seconds for name, seconds in said.items() if seconds is not None})
    config = EmulatorConfig(
        host=options.host,
        port=options.port,
        all_users=options.all_users,
        console=console_of(options, target, access, project.folder),
        pages=pages_of(options, access),
        project_folder=project.code,
        state_folder=project.folder / FOLDER,
        isolation=options.isolation,
        is_debugged=options.debug is not None,
        inspected=inspected(options.inspect, target.topology, target.function_ids),
        iam=options.iam,
        dynamodb=options.dynamodb,
        state_file=options.state_file,
        real=options.real,
        aws_domain=_has_aws_domain(options, is_template=target.is_deployable),
        limits=limited(limits, options.limits),
        assumptions=assumed(Assumptions(), options.assumptions),
        services=target.services,
        domains=target.domains,
        launched=launched,
    )
    if target.control is not None:
        return target.control.configured(config)
    return config if target.template is None else target.template.configured(config)


def _has_aws_domain(options: EmulateOptions, *, is_template: bool) -> bool:
    """Whether events name APIs as AWS does; that leads here only from processes of functions' own."""
    if options.domain is not None:
        return options.domain == "aws"
    return is_template and options.isolation != "inline"


def _collect_garbage() -> None:
    """Have the collector look at connections and messages, in larger lots, and not at all modules each time.

    That would be a sixth of the time of a connect, and pauses of 40 ms. It was off while modules were imported.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


async def _serve(options: EmulateOptions, starting: Emulator, target: Target, project: Project, access: Access) -> None:
    config, folder = starting.config, project.folder
    keyboard = terminal(isolation=options.isolation)
    with standard_output() as say, _stop_signals(keyboard) as stopped:
        async with starting as emulator:
            emulator.warm()
            if not is_loopback(config.host):
                text = "whoever reaches this address can connect, read and write the tables and run the functions"
                log.warning(text, host=config.host)
                if config.console:
                    log.warning("so is the console, for whoever knows its token", host=config.host)
            telling = functools.partial(
                banner,
                emulator,
                target,
                access,
                command=_own_name(folder),
                is_found=running(folder / READY_FILE) is None,
                is_terminal=sys.stdout.isatty(),
            )
            async with findable(options.ready_file, folder, _ready(emulator, target, access)) as files:
                shown_at = time.time()
                _collect_garbage()
                # Its token imports cryptography. Clients that found the ready file are answered meanwhile.
                say(await asyncio.to_thread(telling))
                news = News(options, target, access, files)
                controls = Controls(emulator=emulator, access=access, stop=stopped.set, say=say)
                async with (
                    _reloading(emulator, project, target, options, news, since=shown_at),
                    listening(keyboard, controls),
                ):
                    await stopped.wait()
            log.info("stopping", connections=emulator.connection_count)
        if (grants := emulator.recorded_grants()) is not None:  # also what $disconnect needed, so when all is over
            say(grants)


def _own_name(folder: Path) -> str:
    """How a user in this folder calls us: ``make emulate`` runs a command that is not on the PATH."""
    own = Path(sys.argv[0])
    if shutil.which("streamer") is not None or own.name != "streamer":
        return "streamer"
    return str(own.relative_to(folder)) if own.is_relative_to(folder) else str(own)


# signals


@contextmanager
def _stop_signals(keyboard: Terminal | None) -> Iterator[asyncio.Event]:
    """The event is set by the first SIGINT, SIGTERM or SIGHUP; another SIGINT or SIGTERM ends the process at once.

    A terminal that closes may send SIGHUP twice, as the shell's and as the kernel's. Whoever started us with nohup does
    not want us to hear of it.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    hears_hangup = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    numbers = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hears_hangup else ()))

    def stop(number: int) -> None:
        if stopped.is_set() and number != signal.SIGHUP:
            if keyboard is not None:
                keyboard.restore()
            # Function processes end with us: they hold the other end of a pipe of ours.
            os._exit(128 + number)
        stopped.set()

    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


# the ready file


def _ready(emulator: Emulator, target: Target, access: Access) -> Ready:
    told = {} if target.template is None else target.template.told()
    return Ready(
        websocket_url=emulator.websocket_url,
        management_url=emulator.management_url,
        dynamodb_url=emulator.dynamodb_url,
        pid=os.getpid(),
        url=emulator.url,
        ca_file=str(emulator.authority.ca_file.absolute()),
        urls=emulator.websocket_urls,
        http_urls=emulator.http_urls,
        resources=told.get("resources", {}),
        outputs=told.get("outputs", {}),
        region=emulator.config.region,
        verifies_with=access.verifies_with,
        identity=access.identity,
        wanted=access.wanted,
        actions=target.actions,
        functions=tuple(function.name for function in emulator.topology.functions),
        function_ids=target.function_ids,
    )


# reloading


@asynccontextmanager
async def _reloading(
    emulator: Emulator, project: Project, target: Target, options: EmulateOptions, news: News, *, since: float
) -> AsyncIterator[None]:
    """Follow what changes from that time on, in Unix seconds, also before files are watched."""
    if not options.reload or target.control is not None:
        yield
        return
    if target.template is None:
        settings = {project.folder / CONFIG_FILE, (options.env_file or project.folder / ENV_FILE).absolute()}
        saved = changes(project.code, since, settings)
        following = functools.partial(_reload_on_changes, emulator, saved, target, news)
    else:
        from ..reloading.templates import follow  # noqa: PLC0415 - only targets that are templates pay for it

        own = [each.resolve() for each in (options.state_file, options.ready_file) if each is not None]
        following = functools.partial(follow, emulator, target.template, own, since)
    watcher = asyncio.create_task(_told(following))
    try:
        yield
    finally:
        await end([watcher])


async def _told(following: Callable[[], Awaitable[None]]) -> None:
    """Follow until cancelled, which may be before anything of it ran."""
    try:
        await following()
    except Exception as error:  # noqa: BLE001 - top of a task: nobody waits for it, and what is saved seemed to do nothing
        log.error("changed files are not noticed any more: restart the emulator after a change", error=error)


async def _reload_on_changes(
    emulator: Emulator, saved: AsyncGenerator[frozenset[Path]], target: Target, news: News
) -> None:
    folder = emulator.config.project_folder
    trials = Trials(code_of(folder))
    looking: list[asyncio.Task[None]] = []
    try:
        async for files in saved:
            await end(looking)
            if code := sorted(file.relative_to(folder).as_posix() for file in files if file.suffix == ".py"):
                await emulator.reload()
                changed = ", ".join(code[:3]) + (", ..." if len(code) > 3 else "")
                tried = parts(emulator.topology, target.name, folder)
                environment = environment_of(emulator.topology, emulator.endpoints, folder)
                loads = await trials.passed(tried, environment, changed)
                emulator.hold(is_held=not loads)
                if loads:
                    emulator.warm()
            looking = [asyncio.create_task(news.look())]
    finally:
        await end(looking)
