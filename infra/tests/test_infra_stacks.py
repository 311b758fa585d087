"""The compose files: valid, pinned, no default secret, and the settings the services ask for."""

import base64
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from itertools import pairwise
from typing import Any, get_type_hints

import pytest
from infra_files import (
    COMPOSE_FILES,
    INFRA,
    ROOT,
    SERVICES,
    VARIABLE,
    compose,
    example_environment,
    interpolate,
    production_environment,
    read_yaml,
    schema_complaints,
)
from pydantic import AliasChoices

from chassis.settings import SettingsGroup, read_settings

PRODUCTION = ("docker-compose.prod.yml", "docker-compose.monitoring.yml")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY(?!_CURRENT)|DSN|WEBHOOK")
OPTIONAL_SECRETS = {
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GOOGLE_API_KEY",
    "COMPATIBLE_API_KEY",
    "RERANKER_API_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "SENTRY_DSN",
    "SMTP_PASSWORD",
}

KEY = "0123456789abcdef0123456789abcdef"
FILLED_IN = {
    name: KEY
    for name in example_environment()
    if SECRET.search(name) and name not in OPTIONAL_SECRETS
} | {
    "COGEP_VERSION": "1.2.3",
    "COGEP_HOST": "assist.example.org",
    "OIDC_ISSUER": "https://login.example.org/realms/cogep",
    "INTERNAL_KEYS_ACCEPTED": f'{{"worker-svc": ["{KEY}"]}}',
    "FIELD_KEYS": json.dumps({"1": base64.b64encode(bytes(32)).decode()}),
    "FIELD_KEY_CURRENT": "1",
    "SOURCE_KEYS": json.dumps({"1": base64.b64encode(bytes(32)).decode()}),
    "LEDGER_SIGNING_KEY": base64.b64encode(b"ledger" + bytes(26)).decode(),
    "BLIND_INDEX_KEY": base64.b64encode(b"index" + bytes(27)).decode(),
}


def test_compose_files_follow_the_specification() -> None:
    assert schema_complaints("vendor.compose-spec", *COMPOSE_FILES) == ""


def stack(name: str) -> list[tuple[str, dict[str, Any]]]:
    return list(compose(name)["services"].items())


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: file.name)
def test_images_are_pinned_and_name_no_registry(file: Any) -> None:
    for name, service in stack(file.name):
        image, _, tag = interpolate(service["image"], FILLED_IN).rpartition(":")
        assert re.search(r"\d+\.\d+\.\d+|development", tag), f"{name}: {tag}"
        assert "." not in image.split("/")[0], f"{name}: {image}"


@pytest.mark.parametrize("name", PRODUCTION)
def test_no_secret_has_a_default(name: str) -> None:
    text = (INFRA / name).read_text("utf-8")

    for match in VARIABLE.finditer(text):
        if match["name"] and SECRET.search(match["name"]):
            required = match["kind"] == "?"
            left_out = match["name"] in OPTIONAL_SECRETS and not match["rest"]
            assert required or left_out, match[0]


@pytest.mark.parametrize("service", SERVICES)
def test_a_missing_secret_stops_the_stack(service: str) -> None:
    environment = compose("docker-compose.prod.yml")["services"][service]["environment"]
    required = {
        match["name"]
        for value in environment.values()
        for match in VARIABLE.finditer(str(value))
        if match["kind"] == "?"
    }

    for missing in required:
        given = {name: value for name, value in FILLED_IN.items() if name != missing}
        with pytest.raises(KeyError, match=missing):
            production_environment(service, given)


@pytest.mark.parametrize("name", PRODUCTION)
def test_containers_are_confined(name: str) -> None:
    for service, definition in stack(name):
        assert definition["read_only"] is True, service
        assert definition["cap_drop"] == ["ALL"], service
        assert definition["security_opt"] == ["no-new-privileges:true"], service
        assert definition.get("user") != "root" or service == "alloy"
        assert "ports" not in definition, f"{service} would listen on the server's own addresses"


@pytest.mark.parametrize("name", PRODUCTION)
def test_containers_have_limits(name: str) -> None:
    for service, definition in stack(name):
        if "operations" not in definition.get("profiles", []):
            limits = definition["deploy"]["resources"]["limits"]
            assert set(limits) == {"cpus", "memory"}, service


@pytest.mark.parametrize("service", SERVICES)
def test_services_wait_until_what_they_need_is_healthy(service: str) -> None:
    needs = compose("docker-compose.prod.yml")["services"][service]["depends_on"]

    assert {"postgres", "valkey"} <= set(needs)
    assert {each["condition"] for each in needs.values()} == {"service_healthy"}


def test_the_database_is_out_of_reach_from_outside() -> None:
    production = compose("docker-compose.prod.yml")

    assert production["networks"]["internal"]["internal"] is True
    for server in ("postgres", "valkey"):
        assert production["services"][server]["networks"] == ["internal"]


