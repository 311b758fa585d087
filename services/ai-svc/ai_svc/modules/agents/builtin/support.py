"""Tickets: which, what is wanted of them, and with which tools."""

import re
from typing import Any, Final
from uuid import UUID

from ai_svc.modules.agents import phrases
from ai_svc.modules.agents.builtin.documents import SEARCH
from ai_svc.modules.agents.builtin.people import who
from ai_svc.modules.agents.builtin.recognising import (
    TICKET_WORDS,
    person_named,
    refers_back,
    ticket_number,
)
from ai_svc.modules.agents.builtin.task import Sight, Step, Use
from ai_svc.modules.agents.builtin.telling import (
    listed,
    plain,
    refused,
    ticket_line,
    ticket_told,
)
from ai_svc.modules.rag.extractive import draft
from knowledge.lexical import fold

GET: Final = "get_ticket"
LIST: Final = "list_tickets"
DRAFT: Final = "draft_reply"
TRIAGE: Final = "propose_triage"
CREATE: Final = "create_ticket"

_CREATES: Final = re.compile(
    r"\b(?:abr(?:a|ir|e|am)|cri(?:e|ar|a)|registr(?:e|ar|a)|anot(?:e|a|ar)|bota"
    rf"|faz(?:er)?|solicito a abertura|quero|preciso)\b.{{0,25}}\b{TICKET_WORDS}\b"
    rf"|\bnov[oa] {TICKET_WORDS}\b(?! ?\d)"
    rf"|\b(?:abertura|registro) de {TICKET_WORDS}"
)
_DRAFTS: Final = re.compile(
    r"\b(?:respond[aei]\w*|responda|respost\w+|rascunho|redij\w+|redig\w+|devolutiva|textinho"
    r"|escrev\w+ .{0,20}(?:cliente|respo|mensagem|texto)|mensagem (?:encerrando|para|pro|ao)"
    r"|retorno (?:para|ao|pro))"
)
_SAYING: Final = re.compile(
    r"(?:avisando|dizendo|informando|explicando|falando|contando|que diga|pedindo)\s+"
    r"(?:que\s+)?(.{4,})",
    re.IGNORECASE | re.DOTALL,
)
_TRIAGES: Final = re.compile(
    r"\b(?:triagem|triar|classifi\w+|prioridade|prioriz\w+|categori\w+|encaminh\w+|transfir\w+"
    r"|transfer\w+|para (?:qual|que) (?:time|equipe))"
)
_TEAM: Final = re.compile(
    r"(?:equipe|time)\s+(?:d[aeo]s?\s+)?([A-ZÀ-Ý0-9][\w-]*(?:\s+[A-ZÀ-Ý0-9][\w-]*)*|[a-zà-ý-]{3,})"
)
_CATEGORY: Final = re.compile(r"categoria\s+(?:d[aeo]s?\s+)?[\"“]?([\w-]+(?:\s+[A-ZÀ-Ý][\w-]*)*)")
_PRIORITY: Final = (
    ("urgent", re.compile(r"urgent|critic|emergenc|fora do ar|parou tudo|risco")),
    ("high", re.compile(r"\balta\b|importante|nao funciona|parad[oa]|bloquead")),
    ("low", re.compile(r"\bbaixa\b|sem pressa|quando (?:der|puder)|sugest[ao]")),
    ("normal", re.compile(r"\bnormal\b|\bmedia\b")),
)
_STATUS: Final = (
    ("resolved", re.compile(r"resolvid|solucionad")),
    ("closed", re.compile(r"encerrad|fechad|finalizad")),
    ("on_hold", re.compile(r"em espera")),
    ("pending", re.compile(r"aguardando|pendentes? d[eo] cliente|esperando (?:o )?cliente")),
)
_MINE: Final = re.compile(r"\bmeus?\b|\bminhas?\b|\bpra mim\b|\bpara mim\b|\ba mim\b|\beu pegar\b")
_OVERDUE: Final = re.compile(r"atras|vencid|estour|fora do prazo|\bsla\b")
_ALL: Final = re.compile(r"\btod[oa]s\b|historico|ultim|ontem|semana passada")
_ABOUT: Final = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"(?:\b(?:sobre|referente (?:a|à|ao)|por causa d[aeo])\b|:)\s*(.{4,})",
        r"\b(?:porque|de que|que|para|pra)\b\s*(.{4,})",
    )
)
_WITHOUT_VERB: Final = re.compile(r"^\W*(?:por favor|pfv?|ol[aá]|oi)[\s,]*", re.IGNORECASE)
_SUBJECT: Final = 80
_LISTED: Final = 20
_NOT_A_TEAM: Final = frozenset({"que", "certa", "certo", "dele", "dela", "para", "responsavel"})
_OPEN: Final = frozenset({"new", "open", "pending", "on_hold"})


