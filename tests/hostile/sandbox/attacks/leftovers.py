"""What a run may try to leave behind. Everything carries the mark by which it would be found on the host."""

from __future__ import annotations

from .record import Attack

_DAEMON = """
if os.fork() == 0:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        for number in (1, 2, 3, 4):
            try:
                os.close(number)
            except OSError:
                pass
        {body}
        time.sleep(60)
    os._exit(0)
time.sleep(0.2)
"""

ATTACKS = (
    Attack("a daemon", _DAEMON.format(body="pass")),
    Attack(
        "a daemon that goes on forking",
        _DAEMON.format(body="[os._exit(0) for _ in range(2000) if time.sleep(0.01) or os.fork()]"),
    ),
    Attack(
        "a daemon that starts another program",
        _DAEMON.format(body="os.execv('/bin/sleep', ['sleep-' + host['mark'], '60'])"),
    ),
    Attack(
        "a stopped process",
        _DAEMON.format(body="os.kill(os.getpid(), signal.SIGSTOP)"),
    ),
    Attack(
        "a socket without a place",
        _DAEMON.format(body="s = socket.socket(socket.AF_UNIX); s.bind('\\0' + host['mark'] + '-left'); s.listen()"),
    ),
    Attack(
        "System V memory",
        "attempt(lambda: checked(libc.shmget(host['key'] + 1, ctypes.c_size_t(4096), 0o1600)) and None)",
    ),
    Attack("System V semaphores", "attempt(lambda: checked(libc.semget(host['key'] + 1, 1, 0o1600)) and None)"),
    Attack("System V messages", "attempt(lambda: checked(libc.msgget(host['key'] + 1, 0o1600)) and None)"),
    Attack("POSIX memory", "attempt(lambda: write(f\"/dev/shm/left-{host['mark']}\", os.O_WRONLY | os.O_CREAT))"),
    Attack(
        "POSIX messages",
        """
open_queue = libc.mq_open if hasattr(libc, "mq_open") else ctypes.CDLL("librt.so.1").mq_open
attempt(lambda: checked(open_queue(f"/left-{host['mark']}".encode(), os.O_CREAT | os.O_RDWR, 0o600, None)) and None)
""",
    ),
    Attack("a temporary file", "attempt(lambda: write(f\"/tmp/left-{host['mark']}\", os.O_WRONLY | os.O_CREAT))"),
    Attack(
        "an older temporary file", "attempt(lambda: write(f\"/var/tmp/left-{host['mark']}\", os.O_WRONLY | os.O_CREAT))"
    ),
    Attack(
        "a key",
        "attempt(lambda: call(248, 217, b'user', host['mark'].encode(), b'data', 4, -4) and None)",
        unless="a kernel without keys, or a machine that keeps processes from them",
    ),
    Attack(
        "folders nested deeper than a path can say",
        """
for _ in range(1500):
    os.mkdir("deep")
    os.chdir("deep")
open("file", "w").close()
os.chmod(".", 0)
""",
        unsafe="tools that clean up cannot remove them",
    ),
)
