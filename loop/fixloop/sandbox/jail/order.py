"""What the parent tells the launcher, and the words in which the launcher answers.

Never read from anything that the code under test can write.
"""

from __future__ import annotations

import marshal

# Lines of the report descriptor. REFUSED and NOTE carry a sentence, EXITED a status; nothing else is written there.
REFUSED = b"refused "
NOTE = b"note "
EXITED = b"exited "

PROBE_PACKAGE = "_fixloop_probe"
REQUEST, CHANNEL, SLOTS = 3, 4, 5  # descriptors of the command
JAIL_PACKAGE = "_fixloop_jail"  # how a warm process imports ``slot``
TOOLS_MARK = "{tools}"


class Refused(Exception):
    """A layer could not be set up; the message says which and why."""


class Order:
    """One job as plain data. Paths are strings; ``limits`` are named as in ``job.Limits``."""

    def __init__(
        self,
        *,
        tier: str,
        parent: int,
        channel: int,
        report: int,
        scratch: str,
        argv: list[str],
        root: str,
        files: dict[str, bytes],
        visible: list[str],
        tools: str,
        env: dict[str, str],
        request: bytes,
        cpu_seconds: int,
        memory_bytes: int,
        file_bytes: int,
        open_files: int,
        processes: int,
        scratch_bytes: int,
        requests: int = -1,
    ) -> None:
        self.tier = tier
        self.parent = parent  # process id: the launcher ends with it
        self.channel = channel  # descriptors that the launcher inherits
        self.report = report
        self.scratch = scratch  # directory of the reduced tier, made and removed by the launcher
        self.argv = argv
        self.root = root
        self.files = files  # by path from the root, links already resolved
        self.visible = visible
        self.tools = tools
        self.env = env
        self.request = request
        self.cpu_seconds = cpu_seconds  # 0: no limit
        self.memory_bytes = memory_bytes
        self.file_bytes = file_bytes
        self.open_files = open_files
        self.processes = processes
        self.scratch_bytes = scratch_bytes
        self.requests = requests  # descriptor from which a warm process reads instead of ``request``; -1: not warm

    @property
    def warm(self) -> bool:
        """True when the command stays, takes requests, and forks children into slots."""
        return self.requests >= 0

    def dump(self) -> bytes:
        """Bytes for ``load`` under the same interpreter."""
        return marshal.dumps(self.__dict__)

    @staticmethod
    def load(data: bytes) -> Order:
        """The order that ``dump`` wrote."""
        return Order(**marshal.loads(data))  # noqa: S302 (written by our own parent)