def support_step(sight: Sight) -> Step:
    """What the agent for tickets does next."""
    said = fold(sight.task.question)
    number = _number(sight)
    if number is None and _CREATES.search(said):
        return _create(sight)
    if number is None:
        return _list(sight, said)
    ticket = sight.result(GET)
    if ticket is None:
        return Use(GET, number) if GET in sight.tools else phrases.FORBIDDEN
    if not ticket.ok:
        return refused(ticket)
    if _DRAFTS.search(said):
        return _draft(sight, ticket.data)
    if _TRIAGES.search(said):
        return _triage(sight, ticket.data, said)
    return ticket_told(ticket.data)


def _number(sight: Sight) -> dict[str, Any] | None:
    task = sight.task
    number = ticket_number(task.question)
    if number is None and task.before and refers_back(task.question):
        number = ticket_number(task.before)
    if number is not None:
        return {"number": number}
    return {"ticket_id": str(task.ticket_id)} if task.ticket_id is not None else None


def _list(sight: Sight, said: str) -> Step:
    if _DRAFTS.search(said) or (_TRIAGES.search(said) and not _is_list(said)):
        return phrases.WHICH_TICKET
    result = sight.result(LIST)
    if result is None:
        if LIST not in sight.tools:
            return phrases.FORBIDDEN
        wanted = _filters(said)
        if sight.task.client_id is None and person_named(sight.task.question):
            found = who(sight, guess=False)
            if found.client_id is None:
                return found.step or phrases.WHICH_CLIENT
            wanted["client_id"] = str(found.client_id)
        return Use(LIST, wanted)
    if not result.ok:
        return refused(result)
    closed_too = _ALL.search(said) or any(pattern.search(said) for _, pattern in _STATUS)
    shown = [each for each in result.data if closed_too or each.get("status") in _OPEN]
    if not shown:
        return phrases.NO_TICKETS
    return listed(phrases.TICKETS, [ticket_line(each) for each in shown])


def _is_list(said: str) -> bool:
    return re.search(rf"\b{TICKET_WORDS}\b", said) is not None and "desse" not in said


def _filters(said: str) -> dict[str, Any]:
    wanted: dict[str, Any] = {"limit": _LISTED}
    for status, pattern in _STATUS:
        if pattern.search(said):
            wanted["status"] = status
            break
    priority = next((name for name, pattern in _PRIORITY[:3] if pattern.search(said)), None)
    if priority is not None and re.search(r"urgent|prioridade|critic", said):
        wanted["priority"] = priority
    if _MINE.search(said):
        wanted["mine"] = True
    if _OVERDUE.search(said):
        wanted["overdue"] = True
    return wanted


