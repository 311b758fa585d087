"""Conversations as chat keeps them, and somebody's memory of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import FastAPI

from ai_svc.desk import Desk
from ai_svc.modules.chat.models import (
    Conversation,
    ConversationMessage,
    MessageClient,
    MessageFeedback,
    MessageRating,
    MessageStatus,
    Sharing,
    Speaker,
)
from ai_svc.modules.memory import service, short_term
from ai_svc.modules.memory.service import Recalled
from ai_svc.modules.proposals.models import Proposal, ProposalClient
from ai_svc.turns import Turn
from chassis.data.columns import utc_now
from devstack.people import PEOPLE
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId, new_id
from shared_schemas.permissions import permissions_of


def actor_of(name: str) -> Actor:
    """Somebody of the sample organizations."""
    person = PEOPLE[name]
    return Actor(
        organization_id=OrganizationId(person.organization.id),
        user_id=UserId(person.sub),
        roles=frozenset(person.roles),
        request_id="req-memory",
        permissions=permissions_of(person.roles),
    )


@dataclass
class Chat:
    """Somebody's conversation."""

    desk: Desk
    actor: Actor
    id: UUID = field(default_factory=new_id)
    count: int = 0

    @property
    def key(self) -> str:
        """Where it is at hand."""
        return short_term.key_of(self.actor.organization_id, self.id)

    async def say(
        self, content: str | None, *clients: UUID, role: Speaker = Speaker.USER, **changes: Any
    ) -> UUID:
        """One more message, committed."""
        self.count += 1
        message = ConversationMessage(
            **{
                "id": new_id(),
                "organization_id": self.actor.organization_id,
                "conversation_id": self.id,
                "position": self.count,
                "role": role,
                "status": MessageStatus.DONE,
                "author_id": self.actor.user_id,
                "content": content,
                **changes,
            }
        )
        async with self.desk.database.transaction(self.actor.organization_id) as session:
            session.add(message)
            await session.flush()
            for client_id in clients:
                session.add(
                    MessageClient(
                        organization_id=self.actor.organization_id,
                        message_id=message.id,
                        client_id=client_id,
                    )
                )
        return message.id

    async def reply(self, to: UUID, content: str | None, *clients: UUID, **changes: Any) -> UUID:
        """The assistant answers."""
        given = {"in_reply_to": to, "model": "extractive", "run_id": new_id(), **changes}
        return await self.say(content, *clients, role=Speaker.ASSISTANT, **given)

    async def judged(self, message_id: UUID, comment: str) -> None:
        """Somebody says what they think of an answer."""
        async with self.desk.database.transaction(self.actor.organization_id) as session:
            session.add(
                MessageFeedback(
                    organization_id=self.actor.organization_id,
                    message_id=message_id,
                    user_id=self.actor.user_id,
                    rating=MessageRating.DOWN,
                    comment=comment,
                    correction=comment,
                )
            )

    async def remember(
        self, message_id: UUID, content: str, *clients: UUID, assistant: bool = False
    ) -> Sequence[UUID]:
        """As chat does after the commit."""
        turn = Turn("assistant" if assistant else "user", content, clients)
        kept = await service.remember_turn(
            self.desk,
            actor=self.actor,
            conversation_id=self.id,
            message_id=message_id,
            turn=turn,
        )
        if assistant:
            await service.summarise(self.desk, self.actor, self.id)
        return kept

    async def told(self, content: str, *clients: UUID) -> Sequence[UUID]:
        """Said, and remembered; the facts kept of it."""
        return await self.remember(await self.say(content, *clients), content, *clients)

    async def recall(self, question: str = "E então?", **asked: Any) -> Recalled:
        """What is remembered of it."""
        given = {"actor": self.actor, "conversation_id": self.id, "client_id": None, **asked}
        return await service.recall(self.desk, question=question, **given)

    async def words(self) -> list[str]:
        """What is recalled word by word."""
        return [turn.content for turn in (await self.recall()).turns]


async def make_chat(app: FastAPI, name: str = "ana", **changes: Any) -> Chat:
    """An empty one."""
    chat = Chat(app.state.desk, actor_of(name))
    await make_conversation(chat, **changes)
    return chat


async def make_conversation(chat: Chat, **changes: Any) -> None:
    """Its row."""
    values = {
        "id": chat.id,
        "organization_id": chat.actor.organization_id,
        "owner_id": chat.actor.user_id,
        "title": None,
        "visibility": Sharing.PRIVATE,
        "active_at": utc_now(),
        **changes,
    }
    async with chat.desk.database.transaction(chat.actor.organization_id) as session:
        session.add(Conversation(**values))


async def make_proposal(chat: Chat, summary: str, *clients: UUID) -> UUID:
    """Something the assistant would write about these clients."""
    proposal = Proposal(
        id=new_id(),
        organization_id=chat.actor.organization_id,
        user_id=chat.actor.user_id,
        run_id=new_id(),
        conversation_id=chat.id,
        skill="create_ticket",
        summary=summary,
        arguments={"subject": summary},
        arguments_sha256=summary,
        basis={},
        expires_at=utc_now(),
    )
    async with chat.desk.database.transaction(chat.actor.organization_id) as session:
        session.add(proposal)
        await session.flush()
        for client_id in clients:
            session.add(
                ProposalClient(
                    organization_id=chat.actor.organization_id,
                    proposal_id=proposal.id,
                    client_id=client_id,
                )
            )
    return proposal.id
