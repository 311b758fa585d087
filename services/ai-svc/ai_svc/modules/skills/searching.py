"""The organization's documents, as far as the asker may read them."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from ai_svc.marking import cleaned, marked
from ai_svc.modules.skills import crm
from ai_svc.modules.skills.skill import Arguments, Numbered, Skill, SkillContext, SkillResult
from ai_svc.questions import MAX_QUESTION
from ai_svc.searching import searched
from knowledge.search import SearchFilters, SearchQuery
from shared_schemas.permissions import Permission

_PASSAGE: Final = 4_000
"""Characters of a passage that a model reads; its offsets are those of the whole."""
_HEAD: Final = 200
_NOTHING: Final = "Nada foi encontrado nos documentos da organização."


class SearchKnowledgeArguments(Arguments):
    """What to look for."""

    query: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)] = Field(
        description="A pergunta ou as palavras procuradas, em português",
        examples=["prazo para pedir férias"],
    )
    top_k: int = Field(default=6, ge=1, le=8, description="Quantos trechos, no máximo")
    client_id: UUID | None = Field(
        default=None, description="Para procurar também nos documentos deste cliente"
    )


async def search_knowledge(context: SkillContext, given: SearchKnowledgeArguments) -> SkillResult:
    """Raises Declined where the client's data may not be used."""
    client_id = given.client_id or context.client_id
    if client_id is not None:
        await crm.admit(context, client_id)
    filters = SearchFilters(client_id=client_id)
    query = SearchQuery(cleaned(given.query), given.top_k, 0.0, filters, highlighted=False)
    found = await context.workshop.searcher.find(context.actor, query)
    searched("search", found.passages)
    context.carried.searches.append((given.query, found))
    numbered = context.carried.number(found.passages, client_id)
    return SkillResult(
        ok=True,
        data=[_facts(each) for each in numbered],
        told="\n\n".join(_told(each) for each in numbered) or _NOTHING,
        passages=tuple(numbered),
    )


def _facts(numbered: Numbered) -> dict[str, object]:
    passage = numbered.passage
    return {
        "number": numbered.label,
        "document_id": str(passage.document_id),
        "title": passage.title,
        "heading": passage.heading,
        "page": passage.page,
        "content": passage.content,
        "similarity": round(passage.similarity, 3),
    }


def _told(numbered: Numbered) -> str:
    passage = numbered.passage
    head = cleaned(f"Documento: {passage.title}", longest=_HEAD)
    if passage.heading:
        head += cleaned(f"\nSeção: {passage.heading}", longest=_HEAD)
    return marked("documento", f"{head}\n\n{passage.content[:_PASSAGE]}", numbered.label)


SEARCH_KNOWLEDGE: Final = Skill(
    name="search_knowledge",
    label="Procurando nos documentos",
    description=(
        "Procura nos documentos da organização e devolve trechos numerados (S1, S2…). Cite o número"
        " do trecho em que cada frase da resposta se apoia."
    ),
    arguments=SearchKnowledgeArguments,
    permissions=frozenset({Permission.DOCUMENTS_READ}),
    run=search_knowledge,
)
