"""Answers by a model behind the OpenAI protocol, through the official client."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final, Self

import structlog
from openai import AsyncOpenAI, OpenAIError
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ValidationError

from ai_svc.modules.rag.answering import AnswerFailed, Asked, Citation, Draft
from ai_svc.modules.rag.metrics import TOKENS
from ai_svc.modules.rag.quotes import locate
from ai_svc.prompts import read_prompt
from ai_svc.settings import AnswerSettings
from knowledge.search import Passage

PROMPT: Final = ("answer_question", 1)
_MARK: Final = re.compile(r"\s*\[(\d+)\]")
_ATTEMPTS_AFTER_FIRST: Final = 1

log = structlog.get_logger(__name__)


class _Quoted(BaseModel):
    passage: int
    quote: str


class _Reply(BaseModel):
    """What the prompt asks for. Unknown fields are ignored: models chat."""

    found: bool = True
    answer: str = ""
    citations: list[_Quoted] = []


class ProviderModel:
    """One model of one provider."""

    def __init__(self, client: AsyncOpenAI, name: str, *, time_limit: float) -> None:
        self._client = client
        self.name = name
        self._time_limit = time_limit

    @classmethod
    def connect(cls, settings: AnswerSettings) -> Self:
        """Nothing is sent yet."""
        seconds = settings.time_limit_seconds
        client = AsyncOpenAI(
            api_key=settings.api_key.get_secret_value() if settings.api_key else "",
            base_url=settings.base_url,
            timeout=seconds,
            max_retries=_ATTEMPTS_AFTER_FIRST,
        )
        return cls(client, settings.model, time_limit=seconds)

    async def answer(self, asked: Asked, passages: Sequence[Passage]) -> Draft:
        """The model's answer with those of its citations that the passages bear out.

        Raises AnswerFailed when it cannot be had in time, or cites nothing true.
        """
        completion = await self._complete(asked.text, passages)
        tokens = self._count(completion)
        reply = _parse(completion)
        if not reply.found:
            return Draft("", (), self.name, tokens)
        citations, numbers = _borne_out(reply.citations, passages)
        if not citations or not reply.answer.strip():
            raise AnswerFailed("no citation is borne out by the passages")
        return Draft(_renumbered(reply.answer.strip(), numbers), citations, self.name, tokens)

    async def close(self) -> None:
        """Closes the client's connections."""
        await self._client.close()

    async def _complete(self, question: str, passages: Sequence[Passage]) -> ChatCompletion:
        prompt = read_prompt(*PROMPT)
        numbered = "\n\n".join(
            f'<trecho numero="{number}" titulo="{passage.title}">\n{passage.content}\n</trecho>'
            for number, passage in enumerate(passages, start=1)
        )
        rendered = prompt.render(question=question, passages=numbered)
        try:
            # Over all attempts: the client's own timeout is per attempt, and per chunk read.
            async with asyncio.timeout(self._time_limit):
                completion = await self._client.chat.completions.create(
                    model=self.name,
                    messages=[
                        {"role": "system", "content": rendered.system},
                        {"role": "user", "content": rendered.user},
                    ],
                    response_format={"type": "json_object"},
                )
        except (OpenAIError, TimeoutError) as error:
            raise AnswerFailed(type(error).__name__) from error
        # A proxy's page with status 200 comes back from the client as a plain text.
        if not isinstance(completion, ChatCompletion):
            raise AnswerFailed("not a chat completion")
        return completion

    def _count(self, completion: ChatCompletion) -> int:
        usage = completion.usage
        if usage is None:
            return 0
        TOKENS.labels(self.name, "prompt").inc(usage.prompt_tokens)
        TOKENS.labels(self.name, "completion").inc(usage.completion_tokens)
        return usage.total_tokens


def _parse(completion: ChatCompletion) -> _Reply:
    content = completion.choices[0].message.content if completion.choices else None
    try:
        return _Reply.model_validate_json(content or "")
    except ValidationError as error:
        raise AnswerFailed("not the JSON that was asked for") from error


def _borne_out(
    quoted: Sequence[_Quoted], passages: Sequence[Passage]
) -> tuple[list[Citation], dict[int, int]]:
    """The true citations, and old number → new number for the marks in the text."""
    citations: list[Citation] = []
    numbers: dict[int, int] = {}
    for number, claim in enumerate(quoted, start=1):
        passage = passages[claim.passage - 1] if 0 < claim.passage <= len(passages) else None
        span = locate(claim.quote, passage.content) if passage else None
        if passage is None or span is None:
            log.warning("citation_not_borne_out", passage=claim.passage, length=len(claim.quote))
            continue
        start, end = (passage.char_start + edge for edge in span)
        citations.append(Citation(passage, start, end))
        numbers[number] = len(citations)
    return citations, numbers


def _renumbered(text: str, numbers: dict[int, int]) -> str:
    """Marks follow their citations; a mark without one disappears."""

    def mark(match: re.Match[str]) -> str:
        number = numbers.get(int(match.group(1)))
        return f" [{number}]" if number else ""

    return _MARK.sub(mark, text)
