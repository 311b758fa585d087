"""Start, recognise and stop operating-system processes.

A pid alone proves nothing: it is reused. A process is recognised by its pid together with the
moment it started.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from devstack.system_user import SystemUser, become

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: importing inside the child, between fork and exec, may deadlock.
_libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that can be told apart from a later one with the same pid."""

    pid: int
    started_at: float

    def find(self) -> psutil.Process | None:
        """The running process, or None when it is gone (or only a zombie is left)."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_at) < 1.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def identity_of(pid: int) -> Identity | None:
    """The identity of a running process, or None when it is already gone."""
    try:
        return Identity(pid, psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: SystemUser | None = None,
    dies_with_parent: signal.Signals | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own: Ctrl-C in the terminal reaches only the supervisor.

    `dies_with_parent` (Linux) has the kernel send that signal when the thread that called this
    ends, however it ends: call it from the main thread.
    """
    with log.open("ab") as out:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dict(os.environ if env is None else env),
            cwd=cwd or "/",
            start_new_session=True,
            preexec_fn=_signal_on_parent_death(dies_with_parent),  # noqa: PLW1509 - one syscall, library loaded before
            **become(user),
        )


def _signal_on_parent_death(sent: signal.Signals | None) -> Callable[[], None] | None:
    if sent is None or _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def arm() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(sent))
        if os.getppid() != parent:  # the parent died between fork and prctl
            os.kill(os.getpid(), sent)

    return arm


def stop(identity: Identity, *, with_signal: signal.Signals, grace_seconds: float) -> bool:
    """Ask a process to end, insist after the grace period. True when it ended by itself."""
    process = identity.find()
    if process is None:
        return True
    try:
        process.send_signal(with_signal)
        if wait_until_gone(identity, grace_seconds):
            return True
        process.kill()
    except psutil.NoSuchProcess:
        return True
    wait_until_gone(identity, 5.0)
    return False


def wait_until_gone(identity: Identity, seconds: float) -> bool:
    """Wait for a process, our child or not (a zombie counts as gone; its Popen collects it)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if identity.find() is None:
            return True
        time.sleep(0.01)
    return False
