"""Answers at rest: sealed under the client's own key, whose id stands before them."""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.sealing import Place
from core_api.modules.audit.service import SubjectKeys
from core_api.modules.subject_data.documents import Answer
from core_api.modules.subject_data.exceptions import AnswerGone
from core_api.modules.subject_data.models import SubjectDataAnswer
from shared_schemas.ids import OrganizationId

_KEY_ID_BYTES: Final = 16
_FIELD: Final = "subject_data_answers.answer"


async def seal_answer(
    session: AsyncSession, client_id: UUID, row: SubjectDataAnswer, answer: Answer
) -> bytes:
    """For the row's column."""
    bound = Place(row.organization_id, row.id, _FIELD).bound()
    return await seal_under_client(
        session, row.organization_id, client_id, answer.model_dump_json().encode(), bound
    )


async def open_answer(session: AsyncSession, row: SubjectDataAnswer) -> Answer:
    """What was said, or AnswerGone."""
    bound = Place(row.organization_id, row.id, _FIELD).bound()
    opened = await open_under_client(session, row.organization_id, row.answer_sealed, bound)
    if opened is None:
        raise AnswerGone
    return Answer.model_validate_json(opened)


async def seal_under_client(
    session: AsyncSession,
    organization_id: OrganizationId,
    client_id: UUID,
    plain: bytes,
    bound: bytes,
) -> bytes:
    """Key id, then the sealed bytes."""
    key = await SubjectKeys(session, organization_id).of(client_id)
    return key.id.bytes + key.seal.close(plain, bound)


async def open_under_client(
    session: AsyncSession, organization_id: OrganizationId, stored: bytes | None, bound: bytes
) -> bytes | None:
    """The plain bytes; None where there are none, or their key is gone."""
    if stored is None:
        return None
    key_id = UUID(bytes=stored[:_KEY_ID_BYTES])
    seal = (await SubjectKeys(session, organization_id).among([key_id])).get(key_id)
    return None if seal is None else seal.open(stored[_KEY_ID_BYTES:], bound)
