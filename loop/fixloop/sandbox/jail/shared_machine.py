"""The system calls that are closed, too, where the command shares the machine's network, users and memory objects.

No socket but a connected pair can be made: the rules on files and ports do not reach sockets that have a path, nor
every way to send. System V and POSIX message objects are closed as if the kernel had none. Nothing can be changed
about a process by its number. Where the command has the user's own number, changes of modes, owners, times and
attributes do nothing, for no rule on files covers them: they report success, as copying a file would fail otherwise.
"""

from __future__ import annotations

import errno

from . import kernel
from .system_calls import Numbers, allowed_if, assemble, refused_if, this_machine

_CONNECTED = (1, 5)  # SOCK_STREAM and SOCK_SEQPACKET: a datagram pair could still send to any path
_TYPE_OF_SOCKET, _WHOLE = 0xF, 0xFFFFFFFF
_UNIX = 1
_SET_LEASE = 1024  # F_SETLEASE: others would wait for it, or fail, even where a file may only be read
_SET_FLAGS, _SET_FLAGS_32, _SET_VERSION, _SET_ATTRIBUTES = 0x40086602, 0x40046602, 0x40087602, 0x401C5820

_OBJECTS: Numbers = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
}
_ATTRIBUTES: Numbers = {
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
_STATUS_OF_FILES: Numbers = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
}
# Landlock rules on none of these, which leaves them to the modes of files; by a descriptor they stay open.
_READ_OF_ATTRIBUTES: Numbers = {
    "getxattr": (191, 8),
    "lgetxattr": (192, 9),
    "listxattr": (194, 11),
    "llistxattr": (195, 12),
    "getxattrat": (464, 464),
    "listxattrat": (465, 465),
    "file_getattr": (468, 468),
}
_WATCHES: Numbers = {
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
}
_SOCKETS: Numbers = {"socket": (41, 198)}
_BY_ARGUMENTS: Numbers = {
    "ioctl": (16, 29),
    "fcntl": (72, 25),
    "socketpair": (53, 199),
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
}
CALLS = {
    **_OBJECTS,
    **_ATTRIBUTES,
    **_STATUS_OF_FILES,
    **_READ_OF_ATTRIBUTES,
    **_WATCHES,
    **_SOCKETS,
    **_BY_ARGUMENTS,
}

_ONE_PROCESS, _ONE_PROCESS_OF_IO = 0, 1  # PRIO_PROCESS, IOPRIO_WHO_PROCESS


def forbid(*, own_user: bool, reads_all: bool = False) -> None:
    """Add this filter to that of ``system_calls``. Raises Refused."""
    kernel.filter_system_calls(program(this_machine(), own_user=own_user, reads_all=reads_all))


def program(machine: str, *, own_user: bool, reads_all: bool = False) -> bytes:
    """The filter; ``own_user`` says that the command has the number of the user who started it.

    ``reads_all``: that modes of files do not keep it from reading.
    """
    itself = allowed_if((0, _WHOLE, (0,)))
    judgements = {
        "socketpair": allowed_if((0, _WHOLE, (_UNIX,)), (1, _TYPE_OF_SOCKET, _CONNECTED), code=errno.EAFNOSUPPORT),
        "fcntl": refused_if(1, _SET_LEASE),
        "prlimit64": itself,
        "sched_setaffinity": itself,
        "sched_setparam": itself,
        "sched_setscheduler": itself,
        "sched_setattr": itself,
        "setpriority": allowed_if((0, _WHOLE, (_ONE_PROCESS,)), (1, _WHOLE, (0,))),
        "ioprio_set": allowed_if((0, _WHOLE, (_ONE_PROCESS_OF_IO,)), (1, _WHOLE, (0,))),
    }
    refused = [(_SOCKETS, errno.EAFNOSUPPORT), (_OBJECTS, errno.ENOSYS), (_ATTRIBUTES, errno.EOPNOTSUPP)]
    if reads_all:
        refused.append((_WATCHES, errno.ENOSYS))
    if reads_all or own_user:
        refused.append((_READ_OF_ATTRIBUTES, errno.EOPNOTSUPP))
    if own_user:
        judgements["ioctl"] = refused_if(1, _SET_FLAGS, _SET_FLAGS_32, _SET_VERSION, _SET_ATTRIBUTES)
        refused.append((_STATUS_OF_FILES, 0))
    return assemble(machine, _BY_ARGUMENTS, judgements, refused)
