"""Skills as the protocol's tools: the same names, arguments, rights and limits."""

from typing import Any

from mcp import types

from ai_svc.modules.skills.service import SKILLS, Skill, SkillResult
from shared_schemas.actor import Actor

_PROPOSES = " Nada é gravado: a proposta espera a confirmação da pessoa no COGEP Assist."


def tools_of(actor: Actor) -> list[types.Tool]:
    """What the person may use; the rest is not even told of."""
    return [_tool(skill) for skill in SKILLS.values() if skill.permissions <= actor.permissions]


def result_of(result: SkillResult) -> types.CallToolResult:
    """What is told is marked as data, as for our own agents. Proposals come with their id."""
    structured = None
    if result.proposal is not None:
        structured = {"proposal": result.proposal.model_dump(mode="json")}
    return types.CallToolResult(
        content=[types.TextContent(text=result.told)],
        structured_content=structured,
        is_error=not result.ok,
    )


def _tool(skill: Skill[Any]) -> types.Tool:
    return types.Tool(
        name=skill.name,
        title=skill.label,
        description=skill.description + (_PROPOSES if skill.proposes else ""),
        input_schema=skill.arguments.model_json_schema(),
        annotations=types.ToolAnnotations(
            title=skill.label,
            # A proposal is a row of its own, but changes nothing of the organization's.
            read_only_hint=not skill.proposes,
            destructive_hint=False,
            idempotent_hint=not skill.proposes,
            open_world_hint=False,
        ),
    )
