"""Whether mails are sent at all: only where a mail server is configured."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from core_api_factories import Person
from core_api_mail import make_message, message_again
from pydantic import SecretStr
from worker_svc_factories import until

from chassis.web.resources import Resources
from worker_svc.delivering import delivering
from worker_svc.settings import ServiceUrlSettings, SmtpSettings, WorkerSettings

pytestmark = pytest.mark.committed

NOBODY = "http://127.0.0.1:1"


def worker_resources(resources: Resources, smtp: SmtpSettings) -> Resources:
    """As worker-svc opens them; core-api is away."""
    settings: Any = SimpleNamespace(
        smtp=smtp,
        worker=WorkerSettings(),
        services=ServiceUrlSettings(core_api_url=NOBODY, ai_svc_url=NOBODY),
        internal_keys=SimpleNamespace(key=SecretStr("internal-key-of-worker-svc")),
    )
    return replace(resources, name="worker-svc", settings=settings)


async def test_without_a_mail_server_nothing_is_claimed(
    ana: Person, davi: Person, resources: Resources
) -> None:
    message = await make_message(ana)
    before = asyncio.all_tasks()

    async with delivering(worker_resources(resources, SmtpSettings())):
        assert asyncio.all_tasks() == before  # nobody looks into the queue

    found = await message_again(davi, message)
    assert (found["delivery"], found["mail"]["state"]) == ("pending", "waiting")
    assert found["mail"]["attempts"] == 0


async def test_with_one_it_is_claimed_and_an_owner_that_is_away_is_asked_again(
    ana: Person, resources: Resources, superuser: asyncpg.Connection
) -> None:
    await make_message(ana)
    smtp = SmtpSettings.model_validate(
        {"host": "127.0.0.1", "sender": "lgpd@assist.example.org", "security": "none"}
    )

    async def given_another_attempt() -> bool:
        code = await superuser.fetchval("SELECT error_code FROM crm.deliveries WHERE attempts = 1")
        return bool(code == "SERVICE_UNAVAILABLE")

    async with delivering(worker_resources(resources, smtp)):
        await until(given_another_attempt)

    assert await superuser.fetchval("SELECT state FROM crm.deliveries") == "pending"
