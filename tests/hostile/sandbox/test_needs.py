"""What ordinary tests need of the machine, and must keep in every tier."""

from __future__ import annotations

from pathlib import Path

import pytest

from boxes import both_tiers, job, never, told
from fixloop.sandbox.run import Tier, run

NEEDS = {
    "temporary files": "import tempfile; tempfile.NamedTemporaryFile().write(b'x'); tell(True)",
    "loopback server": "import socket; s = socket.create_server(('127.0.0.1', 0));"
    "socket.create_connection(s.getsockname()).close(); tell(True)",
    "host name": "import socket; tell(bool(socket.gethostbyname(socket.gethostname())))",
    "locks": "import multiprocessing as m; tell(m.get_context('fork').Lock().acquire())",
    "shared memory": "from multiprocessing.shared_memory import SharedMemory as S; s = S(create=True, size=8);"
    "s.close(); s.unlink(); tell(True)",
    "subprocess": "import subprocess; tell(subprocess.run(['sh', '-c', 'exit 0']).returncode == 0)",
    "pty": "import pty; pty.openpty(); tell(True)",
    "user": "import pwd; pwd.getpwuid(os.getuid()); tell(True)",
    "sqlite": "import sqlite3; c = sqlite3.connect('db'); c.execute('pragma journal_mode=wal');"
    "c.execute('create table t (x)'); tell(True)",
    "folders": "import shutil; os.makedirs('a/b'); shutil.rmtree('a'); os.mkdir('a'); os.rename('a', 'c'); tell(True)",
}


@both_tiers
@pytest.mark.parametrize("need", NEEDS)
def test_what_ordinary_tests_need_works(workspace: Path, tier: Tier, need: str) -> None:
    assert told(run(job(workspace, NEEDS[need]), tier, never)) is True
