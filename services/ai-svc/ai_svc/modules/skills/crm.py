"""core-api's public routes, read with the asker's own token: it authenticates, limits and masks."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import httpx
import sqlalchemy as sa

from ai_svc.modules.access import service as access
from ai_svc.modules.skills.skill import Declined, SkillContext
from chassis.web.errors import Unavailable
from knowledge.access import client_kin

SECONDS: Final = 5.0
SILENT: Final = "O cadastro não respondeu agora. Tente de novo em instantes."
NOT_THIS_CLIENT: Final = (
    "Esta conversa trata de outro cliente. Abra uma conversa própria para consultar este."
)
NOT_TO_BE_USED: Final = (
    "Os dados deste cliente não podem ser usados pela assistente (LGPD): estão bloqueados, ou o "
    "titular não consentiu."
)
_NO_SESSION: Final = "Sua sessão expirou. Entre novamente."
_BUSY: Final = "Muitas consultas seguidas. Aguarde um pouco e tente de novo."
_REFUSED: Final = "O cadastro não atendeu ao pedido."
_LONGEST: Final = 300
_PAGES: Final = 5

# Blocked as a whole; or the client has said no to what the assistant is for, and nothing else
# bears the use. The same tables, and the same kin, as `ai.purposes_in_force` goes by.
_KEPT_BACK: Final = sa.text(
    """
    SELECT who FROM unnest(CAST(:client_ids AS uuid[])) AS who,
      LATERAL ai.client_kin(:tenant, who) AS kin
    WHERE EXISTS (
        SELECT FROM ai.processing_blocks b
        WHERE b.organization_id = :tenant AND b.client_id = ANY (kin)
          AND b.lifted_at IS NULL AND b.purpose_code IS NULL)
      OR EXISTS (
        SELECT FROM ai.client_absences a
        WHERE a.organization_id = :tenant AND a.client_id = ANY (kin) AND a.erased_at IS NOT NULL)
      OR (cardinality(ai.purposes_in_force(:tenant, who)) = 0 AND EXISTS (
        SELECT FROM ai.client_consents c
        JOIN ai.purposes p ON p.organization_id = c.organization_id
          AND p.purpose_code = c.purpose_code
        WHERE c.organization_id = :tenant AND c.client_id = ANY (kin)
          AND p.assistant_may_use AND NOT p.archived AND p.legal_basis = 'consent'
          AND (c.refused OR c.revoked_at IS NOT NULL)))
    """
).columns(who=sa.Uuid)


async def read(
    context: SkillContext, path: str, params: Mapping[str, str | int] | None = None
) -> Any:
    """The `data` of a GET. `path` is made of ours and of UUIDs. Raises Declined, in pt-BR."""
    return (await _answered(context, path, params))["data"]


async def read_all(context: SkillContext, path: str) -> list[Any]:
    """Every row of a list that is read by cursor, up to `_PAGES` pages. Raises Declined."""
    params: dict[str, str | int] = {"limit": 100}
    rows: list[Any] = []
    for _ in range(_PAGES):
        page = await _answered(context, path, params)
        rows += page["data"]
        if not page["meta"]["has_more"]:
            break
        params["cursor"] = page["meta"]["next_cursor"]
    return rows


async def admit(context: SkillContext, client_id: UUID) -> None:
    """The run may use the client's data, and holds some from now on. Raises Declined."""
    if context.client_id is not None and not await is_same(context, client_id):
        raise Declined(NOT_THIS_CLIENT)
    await access.refresh(context.workshop, context.actor, client_id)
    if await kept_back(context, {client_id}):
        raise Declined(NOT_TO_BE_USED)
    context.carried.of_client(client_id)


async def kept_back(context: SkillContext, client_ids: set[UUID]) -> set[UUID]:
    """Those whose data the assistant may not use."""
    if not client_ids:
        return set()
    tenant = context.actor.organization_id
    given = {"client_ids": sorted(client_ids), "tenant": tenant}
    async with context.workshop.database.transaction(tenant, read_only=True) as session:
        return set((await session.scalars(_KEPT_BACK, given)).all())


async def is_same(context: SkillContext, client_id: UUID) -> bool:
    """Whether it is the client the run is about, or one that was merged with it."""
    if client_id == context.client_id:
        return True
    tenant = context.actor.organization_id
    kin = client_kin(tenant, client_id)
    async with context.workshop.database.transaction(tenant, read_only=True) as session:
        return context.client_id in (await session.scalar(sa.select(kin)) or ())


async def _answered(
    context: SkillContext, path: str, params: Mapping[str, str | int] | None
) -> Any:
    try:
        answer = await context.workshop.core_api.request(
            "GET",
            path,
            request_id=context.actor.request_id,
            token=context.token.get_secret_value(),
            params=params,
            timeout_seconds=SECONDS,
        )
    except Unavailable:
        raise Declined(SILENT) from None
    if answer.status_code == httpx.codes.OK:
        return answer.json()
    raise Declined(_why(answer))


def _why(answer: httpx.Response) -> str:
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return _NO_SESSION
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return _BUSY
    try:
        return str(answer.json()["message"])[:_LONGEST]
    except (ValueError, KeyError, TypeError):
        return _REFUSED
