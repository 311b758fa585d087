"""Words for what tools gave: every sentence quotes it, and carries the mark that says where."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ai_svc.modules.agents.weighing import Weighed
from ai_svc.modules.rag.extractive import draft
from ai_svc.modules.rag.sentences import sentences
from ai_svc.modules.skills.skill import Numbered, SkillResult

STATUSES: Final = {
    "new": "novo",
    "open": "em aberto",
    "pending": "aguardando o cliente",
    "on_hold": "em espera",
    "resolved": "resolvido",
    "closed": "encerrado",
}
PRIORITIES: Final = {"low": "baixa", "normal": "normal", "high": "alta", "urgent": "urgente"}
_SPEAKERS: Final = {
    "client": "Cliente",
    "reply": "Resposta",
    "note": "Nota interna",
    "draft": "Rascunho",
}
_MARKS: Final = re.compile(r"\[\[|\]\]|[\ue000-\uf8ff]")
_LAST: Final = 4
_SENTENCES: Final = 3


def marked(text: str, name: str, quote: str | None = None) -> str:
    """Each sentence of the text with a mark; without a quote each quotes itself."""
    text = plain(text)
    parts = [text[each.start : each.end] for each in sentences(text)]
    return " ".join(f"{part} [[{name}|{plain(quote or part)}]]" for part in parts)


def refused(result: SkillResult) -> str:
    """Why a tool did not do it, as it says itself."""
    return marked(str((result.data or {}).get("error") or result.told), "D")


def plain(text: str) -> str:
    """On one line, and without anything that would be read as a mark."""
    return " ".join(_MARKS.sub(" ", text).split())


def quoted(weighed: Weighed, numbered: Sequence[Numbered]) -> str:
    """The sentences of the documents that answer best, as `/rag/ask` would give them."""
    labels = {(each.passage.chunk_id, each.passage.version): each.label for each in numbered}
    told = []
    for citation in draft(weighed.evidence).citations:
        label = labels.get((citation.passage.chunk_id, citation.passage.version))
        if label is not None:
            told.append(marked(citation.quote, label))
    return "\n\n".join(told)


def ticket_line(ticket: Mapping[str, Any]) -> str:
    """One of a list."""
    facts = f"Chamado nº {ticket['number']}: {plain(ticket.get('subject') or 'sem assunto')}"
    return "- " + _lined(facts + _standing(ticket), ticket)


def ticket_told(ticket: Mapping[str, Any]) -> str:
    """A ticket with what was said about it, each in its own words."""
    lines = [_lined(f"Chamado nº {ticket['number']}{_standing(ticket)}", ticket)]
    for name, title in (("subject", "Assunto"), ("description", "Descrição")):
        if text := _first_sentences(ticket.get(name) or ""):
            lines.append(f"- {title}: {marked(text, 'D')}")
    messages = ticket.get("messages") or []
    for each in messages[-_LAST:]:
        if text := _first_sentences(each.get("body") or ""):
            speaker = _SPEAKERS.get(each.get("kind", ""), "Mensagem")
            lines.append(f"- {speaker}, {day(each.get('created_at'))}: {marked(text, 'D')}")
    return "\n".join(lines)


def client_line(client: Mapping[str, Any]) -> str:
    """One of several who may be meant: enough to tell them apart, and nothing more."""
    document = f", documento {client['document']}" if client.get("document") else ""
    return "- " + marked(f"{client['name']}{document}", "D", client["name"])


def client_told(client: Mapping[str, Any]) -> str:
    """What core-api shows of a client to who asks."""
    lines = [marked(client["name"], "D", client["name"])]
    for field, title in (
        ("email", "E-mail"),
        ("phone_display", "Telefone"),
        ("document", "Documento"),
        ("external_id", "Código externo"),
    ):
        if value := client.get(field):
            lines.append("- " + marked(f"{title}: {value}", "D", str(value)))
    if tags := client.get("tags"):
        lines += ["- " + marked(f"Etiqueta: {tag}", "D", str(tag)) for tag in tags]
    if since := client.get("created_at"):
        lines.append(f"- Cadastro desde {day(since)} [[D|{since}]]")
    return "\n".join(lines)


def decision_line(decision: Mapping[str, Any]) -> str:
    """What a client has decided about one purpose."""
    words = {"granted": "concedido", "refused": "recusado", "revoked": "revogado"}
    status = str(decision.get("status"))
    code = plain(str(decision.get("purpose_code")))
    said = f"- Finalidade {code}: {words.get(status, status)}"
    if decided := decision.get("decided_at"):
        said += f", em {day(decided)}"
    return f"{said} [[D|{code}]]"


def listed(title: str, lines: Iterable[str]) -> str:
    """A list under its title."""
    return "\n".join([title, *lines])


def day(instant: Any) -> str:
    """2026-11-21T… as people write it."""
    written = str(instant or "")[:10]
    year, _, rest = written.partition("-")
    month, _, date = rest.partition("-")
    return f"{date}/{month}/{year}" if date else written


def _standing(ticket: Mapping[str, Any]) -> str:
    said = ""
    if status := ticket.get("status"):
        said += f"; situação: {STATUSES.get(status, status)}"
    if priority := ticket.get("priority"):
        said += f"; prioridade: {PRIORITIES.get(priority, priority)}"
    if due := ticket.get("sla_due_at"):
        said += f"; prazo: {day(due)}"
    return said


def _lined(text: str, ticket: Mapping[str, Any]) -> str:
    quote = plain(str(ticket.get("subject") or ticket["id"]))
    return marked(text, "D", quote)


def _first_sentences(text: str) -> str:
    found = [text[each.start : each.end] for each in sentences(text)]
    return plain(" ".join(found[:_SENTENCES]))
