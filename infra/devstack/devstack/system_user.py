"""The unprivileged system user PostgreSQL runs as when we are root: it refuses to be root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypedDict

from devstack.errors import DevstackError

_NAME = "pgserver"


class PopenArguments(TypedDict, total=False):
    """What subprocess needs to become another user; empty to stay who we are."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class SystemUser:
    """An entry of the password database."""

    name: str
    uid: int
    gid: int

    def popen_arguments(self) -> PopenArguments:
        """Drop every privilege of root, supplementary groups included."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def may(self, test: str, path: Path) -> bool:
        """Whether `test -r|-w|-x path` holds for this user; the system knows of ACLs and mounts."""
        found = subprocess.run(
            ["test", test, str(path)], cwd="/", check=False, **self.popen_arguments()
        )
        return found.returncode == 0


def become(user: SystemUser | None) -> PopenArguments:
    """The arguments of subprocess that start a program as the given user, or as ourselves."""
    return user.popen_arguments() if user else {}


@cache
def unprivileged_user() -> SystemUser | None:
    """Whom PostgreSQL must run as: None when we are not root, otherwise a user made for it."""
    if os.geteuid() != 0:
        return None
    if _find(_NAME) is None and (
        useradd := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    ):
        subprocess.run(
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _NAME],
            check=False,  # a read-only /etc, or another process was faster: looked up below
            capture_output=True,
        )
    user = _find(_NAME) or _find("nobody")
    if user is None:
        raise DevstackError(
            "PostgreSQL cannot run as root here: create a system user named pgserver."
        )
    return user


def _find(name: str) -> SystemUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
