"""Where the project's code is: the import path that its tests expect, and which files are its own."""

from __future__ import annotations

import os
import sys
from typing import Any, Optional

# Folders inside a project that hold other people's code.
NOT_PROJECT = frozenset({"site-packages", "dist-packages", "node_modules", "__pypackages__"})


def install(root: str, original_root: str, projects: list[str], extra: list[str]) -> None:
    """Make the project importable as ``python -m pytest`` run in its root would, and an ``src`` folder as well.

    The same for ``projects`` inside it, as if pytest had been started there. Entries that point into
    ``original_root`` are turned to ``root`` where the two differ (a copied workspace).
    """
    if root != original_root:
        sys.path[:] = [moved(entry, original_root, root) for entry in sys.path]
        for finder in sys.meta_path:
            move_editable(finder, original_root, root)
    front: list[str] = []
    for folder in [root, *(moved(project, original_root, root) for project in projects)]:
        front.append(folder)
        src = os.path.join(folder, "src")
        if os.path.isdir(src) and not os.path.exists(os.path.join(src, "__init__.py")):
            front.append(src)
    extra = [moved(entry, original_root, root) for entry in extra]
    if extra:
        os.environ["PYTHONPATH"] = os.pathsep.join(extra)  # for the interpreters that tests start
    front += extra
    sys.path[:] = front + [entry for entry in sys.path if entry not in front]


def moved(entry: str, old: str, new: str) -> str:
    """A path inside ``old`` turned to ``new``; any other text as it is."""
    return new + entry[len(old) :] if entry == old or entry.startswith(old + os.sep) else entry


def move_editable(finder: Any, old: str, new: str) -> None:
    """Turn what an editable install's finder leads to from ``old`` to ``new``."""
    # setuptools' editable installs keep their paths in a mapping of the finder's module.
    module = sys.modules.get(getattr(finder, "__module__", "") or "")
    mapping: Any = getattr(module, "MAPPING", None)
    if mapping and getattr(module, "__name__", "").startswith("__editable__"):
        for name in list(mapping):
            mapping[name] = moved(mapping[name], old, new)


def check_id(nodeid: str, rootdir: str, root: str) -> str:
    """A node id as pytest takes it in ``root``. It tells them from its own root, which is where its settings are."""
    if rootdir == root:
        return nodeid
    file, separator, rest = nodeid.partition("::")
    moved = os.path.relpath(os.path.join(rootdir, file), root).replace(os.sep, "/")
    return moved + separator + rest


def relative(filename: str, root: str) -> Optional[str]:
    """POSIX path from the root for a file of the project's own, else None. Links inside the project are followed."""
    if not filename.startswith(root + os.sep):
        if filename.startswith("<") or os.path.isabs(filename):
            return None
        filename = os.path.join(root, filename)
    real = os.path.realpath(filename)
    if real.startswith(root + os.sep):
        filename = real
    parts = filename[len(root) + 1 :].split(os.sep)
    if any(part in NOT_PROJECT or part.startswith(".") for part in parts[:-1]):
        return None
    return "/".join(parts)
