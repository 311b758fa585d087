"""The built-in model, as pydantic-ai knows models: last of every chain, and always there."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from pydantic_ai import RunContext
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models import (
    CompletedStreamedResponse,
    Model,
    ModelRequestParameters,
    StreamedResponse,
)
from pydantic_ai.settings import ModelSettings

from ai_svc.modules.agents import phrases
from ai_svc.modules.agents.builtin.documents import SEARCH, asks_to_remember, knowledge_step
from ai_svc.modules.agents.builtin.people import crm_step
from ai_svc.modules.agents.builtin.privacy import privacy_step
from ai_svc.modules.agents.builtin.support import support_step
from ai_svc.modules.agents.builtin.task import Seen, Sight, Step, Task, Use
from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.agents.weighing import Weighed
from ai_svc.modules.rag.extractive import NAME
from ai_svc.modules.skills.skill import SkillResult

Weigh = Callable[[str], Awaitable[Weighed | None]]
"""How well what was found for a question answers it."""
_STEPS: Final[Mapping[AgentName, Callable[[Sight], Step]]] = {
    AgentName.KNOWLEDGE: knowledge_step,
    AgentName.SUPPORT: support_step,
    AgentName.CRM: crm_step,
    AgentName.PRIVACY: privacy_step,
}


class BuiltInModel(Model[None]):
    """Made for one task. What another model has called before it counts as seen."""

    def __init__(self, task: Task, weigh: Weigh) -> None:
        super().__init__()
        self._task = task
        self._weigh = weigh

    @property
    def model_name(self) -> str:
        """What the answer's `model` says."""
        return NAME

    @property
    def system(self) -> str:
        """Nobody's: it is in this process."""
        return "builtin"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """The next call of a tool, or the answer with its marks."""
        _, parameters = self.prepare_request(model_settings, model_request_parameters)
        seen = [*self._task.seen, *_seen(messages)]
        tools = frozenset(tool.name for tool in parameters.declared_function_tools)
        step = await self.step(seen, tools)
        part = TextPart(step) if isinstance(step, str) else ToolCallPart(step.skill, step.arguments)
        return ModelResponse(parts=[part], model_name=NAME)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,  # noqa: ARG002 - the base's signature
    ) -> AsyncGenerator[StreamedResponse]:
        """The same, at once."""
        response = await self.request(messages, model_settings, model_request_parameters)
        yield CompletedStreamedResponse(
            response, model_request_parameters=model_request_parameters, replay_events=True
        )

    async def step(self, seen: Sequence[Seen], tools: frozenset[str]) -> Step:
        """What it does after what it has seen. It never does the same twice."""
        if asks_to_remember(self._task):
            return phrases.NOTED
        sight = Sight(self._task, seen, await self._weighed(seen), tools)
        step = _STEPS[self._task.agent](sight)
        if isinstance(step, Use) and any(
            (step.skill, step.arguments) == (each.skill, each.arguments) for each in seen
        ):
            return phrases.CANNOT
        return step

    async def _weighed(self, seen: Iterable[Seen]) -> Weighed | None:
        searches = [each for each in seen if each.skill == SEARCH and each.result.ok]
        if not searches:
            return None
        return await self._weigh(str(searches[-1].arguments.get("query", "")))


def _seen(messages: Sequence[ModelMessage]) -> list[Seen]:
    """The calls of the run that were answered, in their order."""
    calls: dict[str, ToolCallPart] = {}
    found: list[Seen] = []
    for part in (part for message in messages for part in message.parts):
        if isinstance(part, ToolCallPart):
            calls[part.tool_call_id] = part
        elif isinstance(part, ToolReturnPart) and isinstance(part.metadata, SkillResult):
            call = calls.get(part.tool_call_id)
            found.append(Seen(part.tool_name, call.args_as_dict() if call else {}, part.metadata))
    return found
