"""Who is meant: the client of the conversation, or the one that a message names."""

from typing import Any, NamedTuple
from uuid import UUID

from ai_svc.modules.agents import phrases
from ai_svc.modules.agents.builtin.recognising import (
    lower_case_name,
    person_named,
    refers_back,
)
from ai_svc.modules.agents.builtin.task import Sight, Step, Use
from ai_svc.modules.agents.builtin.telling import client_line, client_told, listed, refused

FIND = "find_clients"
GET = "get_client"


class Found(NamedTuple):
    """The one client, or the step that gets nearer to them."""

    client_id: UUID | None
    step: Step | None


def who(sight: Sight, *, guess: bool = True) -> Found:
    """`guess`: also by words in small letters that may be a name."""
    task = sight.task
    if task.client_id is not None:
        return Found(task.client_id, None)
    result = sight.result(FIND)
    if result is None:
        name = person_named(task.question)
        if name is None and task.before and refers_back(task.question):
            name = person_named(task.before)
        if name is None and guess:
            name = lower_case_name(task.question)
        if name is None or FIND not in sight.tools:
            return Found(None, phrases.WHICH_CLIENT)
        return Found(None, Use(FIND, {"query": name[:200]}))
    if not result.ok:
        return Found(None, refused(result))
    clients: list[dict[str, Any]] = result.data
    if not clients:
        return Found(None, phrases.NO_CLIENTS)
    if len(clients) > 1:
        exact = _named_exactly(sight, clients)
        if exact is None:
            lines = [client_line(each) for each in clients]
            return Found(None, listed(phrases.WHICH_OF_THEM, lines))
        clients = [exact]
    return Found(UUID(str(clients[0]["id"])), None)


def crm_step(sight: Sight) -> Step:
    """What the agent for clients does next."""
    found = who(sight)
    if found.client_id is None:
        return found.step or phrases.WHICH_CLIENT
    result = sight.result(GET)
    if result is None:
        return (
            Use(GET, {"client_id": str(found.client_id)}) if GET in sight.tools else _known(sight)
        )
    return client_told(result.data) if result.ok else result.told


def _known(sight: Sight) -> str:
    result = sight.result(FIND)
    return client_told(result.data[0]) if result and result.ok and result.data else phrases.CANNOT


def _named_exactly(sight: Sight, clients: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The only one whose whole name was written."""
    asked = next((str(s.arguments.get("query")) for s in sight.seen if s.skill == FIND), "")
    same = [each for each in clients if each["name"].casefold() == asked.casefold()]
    return same[0] if len(same) == 1 else None
