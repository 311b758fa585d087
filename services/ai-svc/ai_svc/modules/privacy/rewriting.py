"""How rows that name a person are written anew, with all that was made of their texts."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

from ai_svc.modules.answers.models import CachedAnswer
from ai_svc.modules.chat.event_store import key_of as stream_of
from ai_svc.modules.chat.words import found_by
from ai_svc.modules.memory.facts import digest_of
from ai_svc.modules.memory.short_term import key_of as memory_of
from ai_svc.modules.privacy.looking_through import Page
from ai_svc.modules.privacy.naming import Naming
from knowledge.deletion import forget_replies


async def _rewrite(page: Page, *columns: str) -> None:
    for row in page.rows:
        for column in columns:
            setattr(row, column, page.naming.without(getattr(row, column)))
    await page.session.flush()


async def in_messages(page: Page) -> None:
    """With what they are found by, what is at hand of them, and replies kept for who asks again."""
    tenant = page.work.organization_id
    for row in page.rows:
        row.answer = _answer(page.naming, row.answer)
        row.content = page.naming.without(row.content)
        row.terms = _terms(found_by(tenant, row.content))
        row.request_key = row.request_fingerprint = None
    await page.session.flush()
    conversation_ids = {row.conversation_id for row in page.rows}
    keys = [memory_of(tenant, each) for each in sorted(conversation_ids)]
    keys += [stream_of(tenant, row.run_id) for row in page.rows if row.run_id is not None]
    await page.work.leave_keys(page.session, keys)
    await forget_replies(page.session, tenant, [*conversation_ids, *page.ids])


def _terms(found: list[str] | None) -> Any:
    return sa.func.array_to_tsvector(sa.cast(found, ARRAY(sa.Text())), type_=TSVECTOR())


def _answer(naming: Naming, answer: dict[str, Any] | None) -> dict[str, Any] | None:
    """The stretches of its text stand where they stood."""
    if answer is None:
        return None
    done = naming.taken_out(answer.get("text") or "")
    moved = [
        {**each, "start": done.moved(each["start"]), "end": done.moved(each["end"])}
        for each in answer.get("unsupported") or ()
    ]
    without: dict[str, Any] = naming.without(answer)
    return {**without, "unsupported": moved} if moved else without


async def in_conversations(page: Page) -> None:
    await _rewrite(page, "title")
    await forget_replies(page.session, page.work.organization_id, page.ids)


async def in_remarks(page: Page) -> None:
    await _rewrite(page, "comment", "correction")


async def in_facts(page: Page) -> None:
    """Two that differed in nothing but the person stay two."""
    for row in page.rows:
        row.text = page.naming.without(row.text)
        row.digest = digest_of(row.text, [row.id])
    await page.session.flush()
    await forget_replies(page.session, page.work.organization_id, page.ids)


async def gone(page: Page) -> None:
    """What was said before, or shown to be confirmed, is not rewritten: it goes."""
    for row in page.rows:
        await page.session.delete(row)
    await page.session.flush()


async def in_proposals(page: Page) -> None:
    await forget_replies(page.session, page.work.organization_id, page.ids)
    await gone(page)


async def in_answers(page: Page) -> None:
    """With their place in the cache: its key was made of the question."""
    await _rewrite(page, "question", "answer")
    tenant = page.work.organization_id
    await page.session.execute(
        sa.delete(CachedAnswer)
        .where(CachedAnswer.organization_id == tenant, CachedAnswer.answer_id.in_(page.ids))
        .execution_options(synchronize_session=False)
    )
    await forget_replies(page.session, tenant, page.ids)


async def in_remarks_on_answers(page: Page) -> None:
    await _rewrite(page, "comment", "corrected_answer")
