"""Applying macros, and showing beforehand what that would do: the same steps, taken back."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.errors import DomainError
from chassis.web.etag import check_version
from core_api.modules.audit import service as audit
from core_api.modules.macros.exceptions import (
    CannedReplyNotFound,
    MacroRefused,
    TextEmpty,
    TextTooLong,
)
from core_api.modules.macros.models import CannedReply, Macro
from core_api.modules.macros.repository import CannedReplies, Macros, day, names_around
from core_api.modules.macros.schemas import (
    Action,
    Assign,
    ChangeTags,
    MacroOutcome,
    SayAction,
    SetCategory,
    SetPriority,
    SetStatus,
    SetTeam,
    StepChange,
    StepError,
    StepRead,
)
from core_api.modules.macros.variables import rendered
from core_api.modules.tickets.service import (
    STATUS_NAMES,
    MessageCreate,
    MessageKind,
    Move,
    Ticket,
    TicketPriority,
    TicketRead,
    TicketService,
    TicketStatus,
    settled_at_the_end,
)
from shared_schemas.actor import Actor

ACTIONS: Final[TypeAdapter[list[Action]]] = TypeAdapter(list[Action])
LONGEST: Final = 50_000
_MOVES: Final = MappingProxyType(
    {
        TicketStatus.OPEN: Move.REOPEN,
        TicketStatus.PENDING: Move.PEND,
        TicketStatus.ON_HOLD: Move.HOLD,
        TicketStatus.RESOLVED: Move.RESOLVE,
        TicketStatus.CLOSED: Move.CLOSE,
    }
)
_PRIORITY: Final = MappingProxyType(
    {
        TicketPriority.LOW: "baixa",
        TicketPriority.NORMAL: "normal",
        TicketPriority.HIGH: "alta",
        TicketPriority.URGENT: "urgente",
    }
)
_ALWAYS_CHANGES: Final = frozenset({"version", "updated_at", "legal_moves"})


class MacroRun:
    """One macro and one ticket, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.macros = Macros(tx, actor.organization_id, actor.user_id)
        self.replies = CannedReplies(tx, actor.organization_id, actor.user_id)

    async def apply(
        self, ticket_id: UUID, macro_id: UUID, seen_version: int | None
    ) -> MacroOutcome:
        """Every action or none: MacroRefused names the first one that is not possible."""
        macro = await self.macros.get(macro_id)
        service, texts = await self._ready(macro)
        async with settled_at_the_end(self.tx, service.queue):
            ticket = await service.tickets.get_for_update(ticket_id)
            check_version(ticket.version, seen_version)
            steps = []
            for number, action in enumerate(ACTIONS.validate_python(macro.actions), start=1):
                try:
                    steps.append(await self._step(service, ticket, action, texts))
                except DomainError as error:
                    raise MacroRefused(number, error) from error
        related = {"macro_id": macro.id, "client_id": ticket.client_id}
        await audit.record(self.tx, self.actor, "ticket.macro_applied", ticket.id, related=related)
        await self.tx.flush()
        return MacroOutcome(possible=True, steps=steps, ticket=TicketRead.model_validate(ticket))

    async def preview(self, ticket_id: UUID, macro_id: UUID) -> MacroOutcome:
        """What `apply` would do, found out by doing it up to the end and taking it all back.

        An action that is not possible is shown with its reason, and the others without it.
        """
        macro = await self.macros.get(macro_id)
        service, texts = await self._ready(macro)
        actions = ACTIONS.validate_python(macro.actions)
        taken_back = await self.tx.begin_nested()
        try:
            async with settled_at_the_end(self.tx, service.queue):
                steps = [await self._tried(service, ticket_id, action, texts) for action in actions]
            ticket = await service.tickets.get_for_update(ticket_id)
            read = TicketRead.model_validate(ticket)
        finally:
            await taken_back.rollback()
        possible = all(step.error is None for step in steps)
        return MacroOutcome(possible=possible, steps=steps, ticket=read)

    async def text_of(self, ticket_id: UUID, reply_id: UUID) -> str:
        """A canned reply as it would go out for this ticket."""
        reply = await self.replies.get(reply_id)
        service = TicketService(self.tx, self.actor)
        return await self._rendered(await service.tickets.get(ticket_id), reply.body)

    async def _ready(self, macro: Macro) -> tuple[TicketService, Mapping[UUID, CannedReply]]:
        """Whatever it does is put down to the macro, unless the caller says why."""
        actor = replace(self.actor, reason=self.actor.reason or f"macro: {macro.name}")
        used = {
            action.canned_reply_id
            for action in ACTIONS.validate_python(macro.actions)
            if isinstance(action, SayAction) and action.canned_reply_id is not None
        }
        return TicketService(self.tx, actor), await self.replies.among(used)

    async def _tried(
        self,
        service: TicketService,
        ticket_id: UUID,
        action: Action,
        texts: Mapping[UUID, CannedReply],
    ) -> StepRead:
        ticket = await service.tickets.get_for_update(ticket_id)
        step = await self.tx.begin_nested()
        try:
            read = await self._step(service, ticket, action, texts)
        except DomainError as error:
            await step.rollback()
            refused = StepError(code=error.code, message=str(error))
            return StepRead(type=action.type, text=None, changes={}, error=refused)
        await step.commit()
        return read

    async def _step(
        self,
        service: TicketService,
        ticket: Ticket,
        action: Action,
        texts: Mapping[UUID, CannedReply],
    ) -> StepRead:
        before = TicketRead.model_validate(ticket).model_dump()
        text = None
        if isinstance(action, SayAction):
            text = await self._say(service, ticket, action, texts)
        else:
            await _do(service, ticket, action, self.actor)
        after = TicketRead.model_validate(ticket).model_dump()
        changes = {
            name: StepChange(old=before[name], new=value)
            for name, value in after.items()
            if name not in _ALWAYS_CHANGES and before[name] != value
        }
        return StepRead(type=action.type, text=text, changes=changes, error=None)

    async def _say(
        self,
        service: TicketService,
        ticket: Ticket,
        action: SayAction,
        texts: Mapping[UUID, CannedReply],
    ) -> str:
        body = action.body
        if action.canned_reply_id is not None:
            if action.canned_reply_id not in texts:
                raise CannedReplyNotFound
            body = texts[action.canned_reply_id].body
        text = await self._rendered(ticket, body or "")
        await service.say(ticket.id, MessageCreate(kind=MessageKind(action.type), body=text))
        return text

    async def _rendered(self, ticket: Ticket, body: str) -> str:
        names = await names_around(
            self.tx,
            self.actor.organization_id,
            client_id=ticket.client_id,
            actor_id=self.actor.user_id,
            assignee_id=ticket.assignee_id,
            team_id=ticket.team_id,
        )
        text = rendered(
            body,
            {
                "cliente.nome": names.client or "",
                "cliente.primeiro_nome": _first(names.client),
                "chamado.numero": str(ticket.number),
                "chamado.assunto": ticket.subject,
                "chamado.status": STATUS_NAMES[ticket.status],
                "chamado.prioridade": _PRIORITY[ticket.priority],
                "chamado.responsavel": names.assignee or "",
                "chamado.equipe": names.team or "",
                "atendente.nome": names.actor or "",
                "atendente.primeiro_nome": _first(names.actor),
                "organizacao.nome": names.organization or "",
                "data.hoje": day(names.today),
            },
        ).strip()
        if not 0 < len(text) <= LONGEST:
            raise TextTooLong if text else TextEmpty
        return text


async def _do(service: TicketService, ticket: Ticket, action: Any, actor: Actor) -> None:
    """Everything but saying something, through the same use cases as the routes of tickets."""
    match action:
        case SetStatus():
            await service.move(ticket.id, _MOVES[action.status], None, None)
        case SetPriority():
            await service.change(ticket.id, {"priority": action.priority}, None)
        case ChangeTags(type="add_tags"):
            tags = list(dict.fromkeys([*ticket.tags, *action.tags]))
            await service.change(ticket.id, {"tags": tags}, None)
        case ChangeTags():
            tags = [tag for tag in ticket.tags if tag not in action.tags]
            await service.change(ticket.id, {"tags": tags}, None)
        case SetCategory():
            await service.change(ticket.id, {"category_id": action.category_id}, None)
        case Assign():
            assignee_id = actor.user_id if action.assignee_id == "me" else action.assignee_id
            await service.assign(ticket.id, {"assignee_id": assignee_id}, None)
        case SetTeam():
            await service.change(ticket.id, {"team_id": action.team_id}, None)


def _first(name: str | None) -> str:
    return (name or "").partition(" ")[0]
