"""Calling skills: whatever a model says, somebody's rights, sizes and times hold, and the answer is
a result. Nothing of the arguments is logged."""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import structlog
from prometheus_client import Counter
from pydantic import ValidationError
from pydantic_ai import Tool
from pydantic_ai.messages import ToolReturn

from ai_svc.marking import marked_facts
from ai_svc.modules.skills.calculating import CALCULATE
from ai_svc.modules.skills.clients import CHECK_CONSENT, FIND_CLIENTS, GET_CLIENT
from ai_svc.modules.skills.dates import CURRENT_DATE
from ai_svc.modules.skills.proposing import (
    CREATE_TICKET,
    DRAFT_REPLY,
    OPEN_PRIVACY_REQUEST,
    PROPOSE_TRIAGE,
)
from ai_svc.modules.skills.searching import SEARCH_KNOWLEDGE
from ai_svc.modules.skills.skill import (
    Carried,
    Declined,
    Numbered,
    Skill,
    SkillContext,
    SkillResult,
)
from ai_svc.modules.skills.tickets import GET_TICKET, LIST_TICKETS
from chassis.web.errors import DomainError
from chassis.web.validation_messages import details_of

__all__ = ["SKILLS", "Carried", "Numbered", "Skill", "SkillContext", "SkillResult", "call"]
__all__ += ["tools_for"]

_log = structlog.get_logger(__name__)

SKILLS: Final[Mapping[str, Skill[Any]]] = MappingProxyType(
    {
        each.name: each
        for each in (
            SEARCH_KNOWLEDGE,
            FIND_CLIENTS,
            GET_CLIENT,
            CHECK_CONSENT,
            LIST_TICKETS,
            GET_TICKET,
            DRAFT_REPLY,
            PROPOSE_TRIAGE,
            CREATE_TICKET,
            OPEN_PRIVACY_REQUEST,
            CALCULATE,
            CURRENT_DATE,
        )
    }
)
SECONDS: Final = 15.0
MOST_SAID: Final = 40_000
"""Characters of a call's arguments."""
CALLS: Final = Counter("assistant_skill_calls_total", "Calls of skills", ["skill", "result"])

_UNKNOWN: Final = "Esta ferramenta não existe."
_FORBIDDEN: Final = "Quem pergunta não tem permissão para isto."
_TOO_LONG: Final = "Os argumentos são longos demais."
_UNREADABLE: Final = "Os argumentos não são um objeto JSON."
_TOO_SLOW: Final = "A ferramenta demorou demais. Tente de novo em instantes."
_BROKEN: Final = "A ferramenta falhou. Tente de novo em instantes."


async def call(
    name: str, raw_arguments: Mapping[str, Any] | str, context: SkillContext
) -> SkillResult:
    """What came of it. Whatever is refused, too late or broken is `ok=False` with a line of why."""
    skill = SKILLS.get(name)
    if skill is None:
        CALLS.labels("unknown", "refused").inc()
        return _refusal(_UNKNOWN)
    began = time.monotonic()
    result, outcome = await _tried(skill, raw_arguments, context)
    CALLS.labels(name, outcome).inc()
    _log.info(
        "skill_called",
        skill=name,
        result=outcome,
        milliseconds=round((time.monotonic() - began) * 1_000),
        told_length=len(result.told),
        clients=len(context.carried.client_ids),
        documents=len(context.carried.document_ids),
    )
    return result


def tools_for(names: Iterable[str], context: SkillContext) -> list[Tool[Any]]:
    """For an agent: those of the names that the asker may use. What a tool returns has its
    SkillResult as metadata. Raises KeyError for a name there is not."""
    skills = [SKILLS[name] for name in names]
    may = context.actor.permissions
    return [_tool(skill, context) for skill in skills if skill.permissions <= may]


async def _tried(
    skill: Skill[Any], raw: Mapping[str, Any] | str, context: SkillContext
) -> tuple[SkillResult, str]:
    if not skill.permissions <= context.actor.permissions:
        return _refusal(_FORBIDDEN), "forbidden"
    try:
        given = skill.arguments.model_validate(_read(raw))
        async with asyncio.timeout(SECONDS):
            return await skill.run(context, given), "ok"
    except ValidationError as error:
        return _refusal(_what_is_wrong(error)), "invalid"
    except Declined as error:
        return _refusal(str(error), error.choices), "declined"
    except DomainError as error:
        return _refusal(str(error)), "declined"
    except TimeoutError:
        return _refusal(_TOO_SLOW), "too_slow"
    except Exception as error:  # noqa: BLE001 - a model may bring about anything
        # Its message may hold what was asked: only where it happened is told.
        _log.error("skill_failed", skill=skill.name, error=type(error).__name__)
        return _refusal(_BROKEN), "broken"


def _read(raw: Mapping[str, Any] | str) -> Mapping[str, Any]:
    try:
        text = raw if isinstance(raw, str) else json.dumps(raw, default=str)
        if len(text) > MOST_SAID:
            raise Declined(_TOO_LONG)
        said = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise Declined(_UNREADABLE) from None
    if not isinstance(said, dict):
        raise Declined(_UNREADABLE)
    return said


def _tool(skill: Skill[Any], context: SkillContext) -> Tool[Any]:
    async def run(**arguments: Any) -> ToolReturn[str]:
        result = await call(skill.name, arguments, context)
        return ToolReturn(return_value=result.told, metadata=result)

    return Tool.from_schema(run, skill.name, skill.description, skill.arguments.model_json_schema())


def _what_is_wrong(error: ValidationError) -> str:
    """The fields, and never what stood in them."""
    lines = [f"{each.field}: {each.message}" for each in details_of(error.errors())]
    return f"Argumentos inválidos. {' '.join(lines[:10])}"


def _refusal(why: str, choices: Sequence[str] = ()) -> SkillResult:
    if not choices:
        return SkillResult(ok=False, data={"error": why}, told=why)
    data = {"error": why, "choices": list(choices)}
    return SkillResult(ok=False, data=data, told=f"{why} {marked_facts('opcoes', data['choices'])}")
