"""The Model Context Protocol over HTTP, under our tokens, permissions, limits and tenants."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from ai_svc.desk import CurrentDesk
from ai_svc.modules.mcp_server.serving import Served
from ai_svc.modules.skills.skill import Carried, SkillContext
from chassis.security.authentication import AccessToken, require
from chassis.web.rate_limit import limited
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/ai", tags=["mcp"])

Chatter = Annotated[Actor, Depends(require(Permission.CHAT_USE))]
_CALL: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "search_knowledge", "arguments": {"query": "férias"}},
}
_ANSWER: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "result": {"content": [{"type": "text", "text": "<dados>…</dados>"}], "isError": False},
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "One JSON-RPC message",
        "content": {"application/json": {"schema": {"type": "object"}, "example": _CALL}},
    }
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The JSON-RPC answer",
        "content": {"application/json": {"schema": {"type": "object"}, "example": _ANSWER}},
    },
    202: {"description": "A notification was taken note of"},
    421: {"description": "`Host` is none of ours (DNS rebinding)"},
}


@router.post(
    "/mcp",
    summary="Use the assistant's skills by the Model Context Protocol",
    dependencies=[limited("60/minute", scope="mcp")],
    response_class=Response,
    responses=_ANSWERS,
    openapi_extra=_BODY,
)
async def speak_mcp(actor: Chatter, token: AccessToken, desk: CurrentDesk) -> Response:
    """Streamable HTTP without sessions: any replica answers. Tools are the skills the caller may
    use; those that write only make a proposal, which a person confirms in the product."""
    settings = desk.workshop.settings
    context = SkillContext(
        actor=actor, token=token, workshop=desk.workshop, run_id=new_id(), carried=Carried()
    )
    return Served(context, settings.mcp, settings.service.version)
