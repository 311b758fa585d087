"""Which providers are asked, as the environment says it."""

import pytest

from ai_svc.provider_settings import ProviderName, ProviderSettings
from chassis.settings import SettingsError, read_settings
from knowledge.recipients import Recipient


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> ProviderSettings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return read_settings(ProviderSettings)


def test_without_anything_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch).backends == ()


def test_a_key_alone_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, OPENAI_API_KEY="k", ANTHROPIC_API_KEY="k", LLM_PROVIDERS="")

    assert settings.backends == ()


def test_the_names_there_were_go_on_meaning_what_they_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (openai,) = read(
        monkeypatch,
        LLM_PROVIDER="openai",
        LLM_MODEL="gpt-5",
        LLM_RECIPIENT="house",
        LLM_COUNTRY="BR",
        OPENAI_API_KEY="k",
        OPENAI_BASE_URL="http://llm.test/v1",
    ).backends

    assert (openai.name, openai.model, openai.base_url) == (
        ProviderName.OPENAI,
        "gpt-5",
        "http://llm.test/v1",
    )
    assert openai.recipient == Recipient("house", "BR")
    assert openai.api_key.get_secret_value() == "k"


def test_several_are_asked_in_the_order_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        LLM_PROVIDERS=" google, compatible ,anthropic",
        GOOGLE_API_KEY="g",
        ANTHROPIC_API_KEY="a",
        ANTHROPIC_PERSONAL_DATA="false",
        COMPATIBLE_BASE_URL="http://vllm:8000/v1",
        COMPATIBLE_MODEL="qwen",
        COMPATIBLE_COUNTRY="BR",
        LLM_FIRST_WORD_SECONDS="7",
        LLM_MAX_OUTPUT="1000",
    )

    assert [backend.name for backend in settings.backends] == ["google", "compatible", "anthropic"]
    assert [backend.personal_data for backend in settings.backends] == [True, True, False]
    assert [backend.recipient.is_abroad for backend in settings.backends] == [True, False, True]
    assert (settings.first_token_seconds, settings.max_output_tokens) == (7.0, 1000)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {"LLM_PROVIDERS": "anthropic"},
            "ANTHROPIC_API_KEY is missing (LLM_PROVIDERS names anthropic)",
        ),
        ({"LLM_PROVIDERS": "google"}, "GOOGLE_API_KEY is missing"),
        ({"LLM_PROVIDER": "openai"}, "OPENAI_API_KEY is missing (LLM_PROVIDER is openai)"),
        ({"LLM_PROVIDER": "nonsense"}, "LLM_PROVIDER is invalid"),
        ({"LLM_PROVIDERS": "compatible"}, "COMPATIBLE_BASE_URL is missing"),
        (
            {"LLM_PROVIDERS": "compatible", "COMPATIBLE_BASE_URL": "http://x"},
            "COMPATIBLE_MODEL is missing",
        ),
        ({"LLM_PROVIDERS": "openai,openai", "OPENAI_API_KEY": "k"}, "names a provider twice"),
        ({"LLM_PROVIDERS": "azure"}, "LLM_PROVIDERS is invalid"),
        ({"GOOGLE_COUNTRY": "Brasil"}, "GOOGLE_COUNTRY is invalid"),
        ({"LLM_TOTAL_SECONDS": "0"}, "LLM_TOTAL_SECONDS is invalid"),
    ],
)
def test_what_does_not_hold_together_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    said: str,
) -> None:
    with pytest.raises(SettingsError):
        read(monkeypatch, **environment)

    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
