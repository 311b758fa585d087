"""The proof that everything works: one question through the gateway, answered with a citation."""

from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from devstack.gateway_client import logged_in
from devstack.settings import StackSettings

QUESTION: Final = "Qual é o desconto do IPTU para quem paga em cota única?"


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """What /rag/ask said, and the passage it rests on."""

    question: str
    text: str
    model: str
    abstained: bool
    sources: list[dict[str, Any]]


async def ask(settings: StackSettings, question: str, person: str = "ana") -> CitedAnswer:
    """Ask as one of the sample people."""
    async with logged_in(settings, person) as api:
        data = await api.post("/rag/ask", {"question": question})
    return CitedAnswer(question, data["answer"], data["model"], data["abstained"], data["sources"])


def print_answer(console: Console, answer: CitedAnswer) -> None:
    """Question, answer, and the first quote with its document."""
    console.print()
    console.print(Text.assemble(("Pergunta  ", "dim"), (answer.question, "bold")))
    console.print(Text.assemble(("Resposta  ", "dim"), answer.text))
    for source in answer.sources[:2]:
        heading = f" › {source['heading']}" if source.get("heading") else ""
        console.print(Text.assemble(("Fonte     ", "dim"), f"{source['title']}{heading}"))
        quote = " ".join(str(source["quote"]).split())
        place = f" [{source['char_start']}–{source['char_end']}]"
        console.print(Text.assemble(" " * 10, f"“{quote}”", (place, "dim")))
    console.print(Text.assemble(("Modelo    ", "dim"), answer.model))


def print_where_to_go(console: Console, settings: StackSettings) -> None:
    """The next things to try."""
    url = settings.gateway_url
    rows = (
        ("API of clients, tickets, consents", f"{url}/api/docs"),
        ("API of documents and answers", f"{url}/api/ai/docs"),
        ("an access token", ".venv/bin/cogep token ana"),
        ("the whole journey", ".venv/bin/cogep demo"),
        ("what runs, what it says", "make status · make logs"),
        ("people", "ana bruno vera davi (aurora), beto (boreal); password: cogep"),
    )
    console.print()
    for what, where in rows:
        console.print(Text.assemble((f"  {what:<34}", "dim"), where))
    console.print()
