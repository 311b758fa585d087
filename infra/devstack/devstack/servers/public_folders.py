"""Folders every user can traverse, for what PostgreSQL's user must reach below a private one."""

import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Final

import psutil

from devstack.errors import DevstackError

_PLACE: Final = Path("/var/tmp")  # noqa: S108 - ownership is verified below
_ORIGIN: Final = "stands-in-for"


def public_folder(key: str) -> Path:
    """A folder of ours, the same for the same key."""
    folder = _PLACE / f"cogep-{os.geteuid()}-{key}"
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise DevstackError(f"{folder} belongs to somebody else: remove it and try again.")
    folder.chmod(0o755)
    return folder


def stand_in_folder(private: Path) -> Path:
    """The public folder that stands in for a private one."""
    key = sha256(str(private).encode()).hexdigest()[:12]
    known = (_PLACE / f"cogep-{os.geteuid()}-{key}").exists()
    folder = public_folder(key)
    if not known:
        (folder / _ORIGIN).write_text(str(private))
        _remove_orphans()
    return folder


def give_back(folder: Path) -> None:
    """Remove a stand-in that holds nothing any more."""
    if [path.name for path in folder.iterdir()] == [_ORIGIN]:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_orphans() -> None:
    """Remove stand-ins of folders that are gone: temporary ones, deleted checkouts."""
    for origin in _PLACE.glob(f"cogep-{os.geteuid()}-*/{_ORIGIN}"):
        try:
            if not Path(origin.read_text()).exists() and not _in_use(origin.parent):
                shutil.rmtree(origin.parent, ignore_errors=True)
        except OSError:
            continue  # another process was faster


def _in_use(folder: Path) -> bool:
    """Whether a server runs on a cluster below it."""
    for pid_file in folder.glob("*/postmaster.pid"):
        pid = pid_file.read_text().split("\n", 1)[0].strip()
        if pid.isdigit() and psutil.pid_exists(int(pid)):
            return True
    return False
