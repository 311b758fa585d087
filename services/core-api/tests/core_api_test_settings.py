"""core-api's settings in tests, its own and those of whoever runs it beside another service."""

from pathlib import Path

from core_api_factories import generated_key
from pydantic import SecretStr

from chassis.settings import (
    DatabaseSettings,
    Environment,
    InternalKeySettings,
    OidcSettings,
    RedisSettings,
    SealingSettings,
    ServiceSettings,
    StorageSettings,
)
from core_api.settings import (
    AttachmentSettings,
    CoreApiSettings,
    ImportSettings,
    LedgerSettings,
    PreferencesSettings,
    ServiceUrlSettings,
)
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory


def core_api_settings(
    urls: DatabaseUrls,
    redis_url: str,
    factory: TokenFactory,
    objects: Path,
    *,
    callers: dict[str, str],
) -> CoreApiSettings:
    """As the environment would give them. `callers`: other services, with their keys."""
    return CoreApiSettings(
        service=ServiceSettings(environment=Environment.TEST, rate_limit_enabled=False),
        database=DatabaseSettings(url=SecretStr(urls.app), worker_url=SecretStr(urls.worker)),
        redis=RedisSettings(url=SecretStr(redis_url)),
        oidc=OidcSettings(
            issuer=factory.issuer, audience=factory.audience, jwks_url="http://oidc.test/jwks"
        ),
        internal_keys=InternalKeySettings(
            key=SecretStr("internal-key-of-core-api"),
            keys_accepted={name: (SecretStr(key),) for name, key in callers.items()},
        ),
        sealing=SealingSettings(
            keys={1: generated_key(1), 2: generated_key(2)}, current=1, index_key=generated_key(3)
        ),
        storage=StorageSettings(url=objects.as_uri()),
        attachments=AttachmentSettings(link_key=SecretStr("link-key-" * 4)),
        imports=ImportSettings(),
        ledger=LedgerSettings(signing_key=generated_key(4)),
        services=ServiceUrlSettings(ai_svc_url="http://ai-svc.test"),
        preferences=PreferencesSettings(page_url="https://assist.example.org/preferencias/{token}"),
    )
