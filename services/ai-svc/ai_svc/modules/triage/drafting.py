"""A reply for the client, out of documents that everybody in the organization may read; every quote
of it is looked up in its document before it leaves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ai_svc.modules.rag.abstention import learned
from ai_svc.modules.rag.citations import Place, places_of
from ai_svc.modules.rag.evidence import Evidence, gather
from ai_svc.modules.rag.extractive import draft as quoted
from ai_svc.modules.rag.quotes import Citation
from ai_svc.modules.triage.words import said
from ai_svc.workshop import Workshop
from knowledge.access import reader_of
from knowledge.search import Passage, SearchFilters, SearchQuery
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Permission
from shared_schemas.triage import TicketText, TriageCitation

_PASSAGES: Final = 6
_QUESTION: Final = 500
_NOBODY: Final = UserId(UUID(int=0))
_ASKED: Final = re.compile(r"(?<![^.!?\n])[^.!?\n]{8,}\?")
_OPENING: Final = "Olá! Sobre o que você nos escreveu, isto é o que dizem os nossos documentos:"
_CLOSING: Final = "Se ficar alguma dúvida, é só responder por aqui."


@dataclass(frozen=True, slots=True)
class Draft:
    """A reply, its marks [1], [2]… being its citations."""

    text: str
    citations: tuple[TriageCitation, ...]


def assistant(organization_id: OrganizationId, request_id: str) -> Actor:
    """Reads documents that are for the whole organization, and nothing else: no role, no team,
    nothing of its own."""
    return Actor(
        organization_id=organization_id,
        user_id=_NOBODY,
        roles=frozenset(),
        request_id=request_id,
        permissions=frozenset({Permission.DOCUMENTS_READ}),
    )


async def evidence_for(workshop: Workshop, actor: Actor, ticket: TicketText) -> list[Evidence]:
    """What the documents say to what the ticket asks; and to all it says.

    The question is the client's words: named, so that it leaves for a provider of vectors or ranks
    only where it may. Documents about the client stay closed to the assistant all the same.
    """
    found = []
    whose = SearchFilters(client_id=ticket.client_id)
    for question in _questions(ticket):
        query = SearchQuery(question, _PASSAGES, 0.0, whose)
        looked = await workshop.searcher.find(actor, query)
        found.append(await gather(question, looked.question, looked.passages))
    return found


async def draft_of(workshop: Workshop, actor: Actor, evidence: Sequence[Evidence]) -> Draft | None:
    """Quotes that answer, between two polite sentences; None when the documents do not answer."""
    threshold = workshop.settings.answers.threshold
    calibration = learned()
    least = calibration.threshold if threshold is None else threshold
    for each in evidence:
        if calibration.confidence(each.signals) < least:
            continue
        answer = quoted(each)
        if answer.citations:
            text = f"{_OPENING}\n\n{answer.text}\n\n{_CLOSING}"
            return await verified(workshop, actor, text, answer.citations)
    return None


async def verified(
    workshop: Workshop, actor: Actor, text: str, citations: Sequence[Citation]
) -> Draft | None:
    """The draft, when each quote stands in its document where it says; one that does not spoils it
    all."""
    database = workshop.database
    async with database.transaction(actor.organization_id, read_only=True) as session:
        reader = await reader_of(session, actor)
        places = await places_of(session, reader, citations)
    stand = [
        _cited(number, citation, place)
        for number, (citation, place) in enumerate(zip(citations, places, strict=True), start=1)
        if place is not None
    ]
    return Draft(text, tuple(stand)) if stand and len(stand) == len(citations) else None


def passages_of(evidence: Sequence[Evidence]) -> list[Passage]:
    """Each once, in their order."""
    every = (passage for each in evidence for passage in each.passages)
    return list({passage.chunk_id: passage for passage in every}.values())


def _questions(ticket: TicketText) -> list[str]:
    """What is asked in so many words, if anything; and what it is all about."""
    description = said(ticket.description)
    asked = " ".join(_ASKED.findall(description))[:_QUESTION].strip()
    whole = f"{said(ticket.subject)}. {description}"[:_QUESTION].strip()
    return list(dict.fromkeys(question for question in (asked, whole) if question.strip(". ")))


def _cited(number: int, citation: Citation, place: Place) -> TriageCitation:
    passage = citation.passage
    return TriageCitation(
        number=number,
        document_id=passage.document_id,
        version=passage.version,
        title=passage.title,
        page=place.page,
        heading=place.heading,
        quote=citation.quote,
        char_start=citation.char_start,
        char_end=citation.char_end,
        similarity=passage.similarity,
    )
