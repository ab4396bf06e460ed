"""The parent's side of a run: check the job, start the launcher, read what comes back, end it in time.

Safe to call from several threads at once. Nothing that the command does makes ``run`` raise.
"""

from __future__ import annotations

import math
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from fixloop.sandbox.collect import Collector
from fixloop.sandbox.jail import tree
from fixloop.sandbox.jail.order import Order
from fixloop.sandbox.job import Completed, Ended, Job, Tier

# Relative imports inside the package work under whatever name it was found; its folder must not stay importable.
_BOOTSTRAP = "import sys; sys.path.insert(0, sys.argv[1]); from jail.main import main; del sys.path[0]; main()"
_HERE = Path(__file__).parent


class Unacceptable(Exception):
    """The job cannot be run as described; the message says why."""


def run(
    job: Job, tier: Tier, cancelled: Callable[[], bool], on_record: Callable[[bytes], None] | None = None
) -> Completed:
    """Run a job to its end. ``on_record`` gets each line of the channel, without its line end, as it arrives.

    Raises only what ``cancelled`` or ``on_record`` raise; the command is ended then, too.
    """
    collector = Collector(job.limits, time.monotonic(), cancelled, on_record)
    if cancelled():
        return Completed(Ended.CANCELLED)
    scratch = Path(tempfile.gettempdir()).resolve() / f"fixloop-{secrets.token_hex(8)}"
    try:
        return _supervised(job, tier, scratch, collector)
    except Unacceptable as reason:
        return Completed(Ended.NOT_STARTED, detail=f"The sandbox was not started: {reason}.")
    finally:
        if scratch.exists():  # the launcher removes it, unless it was killed
            tree.remove(str(scratch))


def _resolved(job: Job) -> dict[str, bytes]:
    """``job.files`` by the path that their links lead to. Raises Unacceptable."""
    if not job.argv:
        raise Unacceptable("no command was given")
    if not job.root.is_absolute() or job.root != job.root.resolve() or not job.root.is_dir():
        raise Unacceptable(f"{job.root} is not an absolute, resolved path of a folder")
    if job.root == Path("/") or _is_kernel_tree(job.root):
        raise Unacceptable(f"{job.root} cannot be a workspace")
    return {_place(job.root, name): data for name, data in job.files.items()}


def _is_kernel_tree(root: Path) -> bool:
    shared_memory = len(root.parts) > 3 and root.is_relative_to("/dev/shm")  # noqa: S108 (a folder like any other)
    return not shared_memory and any(root.is_relative_to(top) for top in ("/proc", "/sys", "/dev"))


def _place(root: Path, name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise Unacceptable(f"{name!r} is not a path inside the workspace")
    try:
        folder = (root / path.parent).resolve()
        target = (folder / path.name).resolve()
    except (OSError, RuntimeError):
        raise Unacceptable(f"{name!r} leads through links without end") from None
    if not folder.is_relative_to(root):
        raise Unacceptable(f"{name!r} leads out of the workspace")
    # A link to a file elsewhere is replaced, not followed.
    inside = target if target.is_relative_to(root) else folder / path.name
    return inside.relative_to(root).as_posix()


class Pipes:
    """Where the command prints and answers and the launcher reports; where a warm process is asked, or -1."""

    def __init__(self, ours: ExitStack, theirs: ExitStack, *, warm: bool) -> None:
        self.output, self.output_end = _pipe(ours, theirs)
        self.channel, self.channel_end = _pipe(ours, theirs)
        self.report, self.report_end = _pipe(ours, theirs)
        for reader in (self.output, self.channel, self.report):
            os.set_blocking(reader, False)
        self.requests_end, self.requests = _pipe(theirs, ours) if warm else (-1, -1)


def _pipe(readers: ExitStack, writers: ExitStack) -> tuple[int, int]:
    reader, writer = os.pipe()
    readers.callback(os.close, reader)
    writers.callback(os.close, writer)
    return reader, writer


def _supervised(job: Job, tier: Tier, scratch: Path, collector: Collector) -> Completed:
    with start(job, tier, scratch, warm=False) as (launcher, pipes):
        return collector.collect(launcher, pipes.output, pipes.channel, pipes.report)


@contextmanager
def start(job: Job, tier: Tier, scratch: Path, *, warm: bool) -> Generator[tuple[subprocess.Popen[bytes], Pipes]]:
    """A launcher and the pipes to it, which are closed at the end. Raises Unacceptable."""
    files = _resolved(job)
    with ExitStack() as ours:
        with ExitStack() as theirs:
            try:
                pipes = Pipes(ours, theirs, warm=warm)
                launcher = _start(_order(job, tier, files, scratch, pipes).dump(), pipes)
            except OSError as error:
                raise Unacceptable(f"its launcher could not be started ({error})") from None
        yield launcher, pipes


def _order(job: Job, tier: Tier, files: dict[str, bytes], scratch: Path, pipes: Pipes) -> Order:
    limits = job.limits
    return Order(
        tier=tier.value,
        parent=os.getpid(),
        channel=pipes.channel_end,
        report=pipes.report_end,
        scratch=str(scratch),
        argv=list(job.argv),
        root=str(job.root),
        files=files,
        visible=[str(path) for path in job.visible if path.is_absolute()],
        tools=str(job.tools.resolve()),
        env=dict(job.env),
        request=job.request,
        cpu_seconds=math.ceil(limits.cpu_seconds or 0),
        memory_bytes=limits.memory_bytes,
        file_bytes=limits.file_bytes,
        open_files=limits.open_files,
        processes=limits.processes,
        scratch_bytes=limits.scratch_bytes,
        requests=pipes.requests_end,
    )


def _start(order: bytes, pipes: Pipes) -> subprocess.Popen[bytes]:
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        file.write(order)
        file.seek(0)
        return subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOTSTRAP, str(_HERE)],
            stdin=file,
            stdout=pipes.output_end,
            stderr=pipes.output_end,
            pass_fds=[end for end in (pipes.channel_end, pipes.report_end, pipes.requests_end) if end >= 0],
            cwd="/",
            env={name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
            start_new_session=True,
        )
