"""Where the provider runs, and how it says that it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.oidc.settings import ProviderRefused, settings_from


def start(state_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start it the way the supervisor does; it must end by itself."""
    app = "devstack.oidc.app:create_provider_app"
    return subprocess.run(
        [sys.executable, "-m", "uvicorn", "--factory", app, "--port", "0"],
        env={"PATH": os.environ["PATH"], "COGEP_STATE_DIR": str(state_dir), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_it_refuses_to_run_outside_development(tmp_path: Path, environment: str) -> None:
    ended = start(tmp_path, ENVIRONMENT=environment)

    assert ended.returncode == 2
    assert ended.stderr.startswith("The development OpenID provider does not run with ENVIRONMENT=")
    assert ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "oidc").write_text("a file where the folder should be", "utf-8")

    ended = start(tmp_path)

    assert ended.returncode == 2
    assert ended.stderr.startswith("The OpenID provider cannot keep its state:")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "localhost:8080/auth",
        "http://localhost:8080",
        "http://localhost:8080/auth/",
        "ftp://h/a",
    ],
)
def test_an_issuer_that_cannot_work_is_refused(issuer: str) -> None:
    with pytest.raises(ProviderRefused, match="OIDC_ISSUER"):
        settings_from({"OIDC_ISSUER": issuer})


def test_the_issuers_port_decides_the_redirects() -> None:
    settings = settings_from({"OIDC_ISSUER": "http://localhost:8180/auth"})

    client = settings.clients["cogep-spa"]

    assert client.may_redirect_to("http://localhost:8180/callback")
    assert not client.may_redirect_to("http://localhost:8080/callback")


def test_further_redirects_are_taken_from_the_environment() -> None:
    settings = settings_from({"OIDC_REDIRECT_URIS": "http://localhost:5173/callback"})

    client = settings.clients["cogep-spa"]

    assert client.may_redirect_to("http://localhost:5173/callback")
    assert client.may_return_to("http://localhost:5173/")


def test_load_tests_may_switch_the_limit_off() -> None:
    assert settings_from({"RATE_LIMIT_ENABLED": "false"}).limit_logins is False


def test_rotating_from_the_command_line_prints_the_key(tmp_path: Path) -> None:
    rotated = subprocess.run(
        [sys.executable, "-m", "devstack.oidc", "rotate-keys"],
        env={"PATH": os.environ["PATH"], "COGEP_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert rotated.stdout.startswith("signing with ")
