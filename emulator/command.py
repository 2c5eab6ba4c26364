"""``streamer emulate``: starts the emulator, tells where it is, reloads changed code, and stops when asked."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import os
import resource
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from streamer.errors import ConfigurationError

from . import log
from .banner import banner
from .emulator import Emulator, EmulatorConfig
from .functions.logs import Fanout, LambdaLogFiles, LambdaLogLines, LogSink, PrettyLog
from .gateway.limits import Assumptions, Limits
from .log_format import install
from .loop import loop_factory
from .options import EmulateOptions
from .origin import is_loopback
from .overrides import assumed, limited
from .ready import FILE as READY_FILE
from .ready import Ready, remove_ready, write_ready
from .reload import changes
from .secret import FOLDER, development_secret, make_state_folder
from .target import Target, load_target


def run_emulator(options: EmulateOptions) -> None:
    """Run until SIGINT or SIGTERM; a second signal ends it at once.

    Raises:
        ConfigurationError: it cannot start; the message is one line for the user.
    """
    install(options.log_format)
    _raise_file_limit()
    _share_cores()
    folder = Path.cwd()
    environment = _environment(FOLDER)
    target = load_target(options.target, folder=folder, environment=environment, stage=options.stage)
    _make_state_folder(folder / FOLDER)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(options, target, folder, environment))


def _environment(state_folder: Path) -> dict[str, str]:
    """The variables an App's functions may get: ours, with a secret to develop with."""
    environment = {"STREAMER_ENV": "development", **os.environ}
    if not environment.get("JWT_SECRET") and not environment.get("JWT_PUBLIC_KEY"):
        environment["JWT_SECRET"] = development_secret(state_folder).value
    return environment


def _make_state_folder(folder: Path) -> None:
    try:
        make_state_folder(folder)
    except OSError as error:
        raise ConfigurationError(f"the folder {folder} cannot be used: {error.strerror}") from error


def _raise_file_limit() -> None:
    """Every connection is a file; the soft limit is often 1,024."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses "unlimited"; what it was has to do then
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _share_cores() -> None:
    """Let the emulator and its environments finish what they do before another of them gets their core.

    A message goes back and forth between them. Where each that wakes up interrupts the one that woke it, fewer than a
    core per process leaves most of the time to the switches: a tenth of all messages a second (docs/performance.md).
    """
    if hasattr(os, "SCHED_BATCH"):  # Linux; environments inherit it
        with contextlib.suppress(OSError):  # a container may not allow it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _config(options: EmulateOptions, folder: Path) -> EmulatorConfig:
    limits = Limits(idle_seconds=options.idle_timeout, max_duration_seconds=options.max_duration)
    if options.integration_timeout is not None:
        limits = dataclasses.replace(limits, integration_timeout_seconds=options.integration_timeout)
    limits = limited(limits, options.limits)
    return EmulatorConfig(
        host=options.host,
        port=options.port,
        project_folder=folder,
        state_folder=folder / FOLDER,
        isolation=options.isolation,
        dynamodb=options.dynamodb,
        state_file=options.state_file,
        limits=limits,
        assumptions=assumed(Assumptions(), options.assumptions),
    )


def _collect_garbage() -> None:
    """Have the collector look at connections and messages, in larger lots, and not at all modules each time.

    That would be a sixth of the time of a connect, and pauses of 40 ms. It was off while modules were imported.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


async def _serve(options: EmulateOptions, target: Target, folder: Path, environment: Mapping[str, str]) -> None:
    config = _config(options, folder)
    with _stop_signals() as stopped, _log_sink(options) as sink:
        async with Emulator(target.topology, config, log_sink=sink) as emulator:
            if not is_loopback(config.host):
                text = "whoever reaches this address can connect, read and write the tables and run the functions"
                log.warning(text, host=config.host)
            text = banner(emulator, target, environment, command=_own_name(folder), is_terminal=sys.stdout.isatty())
            with _ready_files(_ready_paths(options, folder), _ready(emulator)):
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()
                _collect_garbage()
                emulator.warm()
                async with _reloading(emulator, folder, wanted=options.reload):
                    await stopped.wait()
            log.info("stopping", connections=emulator.connection_count)


def _own_name(folder: Path) -> str:
    """How a user in this folder calls us: ``make emulate`` runs a command that is not on the PATH."""
    own = Path(sys.argv[0])
    if shutil.which("streamer") is not None or own.name != "streamer":
        return "streamer"
    return str(own.relative_to(folder)) if own.is_relative_to(folder) else str(own)


# signals


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """The event is set by the first SIGINT or SIGTERM; another one ends the process at once."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop(number: int) -> None:
        if stopped.is_set():
            # Function processes end with us: they hold the other end of a pipe of ours.
            os._exit(128 + number)
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        yield stopped
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


# output of functions


@contextmanager
def _log_sink(options: EmulateOptions) -> Iterator[LogSink]:
    terminal: LogSink = PrettyLog(sys.stderr) if options.log_format == "pretty" else LambdaLogLines(sys.stderr)
    if options.log_dir is None:
        yield terminal
        return
    try:
        files = LambdaLogFiles(options.log_dir)
    except OSError as error:
        raise ConfigurationError(f"the log folder {options.log_dir} cannot be used: {error.strerror}") from error
    with contextlib.closing(files):
        yield Fanout(terminal, files)


# the ready file


def _ready_paths(options: EmulateOptions, folder: Path) -> list[Path]:
    extra = [] if options.ready_file is None else [options.ready_file]
    return [folder / READY_FILE, *extra]


def _ready(emulator: Emulator) -> Ready:
    return Ready(
        websocket_url=emulator.websocket_url,
        management_url=emulator.management_url,
        dynamodb_url=emulator.dynamodb_url,
        pid=os.getpid(),
        url=emulator.url,
        ca_file=str(emulator.authority.ca_file.absolute()),
    )


@contextmanager
def _ready_files(paths: list[Path], ready: Ready) -> Iterator[None]:
    """Files that exist, whole, while the emulator accepts traffic."""
    for path in paths:
        try:
            write_ready(path, ready)
        except OSError as error:
            raise ConfigurationError(f"the ready file {path} cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        for path in paths:
            remove_ready(path, ready.pid)


# reloading


@asynccontextmanager
async def _reloading(emulator: Emulator, folder: Path, *, wanted: bool) -> AsyncIterator[None]:
    if not wanted:
        yield
        return
    watcher = asyncio.create_task(_reload_on_changes(emulator, folder))
    try:
        yield
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


async def _reload_on_changes(emulator: Emulator, folder: Path) -> None:
    async for files in changes(folder):
        await emulator.reload()
        emulator.warm()
        names = sorted(file.relative_to(folder).as_posix() for file in files)
        log.info("reloaded", changed=", ".join(names[:3]) + (", ..." if len(names) > 3 else ""))
