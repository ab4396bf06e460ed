"""The last step on the inside: a child that sets its limits and descriptors and becomes the command."""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH108, PTH118
from __future__ import annotations

import errno
import fcntl
import os
import resource

from . import signals
from .order import CHANNEL, NOTE, REFUSED, REQUEST, SLOTS, TOOLS_MARK, Order, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:  # an import that would add a tenth to the launcher's start
    from collections.abc import Callable

_FIRST_FREE = 16  # above every number that the command is given


class Place:
    """Where things are for the command."""

    def __init__(self, *, cwd: str, tools: str, home: str, temporary: str) -> None:
        self.cwd = cwd
        self.tools = tools
        self.home = home
        self.temporary = temporary


def start(order: Order, place: Place, confine: Callable[[], None], *, count_processes: bool) -> int:
    """Fork the command and give its process id. The last thing before it starts is to ``confine`` itself."""
    child = os.fork()
    if child == 0:
        become(order, place, confine, count_processes=count_processes)
    return child


def become(
    order: Order, place: Place, confine: Callable[[], None], *, count_processes: bool, slots: int | None = None
) -> None:
    """Turn this process into the command, which finds ``slots`` at descriptor SLOTS. Never returns."""
    try:
        _become(order, place, confine, count_processes, slots)
    except Refused as refused:
        refuse(order.report, str(refused))
    except (OSError, ValueError) as error:  # ValueError: a null byte in an argument or the environment
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        refuse(order.report, f"{order.argv[0]} could not be started: {reason}")
    except Exception as error:  # noqa: BLE001 (a fault of ours must not look like the command's exit status)
        refuse(order.report, f"{type(error).__name__}: {error}")
    finally:
        os._exit(127)


def refuse(report: int, sentence: str) -> None:
    """Tell the parent why there is no run."""
    _say(report, REFUSED, sentence)


def note(report: int, sentence: str) -> None:
    """Tell the parent what a person has to know about a run that goes on."""
    _say(report, NOTE, sentence)


def _say(report: int, word: bytes, sentence: str) -> None:
    os.write(report, word + sentence.replace("\n", " ").encode(errors="replace") + b"\n")


def _become(
    order: Order,
    place: Place,
    confine: Callable[[], None],
    count_processes: bool,  # noqa: FBT001
    slots: int | None,
) -> None:
    os.setsid()
    os.chdir(place.cwd)
    signals.reset()
    if signals.LINUX:
        from . import kernel

        kernel.die_with_parent(signals.KILL)
    nothing = os.open("/dev/null", os.O_RDONLY)
    request = order.requests if order.warm else _request(order.request, place.temporary)
    order.report = _move_up(order.report)
    given = {0: nothing, REQUEST: request, CHANNEL: order.channel}
    if slots is not None:
        given[SLOTS] = slots
    sources = {number: _move_up(descriptor) for number, descriptor in given.items()}
    for number, source in sources.items():
        os.dup2(source, number, inheritable=True)
    os.closerange(max(given) + 1, _FIRST_FREE)  # what lies above was opened by this program: closed on exec
    env = {**order.env, "HOME": place.home, "TMPDIR": place.temporary}
    argv = [argument.replace(TOOLS_MARK, place.tools) for argument in order.argv]
    _limit(order, count_processes)
    confine()
    os.execvpe(argv[0], argv, env)  # noqa: S606 (this is what the sandbox is for)


def _request(data: bytes, folder: str) -> int:
    path = os.path.join(folder, ".request")
    writer = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    reader = os.open(path, os.O_RDONLY)
    os.unlink(path)
    view = memoryview(data)
    while view:
        view = view[os.write(writer, view) :]
    os.close(writer)
    return reader


def _move_up(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)


def _limit(order: Order, count_processes: bool) -> None:  # noqa: FBT001
    _lower(resource.RLIMIT_CORE, 0, 0)
    _lower(resource.RLIMIT_DATA, order.memory_bytes, order.memory_bytes)
    _lower(resource.RLIMIT_FSIZE, order.file_bytes, order.file_bytes)
    _lower(resource.RLIMIT_NOFILE, order.open_files, order.open_files)
    if count_processes:
        _lower(resource.RLIMIT_NPROC, order.processes, order.processes)
    if order.cpu_seconds:
        _lower(resource.RLIMIT_CPU, order.cpu_seconds, order.cpu_seconds + 1)


def _lower(what: int, soft: int, hard: int) -> None:
    ceiling = resource.getrlimit(what)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    try:
        resource.setrlimit(what, (soft, hard))
    except ValueError as error:  # how the module reports EINVAL
        raise OSError(errno.EINVAL, f"limit {what}: {error}") from None
