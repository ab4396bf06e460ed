"""Carries granted ports over the wall: from 127.0.0.1 inside to the same port of 127.0.0.1 outside, TCP only.

The inside listens and hands its listening sockets to a process that was forked before there were walls. That process
looks at nothing that it carries, connects nowhere else, holds one buffer a direction, and ends with the launcher.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import socket

from . import kernel, signals, system_calls
from .order import Refused

_HOST = "127.0.0.1"
_BUFFER = 1 << 16
_BACKLOG = 128
_MOST_LINKS = 256
_RESERVED = 96  # descriptors for everything but connections
_RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: on, no time


def start(ports: list[int]) -> socket.socket:
    """Fork the relay, from outside the walls, and give the end on which ``listen`` will hand sockets to it."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        try:
            ours.close()
            _serve(ports, theirs)
        finally:
            os._exit(0)
    theirs.close()
    return ours


def listen(ports: list[int], relay: socket.socket) -> None:
    """Inside: open the ports while that is still permitted and hand them over. Raises Refused."""
    listeners: list[socket.socket] = []
    for port in ports:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
            listener.listen(_BACKLOG)
        except OSError as error:
            raise Refused(f"open port {port} inside: {error.strerror}") from None
        listeners.append(listener)
    socket.send_fds(relay, [b"x"], [listener.fileno() for listener in listeners])
    for listener in listeners:
        listener.close()
    relay.close()


def _serve(ports: list[int], handed: socket.socket) -> None:
    parent = os.getppid()
    signals.reset()
    kernel.die_with_parent(signals.KILL)
    if os.getppid() != parent:
        return
    _let_go_of_all_but(handed.fileno())
    kernel.forbid_new_privileges()
    kernel.hide_from_equals()
    system_calls.forbid()
    word, descriptors, _, _ = socket.recv_fds(handed, 1, len(ports))
    handed.close()
    if word:
        _Relay([socket.socket(fileno=descriptor) for descriptor in descriptors], ports).run()


def _let_go_of_all_but(kept: int) -> None:
    """Whoever waits for the end of the run's pipes must not wait for this process."""
    os.closerange(0, kept)
    os.closerange(kept + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


class _Way:
    """One direction of a link. Reads on only when all that it holds was written: a slow reader slows the writer."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.held = b""
        self.ended = False

    def read(self) -> None:
        self.held = self.source.recv(_BUFFER)
        if not self.held:
            self.ended = True
            self.target.shutdown(socket.SHUT_WR)

    def write(self) -> None:
        self.held = self.held[self.target.send(self.held, socket.MSG_NOSIGNAL) :]


class _Link:
    """A connection from the inside and its other half outside."""

    def __init__(self, inside: socket.socket, port: int) -> None:
        self.inside, self.outside = inside, socket.socket()
        self._ways = (_Way(self.inside, self.outside), _Way(self.outside, self.inside))
        for end in self.ends:
            end.setblocking(False)  # noqa: FBT003
        self._connecting = self.outside.connect_ex((_HOST, port)) == errno.EINPROGRESS

    @property
    def ends(self) -> tuple[socket.socket, socket.socket]:
        return self.inside, self.outside

    @property
    def is_over(self) -> bool:
        return all(way.ended for way in self._ways)

    def wanted(self, end: socket.socket) -> int:
        """What to wait for on one end; 0: nothing, so that a closed one does not wake the relay for ever."""
        if self._connecting:
            return select.POLLOUT if end is self.outside else 0
        events = 0
        for way in self._ways:
            if end is way.source and not way.ended and not way.held:
                events |= select.POLLIN
            if end is way.target and way.held:
                events |= select.POLLOUT
        return events

    def carry(self, end: socket.socket, events: int) -> None:
        """Do what an end is ready for. Raises OSError when the link is broken."""
        if self._connecting:
            failed = self.outside.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failed:
                raise OSError(failed, os.strerror(failed))
            self._connecting = False
            return
        wanted = self.wanted(end)
        failing = events & (select.POLLERR | select.POLLHUP)
        for way in self._ways:
            if end is way.target and wanted & select.POLLOUT and (events & select.POLLOUT or failing):
                way.write()
            if end is way.source and wanted & select.POLLIN and (events & select.POLLIN or failing):
                way.read()

    def close(self, *, broken: bool) -> None:
        """Let both ends know."""
        for end in self.ends:
            if broken:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.close()


class _Relay:
    def __init__(self, listeners: list[socket.socket], ports: list[int]) -> None:
        self._listeners = {listener.fileno(): (listener, port) for listener, port in zip(listeners, ports)}  # noqa: B905 (3.9)
        self._links: dict[int, _Link] = {}
        self._ends: dict[int, socket.socket] = {}
        self._room = min(_MOST_LINKS, max(1, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVED) // 2))
        self._poll = select.poll()

    def run(self) -> None:
        for listener, _ in self._listeners.values():
            listener.setblocking(False)  # noqa: FBT003
        self._listen(on=True)
        while True:
            for descriptor, events in self._poll.poll():
                if descriptor in self._listeners:
                    self._accept(*self._listeners[descriptor])
                elif descriptor in self._links:  # not ended by what its other end did just now
                    self._carry(descriptor, events)

    def _listen(self, *, on: bool) -> None:
        for descriptor in self._listeners:
            self._poll.register(descriptor, select.POLLIN) if on else self._poll.unregister(descriptor)

    def _accept(self, listener: socket.socket, port: int) -> None:
        if len(self._links) >= 2 * self._room:
            return
        try:
            link = _Link(listener.accept()[0], port)
        except OSError:  # it has gone again
            return
        for end in link.ends:
            self._links[end.fileno()], self._ends[end.fileno()] = link, end
        self._watch(link)
        if len(self._links) >= 2 * self._room:
            self._listen(on=False)

    def _carry(self, descriptor: int, events: int) -> None:
        link = self._links[descriptor]
        try:
            link.carry(self._ends[descriptor], events)
        except BlockingIOError:
            pass
        except OSError:
            self._end(link, broken=True)
            return
        if link.is_over:
            self._end(link, broken=False)
        else:
            self._watch(link)

    def _watch(self, link: _Link) -> None:
        for end in link.ends:
            wanted = link.wanted(end)
            if wanted:
                self._poll.register(end, wanted)
            else:
                self._forget(end.fileno())

    def _end(self, link: _Link, *, broken: bool) -> None:
        was_full = len(self._links) >= 2 * self._room
        for end in link.ends:
            self._forget(end.fileno())
            del self._links[end.fileno()], self._ends[end.fileno()]
        link.close(broken=broken)
        if was_full:
            self._listen(on=True)

    def _forget(self, descriptor: int) -> None:
        with contextlib.suppress(KeyError):
            self._poll.unregister(descriptor)