def test_the_stream_store_keeps_what_it_was_given() -> None:
    command = " ".join(compose("docker-compose.prod.yml")["services"]["valkey"]["command"])

    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert "--requirepass" not in command


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_with_what_the_production_stack_tells_it(service: str) -> None:
    package = service.replace("-", "_")
    environment = production_environment(service, FILLED_IN)

    started = subprocess.run(
        [sys.executable, "-c", f"from {package}.main import create_app; create_app()"],
        env={**environment, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode == 0, started.stderr


APP_SETTINGS = {
    "core-api": "CoreApiSettings",
    "ai-svc": "AiSettings",
    "worker-svc": "WorkerAppSettings",
}
NOT_FOR_OPERATORS = {
    "RATE_LIMIT_ENABLED": "refused in production",
    "SERVICE_VERSION": "the image says so",
    "INTERNAL_KEY": "only who calls others has one",
}


def settings_class(service: str) -> type[Any]:
    module = importlib.import_module(f"{service.replace('-', '_')}.settings")
    return getattr(module, APP_SETTINGS[service])  # type: ignore[no-any-return]  # by name


def names_of_settings(cls: type[Any]) -> Iterator[set[str]]:
    """Of every setting below this class, the variables any of which sets it."""
    if is_dataclass(cls):
        for group in get_type_hints(cls).values():
            yield from names_of_settings(group)
    elif issubclass(cls, SettingsGroup):
        prefix = cls.model_config.get("env_prefix", "")
        for name, field in cls.model_fields.items():
            alias = field.validation_alias
            if isinstance(alias, AliasChoices):
                yield {str(choice).upper() for choice in alias.choices}
            else:
                yield {alias.upper() if isinstance(alias, str) else f"{prefix}{name}".upper()}


@pytest.mark.parametrize("service", SERVICES)
def test_whatever_a_service_can_be_told_production_can_tell_it(service: str) -> None:
    told = set(compose("docker-compose.prod.yml")["services"][service]["environment"])

    untold = [names for names in names_of_settings(settings_class(service)) if not names & told]

    assert [names for names in untold if not names & set(NOT_FOR_OPERATORS)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_example_says_what_holds_anyway(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    example = {name: value for name, value in example_environment().items() if value}

    def settings(given: dict[str, str]) -> Any:
        with monkeypatch.context() as only:
            for name, value in production_environment(service, given).items():
                only.setenv(name, value)
            return read_settings(settings_class(service))

    assert settings(example | FILLED_IN) == settings(FILLED_IN)


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_knows_the_superuser(service: str) -> None:
    known = production_environment(service, FILLED_IN)

    assert "POSTGRES_PASSWORD" not in known
    assert ("DATABASE_OWNER_URL" in known) == (service != "worker-svc")


def test_the_example_names_exactly_the_variables_that_are_read() -> None:
    read = {
        match["name"]
        for file in COMPOSE_FILES
        for match in VARIABLE.finditer(file.read_text("utf-8"))
        if match["name"]
    }
    secrets = compose("docker-compose.monitoring.yml")["secrets"].values()
    read |= {each["environment"] for each in secrets}

    assert set(example_environment()) == read


def test_the_example_holds_no_secret_and_explains_every_line() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()

    for before, line in pairwise(lines):
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            assert before.startswith("# "), f"{name} is not explained"
            assert not value or not SECRET.search(name), f"{name} has a value"
            # After an empty value, compose takes a comment on the same line for the value.
            assert "#" not in value


def test_coolifys_template_names_variables_that_are_read() -> None:
    template = (INFRA / "coolify" / "environment.template").read_text("utf-8")
    named = {line.partition("=")[0] for line in template.splitlines() if not line.startswith("#")}

    assert named <= set(example_environment())
    production = (INFRA / "docker-compose.prod.yml").read_text("utf-8")
    required = {match["name"] for match in VARIABLE.finditer(production) if match["kind"] == "?"}
    assert required <= named


def static_options() -> set[str]:
    """What the gateway's entry point is told in development, as command-line options."""
    web = read_yaml(ROOT / "services" / "gateway" / "traefik.yml")["entryPoints"]["web"]["http"]
    web.pop("middlewares")

    def flat(prefix: str, value: Any) -> list[str]:
        if isinstance(value, dict):
            return [each for name, deep in value.items() for each in flat(f"{prefix}.{name}", deep)]
        return [f"{prefix.lower()}={str(value).lower()}"]

    return set(flat("http", web))


def test_the_development_stack_starts_the_gateway_with_its_own_options() -> None:
    command = compose("docker-compose.yml")["services"]["gateway"]["command"]
    prefix = "--entrypoints.web."
    given = {option.removeprefix(prefix) for option in command if option.startswith(prefix)}

    assert static_options() <= given


def test_the_guide_to_coolify_lists_the_same_options() -> None:
    guide = (INFRA / "coolify" / "README.md").read_text("utf-8")

    assert set(re.findall(r"--entrypoints\.https\.(\S+)'", guide)) == static_options()


def test_both_stacks_run_the_same_servers() -> None:
    development = dict(stack("docker-compose.yml"))
    production = dict(stack("docker-compose.prod.yml"))

    for server in ("postgres", "valkey"):
        assert development[server]["image"] == production[server]["image"]
    assert production["backup"]["image"] == production["postgres"]["image"]
