"""The images: built from what exists, as nobody in particular, and started in the right order."""

import re
import subprocess
from pathlib import Path

import pytest
from infra_files import INFRA, ROOT, SERVICES, complaints, compose

STUB = """#!/bin/sh
echo "{name} $* owner=${{DATABASE_OWNER_URL-none}}" >>"$CALLS"
exit {status}
"""


def dockerfile(service: str) -> str:
    return (ROOT / "services" / service / "Dockerfile").read_text("utf-8")


def test_dockerfiles_are_clean() -> None:
    files = [ROOT / "services" / service / "Dockerfile" for service in SERVICES]

    assert complaints("hadolint", *files) == ""


@pytest.mark.parametrize("service", SERVICES)
def test_everything_copied_exists(service: str) -> None:
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(\S+) ", dockerfile(service), re.MULTILINE)

    assert len(copied) >= 5
    for source in copied:
        assert (ROOT / source).exists(), source


@pytest.mark.parametrize("service", SERVICES)
def test_the_image_runs_unprivileged_and_watched(service: str) -> None:
    final = dockerfile(service).rpartition("\nFROM ")[2]
    port = re.findall(r"^EXPOSE (\d+)$", final, re.MULTILINE)

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", final, re.MULTILINE)
    assert f"http://127.0.0.1:{port[0]}/health'" in final
    assert 'ENTRYPOINT ["start"]' in final
    assert "org.opencontainers.image.version" in final


@pytest.mark.parametrize("service", SERVICES)
def test_packages_are_installed_by_hash_only(service: str) -> None:
    installs = re.findall(r"\bpip .*?install (.*)$", dockerfile(service), re.MULTILINE)

    assert len(installs) == 3
    for options in installs:
        assert "--require-hashes" in options or "--no-index" in options


def test_all_images_start_from_one_pinned_base() -> None:
    bases = {
        base
        for service in SERVICES
        for base in re.findall(r"^FROM (\S+)", dockerfile(service), re.MULTILINE)
    }

    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.13\.\d+-slim-\w+", bases.pop())


@pytest.mark.parametrize("service", SERVICES)
def test_the_port_is_the_same_everywhere(service: str) -> None:
    start = (INFRA / "scripts" / f"start-{service}.sh").read_text("utf-8")
    exposed = re.findall(r"^EXPOSE (\d+)$", dockerfile(service), re.MULTILINE)
    labels = compose("docker-compose.prod.yml")["services"][service].get("labels", {})
    routed = [value for name, value in labels.items() if name.endswith("loadbalancer.server.port")]

    assert re.findall(r"--port (\d+)", start) == exposed
    assert routed in ([], exposed)


def start(service: str, folder: Path, *, migration_status: int = 0) -> tuple[int, list[str]]:
    """Run the entry script with programs that only write down how they were called."""
    calls = folder / "calls"
    for name, status in (("alembic", migration_status), ("uvicorn", 0)):
        (folder / name).write_text(STUB.format(name=name, status=status), "utf-8")
        (folder / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", INFRA / "scripts" / f"start-{service}.sh"],
        env={
            "PATH": f"{folder}:/usr/bin:/bin",
            "CALLS": str(calls),
            "DATABASE_OWNER_URL": "secret",
        },
        check=False,
        capture_output=True,
    )
    return done.returncode, calls.read_text("utf-8").splitlines()


@pytest.mark.parametrize("service", ["core-api", "ai-svc"])
def test_a_service_migrates_and_then_forgets_the_owner(service: str, tmp_path: Path) -> None:
    status, calls = start(service, tmp_path)

    assert status == 0
    assert calls[0] == "alembic upgrade head owner=secret"
    assert calls[1].startswith(f"uvicorn --factory {service.replace('-', '_')}.main:create_app ")
    assert calls[1].endswith("owner=none")


@pytest.mark.parametrize("service", ["core-api", "ai-svc"])
def test_a_service_does_not_serve_on_a_schema_it_could_not_migrate(
    service: str, tmp_path: Path
) -> None:
    status, calls = start(service, tmp_path, migration_status=1)

    assert status != 0
    assert len(calls) == 1


def test_the_worker_migrates_nothing(tmp_path: Path) -> None:
    _, calls = start("worker-svc", tmp_path)

    assert [call.split()[0] for call in calls] == ["uvicorn"]
