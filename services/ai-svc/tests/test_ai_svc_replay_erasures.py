"""`python -m ai_svc.replay_erasures`: what a restored backup has brought back goes before anybody
asks."""

import sys
from pathlib import Path

import asyncpg
import pytest
from access_factories import AURORA, CoreApi
from ai_svc_erasing import QUESTION, WORD, Asking, plant
from ai_svc_factories import Person
from fastapi import FastAPI
from traces import forms_of, in_objects, in_tables

from ai_svc import replay_erasures
from ai_svc.replay_erasures import ReplaySettings, replay_all
from ai_svc.settings import AiSettings
from shared_schemas.events import PrivacyErasureRequested
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed
FORMS = forms_of(WORD)


@pytest.fixture
def restored(settings: AiSettings) -> ReplaySettings:
    """The database of this test, as if it had been restored."""
    storage = settings.storage
    return ReplaySettings(service=settings.service, database=settings.database, storage=storage)


def replayed(client_id: object) -> PrivacyErasureRequested:
    return PrivacyErasureRequested.caused(
        organization_id=AURORA,
        correlation_id="replay",
        privacy_request_id=new_id(),
        client_id=client_id,
        mode="replay",
    )


async def test_what_came_back_is_erased_at_once_and_twice_does_no_harm(
    ana: Person,
    app: FastAPI,
    asking: Asking,
    restored: ReplaySettings,
    superuser: asyncpg.Connection,
    objects: Path,
) -> None:
    helena = new_id()
    await plant(ana, CoreApi(app), helena)
    assert await in_tables(superuser, FORMS)
    event = replayed(helena)

    assert await replay_all(restored, [event]) == 0

    assert await in_tables(superuser, FORMS) == {}
    assert in_objects(objects, FORMS) == []
    asked = {"question": QUESTION, "filters": {"client_id": str(helena)}}
    answer = await ana.post("/api/v1/rag/ask", json=asked)
    assert WORD not in answer.text
    assert await replay_all(restored, [event]) == 0
    assert (await asking.states())[0][0] == "succeeded"


def test_events_that_cannot_be_read_are_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = tmp_path / "events"
    broken.write_text("{}\n", "utf-8")
    monkeypatch.setattr(replay_erasures, "read_settings", lambda _: _Nothing())
    monkeypatch.setattr(replay_erasures, "configure_logging", lambda *_, **__: None)

    for arguments, code in (([], 2), ([str(broken)], 1), ([str(tmp_path / "none")], 1)):
        monkeypatch.setattr(sys, "argv", ["replay", *arguments])
        assert replay_erasures.main() == code
        assert capsys.readouterr().err.count("\n") == 1


class _Nothing:
    service = None
