"""From a bare machine to `.venv`: which interpreter, which registry, what is said when it fails."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from devstack.checkout import ROOT


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module that believes it lives in an empty checkout."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "infra" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, path in {"VENV": ".venv", "STATE": ".cogep", "STAMP": ".venv/stamp"}.items():
        monkeypatch.setattr(module, name, tmp_path / path)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for package in module.PACKAGES:
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "pyproject.toml").write_text(package)
    (tmp_path / ".venv").mkdir()
    return module


def write_stamp(bootstrap: ModuleType, which: str) -> None:
    stamp = {"set": which, "hash": bootstrap.fingerprint(which)}
    bootstrap.STAMP.write_text(json.dumps(stamp))


def test_nothing_is_installed_twice(bootstrap: ModuleType) -> None:
    write_stamp(bootstrap, "runtime")
    assert bootstrap.is_current("runtime")
    assert not bootstrap.is_current("dev")


def test_the_development_set_contains_the_runtime_set(bootstrap: ModuleType) -> None:
    write_stamp(bootstrap, "dev")
    assert bootstrap.is_current("runtime")


def test_a_changed_project_is_installed_again(bootstrap: ModuleType) -> None:
    write_stamp(bootstrap, "runtime")
    (bootstrap.ROOT / "libs/chassis/pyproject.toml").write_text("changed")
    assert not bootstrap.is_current("runtime")


def test_an_interrupted_installation_starts_over(bootstrap: ModuleType) -> None:
    bootstrap.STAMP.write_text('{"set": "run')
    assert not bootstrap.is_current("runtime")


def test_uv_looks_where_pip_is_configured_to_look(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        "[global]\nindex-url = https://mirror.example/simple\n"
        "extra-index-url = https://one.example/simple\n    https://two.example/simple\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels /more-wheels")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    environment = bootstrap.installer_environment()
    assert environment["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert environment["UV_INDEX"].split()[-2:] == [
        "https://one.example/simple",
        "https://two.example/simple",
    ]
    assert environment["UV_FIND_LINKS"] == "/wheels,/more-wheels"
    assert "VIRTUAL_ENV" not in environment


def test_a_choice_made_for_uv_is_kept(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.example/simple")
    assert bootstrap.installer_environment()["UV_DEFAULT_INDEX"] == "https://uv.example/simple"


def test_a_failing_step_is_one_line(bootstrap: ModuleType) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('one\\nERROR: no such package')"]
    with pytest.raises(bootstrap.Problem, match=r"installing failed: .*no such package") as caught:
        bootstrap.run(failing, "installing")
    assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written_is_one_line(bootstrap: ModuleType, tmp_path: Path) -> None:
    bootstrap.STATE.write_text("a file where the folder should be")
    with pytest.raises(bootstrap.Problem, match="cannot write to") as caught:
        bootstrap.require_writable()
    assert "\n" not in str(caught.value)


def fake_interpreter(folder: Path, name: str, version: tuple[int, int]) -> None:
    """Says its version; answers the check of python.sh as that version would."""
    supported = (3, 11) <= version <= (3, 13)
    folder.mkdir(exist_ok=True)
    script = folder / name
    script.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Python {version[0]}.{version[1]}.0" && exit 0\n'
        f"exit {0 if supported else 1}\n"
    )
    script.chmod(0o755)


def find_interpreter(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ROOT / "infra" / "python.sh"],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_supported_interpreter_is_found_behind_an_unsupported_one(tmp_path: Path) -> None:
    fake_interpreter(tmp_path / "bin", "python3", (3, 9))
    fake_interpreter(tmp_path / "bin", "python3.12", (3, 12))
    assert find_interpreter(tmp_path / "bin").stdout.strip() == str(tmp_path / "bin/python3.12")


def test_an_unsupported_interpreter_is_one_clear_line(tmp_path: Path) -> None:
    fake_interpreter(tmp_path / "bin", "python3", (3, 14))
    refused = find_interpreter(tmp_path / "bin")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "Python 3.11, 3.12 or 3.13 is needed, but there is Python 3.14.0" in refused.stderr