def _draft(sight: Sight, ticket: dict[str, Any]) -> Step:
    """In the words that were given, else in those of the documents; never in invented ones."""
    done = sight.result(DRAFT)
    if done is not None:
        if not done.ok:
            return refused(done)
        return phrases.PROPOSED
    if DRAFT not in sight.tools:
        return phrases.FORBIDDEN
    given = _SAYING.search(sight.task.question)
    if given:
        return _drafted(ticket, _sentence(given.group(1)))
    if sight.result(SEARCH) is None and SEARCH in sight.tools:
        asked = f"{ticket.get('subject') or ''} {_first_words(ticket)}"
        return Use(SEARCH, {"query": plain(asked)[:400]})
    if sight.weighed is not None and sight.weighed.answerable:
        quotes = [plain(each.quote) for each in draft(sight.weighed.evidence).citations]
        if quotes:
            return _drafted(ticket, "\n\n".join(quotes))
    return phrases.WRITTEN_BY_PERSON


def _drafted(ticket: dict[str, Any], said: str) -> Use:
    body = f"Olá!\n\n{said}\n\nFicamos à disposição.\nAtenciosamente,\nEquipe de atendimento"
    return Use(DRAFT, {"ticket_id": str(ticket["id"]), "body": body})


def _triage(sight: Sight, ticket: dict[str, Any], said: str) -> Step:
    done = sight.result(TRIAGE)
    if done is not None:
        return phrases.PROPOSED if done.ok else refused(done)
    if TRIAGE not in sight.tools:
        return phrases.FORBIDDEN
    wanted: dict[str, Any] = {}
    asked = next((name for name, pattern in _PRIORITY if pattern.search(said)), None)
    if asked is None:
        text = fold(f"{ticket.get('subject') or ''} {_first_words(ticket)}")
        asked = next((name for name, pattern in _PRIORITY[:3] if pattern.search(text)), None)
    if asked is not None and asked != ticket.get("priority"):
        wanted["priority"] = asked
    team = _TEAM.search(sight.task.question)
    if team and fold(team.group(1)) not in _NOT_A_TEAM:
        wanted["team"] = team.group(1)
    if category := _CATEGORY.search(sight.task.question):
        wanted["category"] = category.group(1)
    if not wanted:
        return f"{ticket_told(ticket)}\n\n{phrases.TRIAGE_BY_PERSON}"
    return Use(TRIAGE, {"ticket_id": str(ticket["id"]), **wanted})


def _create(sight: Sight) -> Step:
    done = sight.result(CREATE)
    if done is not None:
        return phrases.PROPOSED if done.ok else refused(done)
    if CREATE not in sight.tools:
        return phrases.FORBIDDEN
    about = _about(sight.task.question)
    if about is None:
        return phrases.WHAT_FOR
    found = who(sight, guess=False)
    if found.client_id is None:
        return found.step or phrases.WHICH_CLIENT
    said = fold(sight.task.question)
    priority = next((name for name, pattern in _PRIORITY[:3] if pattern.search(said)), "normal")
    return Use(CREATE, _ticket(found.client_id, about, sight.task.question, priority))


def _ticket(client_id: UUID, about: str, question: str, priority: str) -> dict[str, Any]:
    return {
        "client_id": str(client_id),
        "subject": _sentence(about).rstrip(".")[:_SUBJECT],
        "description": question.strip(),
        "priority": priority,
    }


def _about(question: str) -> str | None:
    """What a new ticket is about: what follows "sobre", a colon or a comma."""
    text = _WITHOUT_VERB.sub("", question.strip())
    for pattern in _ABOUT:
        if found := pattern.search(text):
            return found.group(1).strip()
    _, comma, rest = text.partition(",")
    return rest.strip() if comma and len(rest.split()) > 1 else None


def _first_words(ticket: dict[str, Any]) -> str:
    messages = ticket.get("messages") or []
    asked = [each.get("body") or "" for each in messages if each.get("kind") == "client"]
    return f"{ticket.get('description') or ''} {asked[-1] if asked else ''}"[:600]


def _sentence(text: str) -> str:
    text = " ".join(text.split()).rstrip(" ?!,;")
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."
