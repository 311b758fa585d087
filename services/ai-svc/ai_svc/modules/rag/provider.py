"""Answers by a model behind the OpenAI protocol, through the official client."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, Self

import structlog
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    AsyncStream,
    OpenAIError,
)
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel, ValidationError

from ai_svc.modules.rag.answering import NO_TOKENS, AnswerFailed, Draft, Tokens, renumbered
from ai_svc.modules.rag.evidence import Evidence
from ai_svc.modules.rag.quotes import Citation, locate
from ai_svc.modules.rag.written import Written
from ai_svc.prompts import read_prompt
from ai_svc.settings import AnswerSettings
from knowledge.recipients import OPENAI, Recipient
from knowledge.search import Passage

PROMPT: Final = ("answer_question", 1)
_ATTEMPTS_AFTER_FIRST: Final = 1
_LONGEST_REPLY: Final = 200_000
"""Characters; a model that goes on and on is not answering."""

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

    def __init__(
        self,
        client: AsyncOpenAI,
        name: str,
        *,
        time_limit: float,
        recipient: Recipient = OPENAI,
    ) -> None:
        self._client = client
        self.name = name
        self.recipient = recipient
        self._time_limit = time_limit
        self._prompt = read_prompt(*PROMPT)

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
        recipient = Recipient(settings.recipient, settings.country)
        return cls(client, settings.model, time_limit=seconds, recipient=recipient)

    @property
    def version(self) -> str:
        """Model and prompt."""
        return f"{self.name}/{self._prompt.label}"

    async def answer(self, evidence: Evidence) -> Draft:
        """The model's answer with those of its citations that the passages bear out.

        Raises AnswerFailed when it cannot be had in time, or cites nothing true.
        """
        try:
            # Over all attempts: the client's own timeout is per attempt, and per chunk read.
            async with asyncio.timeout(self._time_limit):
                completion = await self._client.chat.completions.create(**self._asked(evidence))
        except (OpenAIError, TimeoutError) as error:
            raise AnswerFailed(type(error).__name__, _spent(error)) from error
        # A proxy's page with status 200 comes back from the client as a plain text.
        if not isinstance(completion, ChatCompletion):
            raise AnswerFailed("not a chat completion")
        tokens = _tokens(completion.usage)
        content = completion.choices[0].message.content if completion.choices else None
        return self._draft(content or "", tokens, evidence.passages)

    async def stream(self, evidence: Evidence) -> AsyncGenerator[str | Draft, None]:
        """The answer's text while it is written. Closing the iterator hangs up on the provider."""
        written = Written(most=_LONGEST_REPLY)
        tokens = NO_TOKENS
        try:
            async with asyncio.timeout(self._time_limit):
                chunks = await self._client.chat.completions.create(
                    **self._asked(evidence), stream=True, stream_options={"include_usage": True}
                )
                if not isinstance(chunks, AsyncStream):
                    raise AnswerFailed("not a stream")
                async with chunks:
                    async for chunk in chunks:
                        if usage := _usage(chunk):
                            tokens = _tokens(usage)
                        if text := written.add(_content(chunk)):
                            yield text
        except (OpenAIError, TimeoutError, ValueError) as error:
            spent = None if written.whole else _spent(error)
            raise AnswerFailed(type(error).__name__, spent) from error
        yield self._draft(written.whole, tokens, evidence.passages)

    async def close(self) -> None:
        """Closes the client's connections."""
        await self._client.close()

    def _asked(self, evidence: Evidence) -> dict[str, Any]:
        numbered = "\n\n".join(
            f'<trecho numero="{number}" titulo="{passage.title}">\n{passage.content}\n</trecho>'
            for number, passage in enumerate(evidence.passages, start=1)
        )
        rendered = self._prompt.render(question=evidence.question, passages=numbered)
        return {
            "model": self.name,
            "messages": [
                {"role": "system", "content": rendered.system},
                {"role": "user", "content": rendered.user},
            ],
            "response_format": {"type": "json_object"},
        }

    def _draft(self, content: str, tokens: Tokens, passages: Sequence[Passage]) -> Draft:
        try:
            reply = _Reply.model_validate_json(content)
        except ValidationError as error:
            raise AnswerFailed("not the JSON that was asked for", tokens or None) from error
        if not reply.found:
            return Draft("", (), self.name, tokens, self._prompt.label)
        citations, numbers = _borne_out(reply.citations, passages)
        if not citations or not reply.answer.strip():
            raise AnswerFailed("no citation is borne out by the passages", tokens or None)
        text = renumbered(reply.answer.strip(), numbers)
        return Draft(text, citations, self.name, tokens, self._prompt.label)


def _tokens(usage: CompletionUsage | None) -> Tokens:
    return Tokens(usage.prompt_tokens, usage.completion_tokens) if usage else NO_TOKENS


def _spent(error: Exception) -> Tokens | None:
    """Nothing where the provider was not reached or has refused; else nobody knows."""
    unreached = isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError)
    return NO_TOKENS if unreached or isinstance(error, APIStatusError) else None


def _usage(chunk: Any) -> CompletionUsage | None:
    return chunk.usage if isinstance(chunk, ChatCompletionChunk) else None


def _content(chunk: Any) -> str:
    if not isinstance(chunk, ChatCompletionChunk) or not chunk.choices:
        return ""
    return chunk.choices[0].delta.content or ""


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
