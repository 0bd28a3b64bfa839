"""Keeping files private to their owner."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

UMASK = 0o077
OTHERS = 0o077
# Folders of storage.Folder: by the first two characters of a key, and for uploads.
OF_THE_STORE = re.compile(r"[0-9a-f]{2}|incoming")


def restrict_umask() -> None:
    """Make everything that this process and its children create private to their owner."""
    os.umask(UMASK)


def database_files(path: Path) -> list[Path]:
    """The existing files of a database: itself, SQLite's own beside it, and the backups from before migrations."""
    beside = [path.with_name(path.name + ending) for ending in ("", "-wal", "-shm", "-journal")]
    copies = [copy for copy in path.parent.glob("*") if copy.name.startswith(f"{path.name}.before-")]
    return [file for file in [*beside, *copies] if file.is_file()]


def store_files(root: Path) -> Iterator[Path]:
    """The files and folders of a media folder that may be accessible to others, deepest first. The contents of private
    folders are skipped.
    """
    if not root.is_dir():
        return
    inside = list(os.scandir(root))
    folders = [entry for entry in inside if OF_THE_STORE.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)]
    for folder in folders:
        if is_exposed(Path(folder)):
            yield from (Path(file) for file in os.scandir(folder) if file.is_file(follow_symlinks=False))
            yield Path(folder)
    # A folder that also contains other things may be shared on purpose.
    if len(folders) == len(inside):
        yield root


def is_exposed(path: Path) -> bool:
    """Whether other users have any access. On Windows the mode does not show it."""
    return os.name == "posix" and bool(path.stat().st_mode & OTHERS)


def is_changeable(path: Path) -> bool:
    """Whether this process may change its mode."""
    return os.name == "posix" and os.geteuid() in (0, path.stat().st_uid)


def restrict(paths: Iterable[Path]) -> list[Path]:
    """Remove other users' access to files that this process may change; returns those changed."""
    changed = []
    for path in paths:
        try:
            if is_exposed(path) and is_changeable(path):
                path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
                changed.append(path)
        except FileNotFoundError:
            # Another process has removed it meanwhile.
            continue
    return changed
