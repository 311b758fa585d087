"""Makes `.venv`: the pinned packages and our own, editable. Needs Python 3.11 to 3.13, no more.

python infra/bootstrap.py runtime   what `make up` needs
python infra/bootstrap.py dev       what `make check` needs on top

Standard library only. pip installs the pinned uv (by hash), uv the rest: 4 seconds instead of 45.
Without uv for this platform, pip does it all.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STATE = ROOT / ".cogep"
STAMP = VENV / ".installed.json"
UV_REQUIREMENTS = ROOT / "infra" / "uv-requirements.txt"
REQUIREMENTS = {
    "runtime": ROOT / "infra" / "devstack" / "requirements.txt",
    "dev": ROOT / "requirements-dev.txt",
}
PACKAGES = (
    "libs/shared-schemas",
    "libs/chassis",
    "libs/knowledge",
    "services/core-api",
    "services/ai-svc",
    "services/worker-svc",
    "infra/devstack",
)
# pip's option → uv's variable, and what separates several values there.
REGISTRY = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "cert": ("SSL_CERT_FILE", " "),
}


class Problem(Exception):
    """Something the person can fix."""


def main(wanted: str) -> None:
    """Bring `.venv` to what the lock files say; return at once when it is there already."""
    if is_current(wanted):
        return
    started = time.monotonic()
    if VENV.exists() and Path(sys.prefix).resolve() == VENV.resolve():
        raise Problem("deactivate .venv first: it is about to be made anew.")
    require_writable()
    with (STATE / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second finds the work done
        if is_current(wanted):
            return
        install(wanted)
        STAMP.write_text(json.dumps({"set": wanted, "hash": fingerprint(wanted)}))
    say(f"packages installed in {time.monotonic() - started:.1f} s ({wanted})")


def is_current(wanted: str) -> bool:
    """Whether `.venv` was made from these lock files; the dev set contains the runtime set."""
    try:
        installed = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    enough = ("dev",) if wanted == "dev" else ("dev", "runtime")
    return installed["set"] in enough and installed["hash"] == fingerprint(installed["set"])


def fingerprint(which: str) -> str:
    """Changes with the interpreter, the place, and everything that decides what is installed."""
    digest = hashlib.sha256(f"{platform.python_version()} {ROOT}".encode())
    projects = [ROOT / package / "pyproject.toml" for package in PACKAGES]
    for path in (REQUIREMENTS[which], UV_REQUIREMENTS, Path(__file__), *projects):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def require_writable() -> None:
    """Fail early, and clearly, where nothing can be written."""
    try:
        STATE.mkdir(exist_ok=True)
        for folder in (ROOT, STATE):
            probe = folder / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
    except OSError as error:
        raise Problem(f"cannot write to {ROOT}: {error.strerror}.") from None


def install(wanted: str) -> None:
    """A fresh `.venv`, so that nothing of an older lock stays behind."""
    uv = find_or_install_uv()
    environment = installer_environment()
    if VENV.is_symlink() or VENV.exists():
        shutil.rmtree(VENV)
    python = str(VENV / "bin" / "python")
    if uv is None:
        say("installing packages with pip, which takes a minute (uv is not available here) …")
        make_venv(VENV)
        installer = [python, "-m", "pip", "install", "--quiet"]
    else:
        say("installing packages …")
        venv = [uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(VENV)]
        run(venv, "making .venv", environment)
        installer = [uv, "pip", "install", "--quiet", "--python", python]
    locked = ["--require-hashes", "-r", str(REQUIREMENTS[wanted])]
    run([*installer, *locked], "installing the packages", environment)
    ours = [part for package in PACKAGES for part in ("-e", str(ROOT / package))]
    own = ["--no-deps", "--no-build-isolation", *ours]
    run([*installer, *own], "installing our own packages", environment)


def find_or_install_uv() -> str | None:
    """The pinned uv: of an earlier run, from the PATH, or installed now. None when none works."""
    version = UV_REQUIREMENTS.read_text().split("==")[1].split()[0]
    folder = STATE / f"uv-{version}"
    ready = str(folder / "bin" / "uv")
    for found in (ready, shutil.which("uv")):
        if found and is_uv(found, version):
            return found
    say(f"installing uv {version} …")
    shutil.rmtree(folder, ignore_errors=True)
    request = ["--require-hashes", "--only-binary=:all:", "-r", str(UV_REQUIREMENTS)]
    into = ["--target", str(folder), "--no-warn-script-location"]
    # Most interpreters have pip; Debian's does not, but a virtual environment of it has.
    interpreters: tuple[Callable[[], str], ...] = (lambda: sys.executable, interpreter_with_pip)
    for interpreter in interpreters:
        command = [interpreter(), "-m", "pip", "install", "--quiet", *request, *into]
        if succeeds(command) and is_uv(ready, version):
            return ready
    return None


def interpreter_with_pip() -> str:
    """A virtual environment made only to get a pip."""
    make_venv(STATE / "pip")
    return str(STATE / "pip" / "bin" / "python")


def make_venv(folder: Path) -> None:
    """The standard library's way; Debian keeps a part of it in a package of its own."""
    try:
        run([sys.executable, "-m", "venv", "--clear", str(folder)], f"making {folder.name}")
    except Problem as problem:
        if "ensurepip" not in str(problem):
            raise
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        advice = f"this Python has no ensurepip (Debian, Ubuntu: apt install {package})."
        raise Problem(advice) from None


def is_uv(path: str, version: str) -> bool:
    """Whether the program there is uv in the pinned version."""
    try:
        output = subprocess.check_output([path, "--version"], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return False
    return output.decode().split()[1:2] == [version]


def installer_environment() -> dict[str, str]:
    """Where pip is configured to look, uv shall look too: it does not read pip's files itself."""
    ignored = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    for option, value in pip_configuration().items():
        variable, separator = REGISTRY.get(option, ("", ""))
        if variable and variable not in environment:
            environment[variable] = separator.join(value.split())
    defaults = {
        "UV_INDEX_STRATEGY": "unsafe-best-match",  # as pip does; the hashes decide
        "UV_HTTP_TIMEOUT": "120",
        "UV_COMPILE_BYTECODE": "1",  # five seconds now, or as many at each first start
        "UV_NO_PROGRESS": "1",
    }
    return defaults | environment


def pip_configuration() -> dict[str, str]:
    """pip's own view of its files and variables."""
    try:
        command = [sys.executable, "-m", "pip", "config", "list"]
        output = subprocess.check_output(command, stderr=subprocess.DEVNULL).decode()
    except (OSError, subprocess.CalledProcessError):
        return {}
    pairs = (line.partition("=") for line in output.splitlines())
    return {
        name.rsplit(".", 1)[-1]: value.strip().strip("'\"").replace("\\n", " ")
        for name, _, value in pairs
    }


def succeeds(command: Sequence[str]) -> bool:
    """Whether a program can be started and ends well."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def run(command: Sequence[str], what: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a step; when it fails, its most telling lines become the message."""
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return
    output = f"{done.stdout}\n{done.stderr}".splitlines()
    lines = [line.strip() for line in output if line.strip()]
    telling = [line for line in lines if "rror" in line or line.startswith(("x ", "×", "╰"))]
    cause = " ".join((telling or lines or ["no output"])[-2:])
    raise Problem(f"{what} failed: {cause[:600]}")


def say(what: str) -> None:
    """One line on stderr: stdout belongs to whoever called."""
    print(f"  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1] if sys.argv[1:] else "runtime")
    except Problem as problem:
        sys.exit(f"make: {problem}")
    except OSError as error:
        sys.exit(f"make: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
