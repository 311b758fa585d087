"""From a change to a deployment: what is checked, deployed, and how a failure looks."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from infra_coolify import TOKEN, Coolify
from infra_files import INFRA, ROOT, SERVICES, complaints, read_yaml, schema_complaints
from infra_files import compose as compose_file

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = INFRA / "scripts"


def workflow(name: str) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads the key `on` as true."""
    content = read_yaml(ROOT / ".github" / "workflows" / f"{name}.yml")
    return {"on" if key is True else key: value for key, value in content.items()}


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in workflow(name)["jobs"].values():
        yield from job.get("steps", [])


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [ROOT / ".github" / "dependabot.yml"]),
    ],
)
def test_files_follow_their_schemas(schema: str, files: list[Path]) -> None:
    assert schema_complaints(schema, *files) == ""


def test_the_commit_hooks_can_be_read() -> None:
    assert complaints("pre-commit", "validate-config", ROOT / ".pre-commit-config.yaml") == ""


def test_every_tool_of_the_commit_hooks_is_installed() -> None:
    config = read_yaml(ROOT / ".pre-commit-config.yaml")
    entries = [
        hook["entry"] for repo in config["repos"] for hook in repo["hooks"] if "entry" in hook
    ]
    tools = {entry.split()[0] for entry in entries if entry.startswith(".venv/")}

    for tool in tools:
        assert Path(sys.executable).with_name(Path(tool).name).exists(), tool


