"""Configuration from the environment."""

import pytest
from pydantic import ValidationError

from chassis.settings import (
    Environment,
    InternalKeySettings,
    ServiceAppSettings,
    ServiceSettings,
    SettingsError,
    read_settings,
)

COMPLETE = {
    "DATABASE_URL": "postgresql+asyncpg://app@db/cogep",
    "DATABASE_WORKER_URL": "postgresql+asyncpg://worker@db/cogep",
    "REDIS_URL": "redis://redis/0",
    "OIDC_ISSUER": "https://login.example/realms/cogep",
    "OIDC_AUDIENCE": "cogep-api",
    "INTERNAL_KEY": "a-key-that-is-long-enough",
    "INTERNAL_KEYS_ACCEPTED": '{"worker-svc": ["another-key-long-enough"]}',
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("ENVIRONMENT", "LOG_LEVEL", "LOG_FORMAT", "CORS_ORIGINS", "RATE_LIMIT_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_everything_is_read(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CORS_ORIGINS", "https://a.example, https://b.example/")
    environment.setenv("SERVICE_VERSION", "2.0.0")
    environment.setenv("LOG_LEVEL", "warning")
    settings = read_settings(ServiceAppSettings)
    assert settings.service.cors_origins == ("https://a.example", "https://b.example")
    assert (settings.service.version, settings.service.log_level) == ("2.0.0", "WARNING")
    assert settings.oidc.issuer == COMPLETE["OIDC_ISSUER"]
    assert set(settings.internal_keys.keys_accepted) == {"worker-svc"}


def test_empty_variable_counts_as_absent(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SENTRY_DSN", "")
    environment.setenv("OIDC_JWKS_URL", "")
    settings = read_settings(ServiceAppSettings)
    assert settings.service.sentry_dsn is None
    assert settings.oidc.jwks_url is None


def _line(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings(ServiceAppSettings)
    assert caught.value.code == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.count("\n") == 1
    return written.err


def test_missing_variables_are_named_in_one_line(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv("DATABASE_URL")
    environment.setenv("OIDC_AUDIENCE", "")
    line = _line(capsys)
    assert line == "configuration error: DATABASE_URL is missing; OIDC_AUDIENCE is missing\n"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("INTERNAL_KEYS_ACCEPTED", "{secret-value", "INTERNAL_KEYS_ACCEPTED is invalid"),
        ("INTERNAL_KEYS_ACCEPTED", '{"a": "secret-value"}', "INTERNAL_KEYS_ACCEPTED is invalid"),
        ("INTERNAL_KEYS_ACCEPTED", '{"a": ["secret"]}', "fewer than 16 characters"),
        ("INTERNAL_KEY", "secret", "fewer than 16 characters"),
        ("DATABASE_POOL_SIZE", "secret-value", "DATABASE_POOL_SIZE is invalid"),
        ("LOG_LEVEL", "secret-value", "LOG_LEVEL is invalid"),
        ("ENVIRONMENT", "secret-value", "ENVIRONMENT is invalid"),
        ("RATE_LIMIT_DEFAULT", "secret-value", "RATE_LIMIT_DEFAULT is invalid"),
    ],
)
def test_invalid_variable_is_named_and_its_value_is_not(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    expected: str,
) -> None:
    environment.setenv(name, value)
    line = _line(capsys)
    assert expected in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("name", "value"), [("RATE_LIMIT_ENABLED", "false"), ("CORS_ORIGINS", "*")]
)
def test_production_refuses_what_is_for_developers(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    environment.setenv(name, value)
    read_settings(ServiceAppSettings)
    environment.setenv("ENVIRONMENT", "production")
    assert name in _line(capsys)


def test_groups_are_frozen_and_show_no_secret() -> None:
    settings = read_settings(ServiceAppSettings)
    with pytest.raises(ValidationError):
        settings.service.log_level = "DEBUG"  # type: ignore[misc]  # refused: that is the point
    for secret in ("DATABASE_URL", "INTERNAL_KEY", "REDIS_URL"):
        assert COMPLETE[secret] not in repr(settings)


def test_groups_can_be_built_by_name() -> None:
    service = ServiceSettings(environment=Environment.STAGING, version="3")
    assert (service.environment, service.version) == (Environment.STAGING, "3")
    keys = InternalKeySettings(key="k" * 16, keys_accepted={"a": ("b" * 16,)})
    assert keys.keys_accepted["a"][0].get_secret_value() == "b" * 16
