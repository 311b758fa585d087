"""Prompts over HTTP: what there is, what is used, and choosing another."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from ai_svc.modules.prompts import service
from ai_svc.modules.prompts.exceptions import NothingToRollBack, PromptNotFound
from ai_svc.modules.prompts.models import Alias
from ai_svc.modules.prompts.repository import Choices
from ai_svc.modules.prompts.schemas import (
    AliasChangeRead,
    AliasChoice,
    AliasRead,
    PromptDiffRead,
    PromptRead,
    PromptVersion,
    PromptVersionRead,
)
from ai_svc.prompts import prompt_ids, read_prompt, versions_of
from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/ai/prompts", tags=["prompts"], route_class=IdempotentRoute)

Configurer = Annotated[Actor, Depends(require(Permission.ASSISTANT_CONFIGURE))]
PromptId = Annotated[
    str, Path(max_length=63, description="The prompt's name", examples=["answer_question"])
]
AliasName = Annotated[Alias, Path(description="What the version is used for")]


@router.get("", summary="List the prompts")
async def list_prompts(actor: Configurer, tx: ReadTx, page: ByCursor) -> Success[list[PromptRead]]:
    """By name, each with its versions and with what the organization uses of it."""
    position = page.position(str)
    names = [name for name in prompt_ids() if position is None or name > position[0]]
    shown = names[: page.limit + 1]
    rows = await Choices(tx, actor.organization_id).of(shown)
    return page.answer(actor, shown, lambda name: PromptRead.of(name, rows), lambda name: (name,))


@router.get("/{prompt_id}", summary="Show a prompt", responses=raises(PromptNotFound))
async def show_prompt(prompt_id: PromptId, actor: Configurer, tx: ReadTx) -> Success[PromptRead]:
    """Its versions, and what the organization uses of it."""
    service.check_exists(prompt_id)
    rows = await Choices(tx, actor.organization_id).of([prompt_id])
    return success(actor, PromptRead.of(prompt_id, rows))


@router.get(
    "/{prompt_id}/versions", summary="List a prompt's versions", responses=raises(PromptNotFound)
)
async def list_prompt_versions(
    prompt_id: PromptId, actor: Configurer, page: ByCursor
) -> Success[list[PromptVersionRead]]:
    """The newest first, with their words."""
    service.check_exists(prompt_id)
    position = page.position(int)
    versions = [
        version
        for version in reversed(versions_of(prompt_id))
        if position is None or version < position[0]
    ]

    def read(version: int) -> PromptVersionRead:
        return PromptVersionRead.of(read_prompt(prompt_id, version))

    return page.answer(actor, versions, read, lambda version: (version,))


@router.get(
    "/{prompt_id}/versions/{prompt_version}",
    summary="Show a version of a prompt",
    responses=raises(PromptNotFound),
)
async def show_prompt_version(
    prompt_id: PromptId,
    prompt_version: Annotated[int, Path(ge=1, description="1, 2, 3 …")],
    actor: Configurer,
) -> Success[PromptVersionRead]:
    """The words that are sent. They never change: another wording is another version."""
    service.check_exists(prompt_id, prompt_version)
    return success(actor, PromptVersionRead.of(read_prompt(prompt_id, prompt_version)))


@router.get("/{prompt_id}/diff", summary="Compare two versions", responses=raises(PromptNotFound))
async def compare_prompt_versions(
    prompt_id: PromptId,
    actor: Configurer,
    from_version: Annotated[PromptVersion, Query(description="The older, as a rule")],
    to_version: Annotated[PromptVersion, Query(description="The newer, as a rule")],
) -> Success[PromptDiffRead]:
    """What one says otherwise than the other, line by line."""
    for version in (from_version, to_version):
        service.check_exists(prompt_id, version)
    old, new = read_prompt(prompt_id, from_version), read_prompt(prompt_id, to_version)
    return success(actor, PromptDiffRead.of(old, new))


@router.get(
    "/{prompt_id}/history", summary="List the choices made", responses=raises(PromptNotFound)
)
async def list_prompt_choices(
    prompt_id: PromptId,
    actor: Configurer,
    tx: ReadTx,
    page: ByCursor,
    alias: Annotated[Alias | None, Query(description="Only those of this alias")] = None,
) -> Success[list[AliasChangeRead]]:
    """The latest first: who has chosen which version, and when."""
    service.check_exists(prompt_id)
    rows = await Choices(tx, actor.organization_id).history(prompt_id, alias, page)
    return page.answer(actor, rows, AliasChangeRead.of, lambda row: (row.created_at, row.id))


@router.get(
    "/{prompt_id}/aliases/{alias}", summary="Show an alias", responses=raises(PromptNotFound)
)
async def show_prompt_alias(
    prompt_id: PromptId, alias: AliasName, actor: Configurer, tx: ReadTx, response: Response
) -> Success[AliasRead]:
    """Which version is used, with the alias's version as `ETag`."""
    service.check_exists(prompt_id)
    rows = await Choices(tx, actor.organization_id).of([prompt_id])
    return versioned(actor, response, AliasRead.of(prompt_id, alias, rows))


@router.put(
    "/{prompt_id}/aliases/{alias}",
    summary="Choose a version",
    responses=raises(PromptNotFound, PreconditionFailed),
)
async def choose_prompt_version(
    prompt_id: PromptId,
    alias: AliasName,
    given: AliasChoice,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[AliasRead]:
    """From the next question on. Every choice is kept, and can be rolled back."""
    await service.choose(tx, actor, prompt_id, alias, given.prompt_version, seen_version)
    rows = await Choices(tx, actor.organization_id).of([prompt_id])
    return versioned(actor, response, AliasRead.of(prompt_id, alias, rows))


@router.post(
    "/{prompt_id}/aliases/{alias}/rollback",
    summary="Undo the last choice",
    responses=raises(PromptNotFound, NothingToRollBack, PreconditionFailed),
)
async def roll_back_prompt_choice(
    prompt_id: PromptId,
    alias: AliasName,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[AliasRead]:
    """Back to the version before it; again: to the one before that."""
    await service.roll_back(tx, actor, prompt_id, alias, seen_version)
    rows = await Choices(tx, actor.organization_id).of([prompt_id])
    return versioned(actor, response, AliasRead.of(prompt_id, alias, rows))