def test_shell_scripts_are_clean() -> None:
    assert complaints("shellcheck", *sorted(SCRIPTS.glob("*.sh"))) == ""


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_to_a_version(file: Path) -> None:
    for step in steps(file.stem):
        if "uses" in step:
            assert re.search(r"@v\d+\.\d+\.\d+$", step["uses"]), step["uses"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_workflows_may_only_read(file: Path) -> None:
    assert workflow(file.stem)["permissions"] == {"contents": "read"}
    for job in workflow(file.stem)["jobs"].values():
        assert "permissions" not in job


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_no_expression_is_pasted_into_a_shell(file: Path) -> None:
    for step in steps(file.stem):
        assert "${{" not in step.get("run", ""), step


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_checkout_keeps_no_credentials(file: Path) -> None:
    for step in steps(file.stem):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_ci_is_make_check_on_the_oldest_and_the_newest_python() -> None:
    job = workflow("ci")["jobs"]["check"]

    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert {"run": "make check"} in job["steps"]


@pytest.mark.parametrize("job", ["audit", "image"])
def test_ci_looks_at_every_service(job: str) -> None:
    assert workflow("ci")["jobs"][job]["strategy"]["matrix"]["service"] == list(SERVICES)


def test_only_the_deploy_job_sees_a_secret() -> None:
    for file in WORKFLOWS:
        for name, job in workflow(file.stem)["jobs"].items():
            if "secrets." in json.dumps(job):
                assert name == "deploy"
                assert job["environment"] in ("staging", "production")


@pytest.mark.parametrize("name", ["deploy-staging", "deploy-prod"])
def test_nothing_is_deployed_before_ci_passed(name: str) -> None:
    jobs = workflow(name)["jobs"]

    assert jobs["ci"]["uses"] == "./.github/workflows/ci.yml"
    assert jobs["changes"]["needs"] == "ci"
    assert jobs["deploy"]["needs"] == "changes"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, "README.md")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    identity = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org"}
    identity |= {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org"}
    subprocess.run(
        ["git", "-c", "core.hooksPath=/dev/null", *arguments],
        cwd=folder,
        env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": "/dev/null"},
        check=True,
        capture_output=True,
    )


def commit(folder: Path, path: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text("changed", "utf-8")
    git(folder, "add", path)
    git(folder, "commit", "--quiet", "--message", path)


def changed(folder: Path, base: str = "HEAD^") -> list[str]:
    found = subprocess.run(
        [SCRIPTS / "changed-services.sh", base, "HEAD"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return list(json.loads(found.stdout))


@pytest.mark.parametrize(
    ("path", "services"),
    [
        ("services/core-api/core_api/main.py", ["core-api"]),
        ("services/core-api/alembic/versions/x.py", ["core-api"]),
        ("libs/chassis/chassis/settings.py", ["core-api", "ai-svc", "worker-svc"]),
        ("libs/shared-schemas/shared_schemas/ids.py", ["core-api", "ai-svc", "worker-svc"]),
        ("libs/knowledge/knowledge/models.py", ["ai-svc", "worker-svc"]),
        ("infra/scripts/start-ai-svc.sh", ["ai-svc"]),
        ("infra/docker/build-requirements.txt", ["core-api", "ai-svc", "worker-svc"]),
        ("infra/docker-compose.prod.yml", ["core-api", "ai-svc", "worker-svc"]),
        ("services/core-api-next/x.py", []),
        ("docs/services/core-api/x.md", []),
        ("infra/docker-compose.yml", []),
        ("README.md", []),
    ],
)
def test_a_change_deploys_what_it_touches(repository: Path, path: str, services: list[str]) -> None:
    commit(repository, "before")
    commit(repository, path) if path != "README.md" else commit(repository, "docs/README.md")

    assert changed(repository) == services


def test_an_unknown_base_deploys_everything(repository: Path) -> None:
    assert changed(repository, "0" * 40) == list(SERVICES)


def test_staging_starts_for_every_path_that_deploys_something() -> None:
    paths = workflow("deploy-staging")["on"]["push"]["paths"]

    assert {"services/**", "libs/**", "infra/docker/**", "infra/docker-compose.prod.yml"} <= set(
        paths
    )
    assert {"infra/scripts/start-*.sh", ".dockerignore"} <= set(paths)


def deploy(
    coolify: Coolify, service: str = "core-api", token: str = TOKEN, timeout: int = 30
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPTS / "deploy.sh", service],
        env={
            "PATH": os.environ["PATH"],
            "COOLIFY_URL": coolify.url,
            "COOLIFY_TOKEN": token,
            "COOLIFY_UUID_CORE_API": "uuid-core",
            "COOLIFY_UUID_AI_SVC": "uuid-ai",
            "COOLIFY_UUID_WORKER_SVC": "uuid-worker",
            "PUBLIC_URL": coolify.url,
            "DEPLOY_POLL": "0.05",
            "DEPLOY_TIMEOUT": str(timeout),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_deployment_is_waited_for() -> None:
    with Coolify("queued", "in_progress", "finished").running() as coolify:
        done = deploy(coolify, "ai-svc")

    assert done.returncode == 0, done.stderr
    assert coolify.calls[0] == "POST /api/v1/deploy?uuid=uuid-ai&force=false"
    assert coolify.calls[1:] == ["GET /api/v1/deployments/d1"] * 3
    assert "ai-svc: deployed" in done.stdout


def test_a_deployment_that_fails_fails_the_workflow() -> None:
    with Coolify("in_progress", "failed").running() as coolify:
        done = deploy(coolify)

    assert done.returncode != 0
    assert "core-api: failed" in done.stderr


def test_a_deployment_that_never_ends_is_given_up() -> None:
    with Coolify("in_progress").running() as coolify:
        done = deploy(coolify, timeout=1)

    assert done.returncode != 0
    assert "still in_progress" in done.stderr


def test_a_wrong_token_fails_and_is_not_printed() -> None:
    with Coolify("finished").running() as coolify:
        done = deploy(coolify, token="wrong-token")

    assert done.returncode != 0
    assert "wrong-token" not in done.stdout + done.stderr


def test_an_unknown_service_is_refused() -> None:
    with Coolify("finished").running() as coolify:
        done = deploy(coolify, "gateway")

    assert done.returncode == 2
    assert coolify.calls == []


def test_the_stack_has_every_service_that_can_be_deployed() -> None:
    assert set(SERVICES) <= set(compose_file("docker-compose.prod.yml")["services"])
