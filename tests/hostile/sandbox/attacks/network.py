"""The host's listeners, in every family that a socket can have."""

from __future__ import annotations

from .record import Attack

_NO_IPV6 = "a kernel without IPv6"
_FAMILY = "a kernel without this family, or a user without the right to it"


def _family(name: str, family: int, kind: int, protocol: int = 0) -> Attack:
    code = f"attempt(lambda: socket.socket({family}, {kind}, {protocol}) and won('a socket'))"
    return Attack(name, code, unless=_FAMILY)


ATTACKS = (
    Attack("tcp", "attempt(lambda: send(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', host['tcp4'])))"),
    Attack(
        "tcp to any address", "attempt(lambda: send(socket.AF_INET, socket.SOCK_STREAM, ('0.0.0.0', host['tcp4'])))"
    ),
    Attack(
        "tcp6",
        "attempt(lambda: send(socket.AF_INET6, socket.SOCK_STREAM, ('::1', host['tcp6'])))",
        unless=_NO_IPV6,
    ),
    Attack(
        "tcp over several paths",
        "attempt(lambda: send(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', host['tcp4']), 262))",
        unless="a kernel without multipath TCP",
    ),
    Attack(
        "tcp with data in the first packet",
        """
attempt(lambda: socket.socket().sendto(b"from inside", 0x20000000, ("127.0.0.1", host["tcp4"])) and None)
""",
        unless="a kernel that has it switched off",
    ),
    Attack("udp", "attempt(lambda: send(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', host['udp4'])))"),
    Attack(
        "udp6",
        "attempt(lambda: send(socket.AF_INET6, socket.SOCK_DGRAM, ('::1', host['udp6'])))",
        unless=_NO_IPV6,
    ),
    Attack("abstract socket", "attempt(lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, host['abstract']))"),
    Attack("abstract datagram", "attempt(lambda: send(socket.AF_UNIX, socket.SOCK_DGRAM, host['abstract_datagram']))"),
    Attack(
        "abstract packets", "attempt(lambda: send(socket.AF_UNIX, socket.SOCK_SEQPACKET, host['abstract_packets']))"
    ),
    Attack("path socket", "attempt(lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, host['docker']))"),
    Attack(
        "path datagram by an end of a pair",
        """
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    attempt(
        lambda: socket.socketpair(socket.AF_UNIX, kind)[0].sendto(b"from inside", host["hidden_datagram"]) and None,
        lambda: socket.socketpair(socket.AF_UNIX, kind)[0].connect(host["docker"]),
    )
""",
    ),
    Attack(
        "path socket through the roots of processes",
        """
for process in ("self", "thread-self", "1", os.getppid(), host["parent"], host["bait"]):
    attempt(lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, f"/proc/{process}/root{host['bus']}"))
""",
    ),
    Attack(
        "path socket that is visible",
        "attempt(lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, host['visible_socket']))",
    ),
    Attack(
        "path datagram that is visible",
        "attempt(lambda: send(socket.AF_UNIX, socket.SOCK_DGRAM, host['visible_datagram']))",
    ),
    Attack(
        "path socket in the workspace",
        "attempt(lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, host['workspace_socket']))",
    ),
    Attack(
        "socket of the repository's daemon",
        "attempt(lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, host['git_socket']))",
    ),
    Attack("named pipe that is visible", "attempt(lambda: write(host['visible_pipe']))"),
    Attack("named pipe in the workspace", "attempt(lambda: write(host['workspace_pipe']))"),
    Attack(
        "port opened on the host",
        """
def serve():
    with socket.socket() as server:
        server.bind(("0.0.0.0", host["open_port"]))
        server.listen()
        now()
attempt(serve)
""",
    ),
    Attack(
        "vsock",
        """
for place in (1, 2, 0xFFFFFFFF):
    attempt(lambda: send(40, socket.SOCK_STREAM, (place, host.get("vsock", 1024))))
attempt(lambda: socket.socket(40, 1) and won("a socket"))
""",
        unless=_FAMILY,
    ),
    _family("kernel's ciphers", 38, 5),
    _family("packets of the wire", 17, 3, 768),
    _family("packets of the wire, old", 2, 10, 768),
    _family("raw internet", 2, 3, 1),
    _family("netlink: netfilter", 16, 3, 12),
    _family("netlink: sockets of the machine", 16, 3, 4),
    _family("netlink: events of devices", 16, 3, 15),
    _family("netlink: generic", 16, 3, 16),
    _family("netlink: audit", 16, 3, 9),
    _family("netlink: transformations", 16, 3, 6),
    _family("bluetooth", 31, 3, 1),
    _family("controller bus", 29, 3, 1),
    _family("cluster (tipc)", 30, 1),
    _family("express data path", 44, 3),
    _family("shared memory connections (smc)", 43, 1),
    _family("kernel multiplexer", 41, 5),
    Attack(
        "a new interface",
        """
header = struct.pack("IHHIIBxHiII", 0, 16, 0x605, 1, 0, 0, 0, 0, 0, 0)
info = struct.pack("HH6s", 10, 1, b"dummy\\0") + b"\\0\\0"
data = header + struct.pack("HH", len(info) + 4, 18) + info
data = struct.pack("I", len(data)) + data[4:]
def add():
    s = socket.socket(16, 3, 0)
    s.send(data)
    if struct.unpack_from("i", s.recv(999), 16)[0] == 0:
        won("an interface")
attempt(add)
""",
        unsafe="it would change the machine's network",
    ),
)
