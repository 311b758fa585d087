"""`cogep demo`: the main job, step by step, with what each step proves."""

from typing import Any
from uuid import uuid4

from rich.text import Text

from devstack.errors import DevstackError
from devstack.first_question import CitedAnswer, print_answer
from devstack.gateway_client import GatewayClient, RequestRefused, logged_in
from devstack.progress import Progress
from devstack.seed import wait_until_indexed
from devstack.settings import StackSettings

_DOCUMENT = """# Biblioteca municipal

## Empréstimo

O leitor cadastrado pode levar até quatro livros por vez, por vinte e um dias. O empréstimo pode ser
renovado duas vezes pela internet, se ninguém reservou o livro.

## Multa

O atraso na devolução custa R$ 0,75 por dia e por livro. A multa não passa de R$ 30,00.
"""
_QUESTION = "Quanto custa por dia o atraso na devolução de um livro?"
_OUTSIDE = "Quem venceu o campeonato mundial de xadrez de 1972?"


async def run_demo(settings: StackSettings, progress: Progress) -> None:
    """Raises DevstackError when the system does not do what it promises."""
    title = f"Biblioteca municipal (demonstração {uuid4().hex[:6]})"
    async with logged_in(settings, "ana") as ana, logged_in(settings, "beto") as beto:
        document_id = await _teach(ana, progress, title)
        try:
            await _ask(ana, progress, document_id)
            await _stay_apart(beto, progress, document_id)
            await _serve_a_client(ana, beto, progress)
        finally:
            await ana.http.delete(f"/api/v1/rag/documents/{document_id}")
    progress.note("the demonstration's document was deleted again; client and ticket remain")


async def _teach(ana: GatewayClient, progress: Progress, title: str) -> str:
    with progress.step("ana uploads a document", "ana uploaded a document and it was indexed"):
        body = {"title": title, "text": _DOCUMENT}
        document = await ana.post("/rag/documents", body)
        await wait_until_indexed(ana, [document["id"]])
    return str(document["id"])


async def _ask(ana: GatewayClient, progress: Progress, document_id: str) -> None:
    with progress.step("ana asks", "the answer cites the exact passage"):
        answer = _answer(_QUESTION, await ana.post("/rag/ask", {"question": _QUESTION}))
        content = await ana.http.get(f"/api/v1/rag/documents/{document_id}/content")
        cited = [s for s in answer.sources if s["document_id"] == document_id]
        if not cited:
            raise DevstackError("The answer does not cite the document.")
        for source in cited:
            if content.text[source["char_start"] : source["char_end"]] != source["quote"]:
                raise DevstackError("A quote differs from the document's text at its offsets.")
    print_answer(progress.console, answer)
    with progress.step("ana asks what no document knows", "without evidence it says so"):
        unknown = _answer(_OUTSIDE, await ana.post("/rag/ask", {"question": _OUTSIDE}))
        if not unknown.abstained:
            raise DevstackError("It answered a question that no document answers.")
    progress.console.print(Text.assemble(("Resposta  ", "dim"), unknown.text))


async def _stay_apart(beto: GatewayClient, progress: Progress, document_id: str) -> None:
    with progress.step("beto looks", "the other organization sees none of it"):
        await _must_be_missing(beto, f"/rag/documents/{document_id}")
        found = await beto.post("/rag/search", {"query": _QUESTION, "top_k": 5})
        if any(passage["document_id"] == document_id for passage in found):
            raise DevstackError("Another organization's search returned the document.")


async def _serve_a_client(ana: GatewayClient, beto: GatewayClient, progress: Progress) -> None:
    with progress.step("ana registers a client", "client and ticket registered"):
        person = {"kind": "person", "name": "Cecília Demonstração"}
        email = f"cecilia.{uuid4().hex[:8]}@cliente.example"
        client = await ana.post("/clients", person | {"email": email})
        ticket = {
            "client_id": client["id"],
            "subject": "Multa da biblioteca",
            "description": "Devolvi o livro com dois dias de atraso.",
            "priority": "normal",
            "channel": "web",
        }
        opened = await ana.post("/tickets", ticket)
    progress.note(f"ticket number {opened['number']}, {opened['status']}")
    with progress.step("ana records a consent", "consent granted, then revoked; both are kept"):
        await _consent(ana, client["id"])
    with progress.step("beto guesses ids", "guessed ids are answered like unknown ones: 404"):
        await _must_be_missing(beto, f"/clients/{client['id']}")
        await _must_be_missing(beto, f"/tickets/{opened['id']}")


async def _consent(ana: GatewayClient, client_id: str) -> None:
    purposes = await ana.get("/consent-purposes")
    asked = [purpose for purpose in purposes if purpose["legal_basis"] == "consent"]
    if not asked:
        raise DevstackError("There is no consent purpose yet: run cogep seed first.")
    decision = {
        "purpose_code": asked[0]["code"],
        "decision": "granted",
        "channel": "phone",
        "notice_version": asked[0]["notice_version"],
    }
    consent = await ana.post(f"/clients/{client_id}/consents", decision)
    await ana.post(f"/consents/{consent['id']}/revoke", {"reason": "Pedido do titular"})
    await ana.get(f"/clients/{client_id}/consents")


async def _must_be_missing(api: GatewayClient, path: str) -> None:
    try:
        await api.get(path)
    except RequestRefused as refused:
        if " 404 " in str(refused):
            return
        raise
    raise DevstackError(f"GET {path} was answered to another organization.")


def _answer(question: str, data: Any) -> CitedAnswer:
    return CitedAnswer(question, data["answer"], data["model"], data["abstained"], data["sources"])
