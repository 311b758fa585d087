"""Answering simple routes from a plan made at start.

FastAPI finds out anew for every request what each dependency is and where its arguments come from;
for a route that only reads its path and one row that is half of the work. A plan does the same
steps in the same order, with FastAPI's own functions for parameters and results, but decides once.
It covers routes whose body is not FastAPI's to read and whose dependencies are plain coroutines, or
generators that end before the answer leaves; all others, and every route while tests override
dependencies, go FastAPI's way.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from operator import attrgetter
from typing import Any, Final, cast

from fastapi._compat import ModelField
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import (
    Dependant,
    _is_async_gen_callable,
    _is_coroutine_callable,
    _is_gen_callable,
)
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

Call = Callable[..., Any]
Answer = Callable[[Request], Awaitable[Response]]
_OPENED: Final = "cogep.opened"


class _Step:
    """One call: a dependency, or at last the endpoint."""

    __slots__ = ("call", "inputs", "node", "opens", "reads", "waits_for")

    def __init__(self, node: Dependant, waits_for: list[tuple[str | None, int]]) -> None:
        call = cast("Call", node.call)
        self.opens = _is_async_gen_callable(call)
        self.call: Call = asynccontextmanager(call) if self.opens else call
        self.node = node
        self.waits_for = [source for _, source in waits_for]
        self.inputs = [(name, source) for name, source in waits_for if name is not None]
        sources = (
            (node.path_params, attrgetter("path_params")),
            (node.query_params, attrgetter("query_params")),
            (node.header_params, attrgetter("headers")),
            (node.cookie_params, attrgetter("cookies")),
        )
        self.reads = [(fields, read) for fields, read in sources if fields]


class Plan:
    """The calls behind a route, each after those it depends on."""

    def __init__(self, route: APIRoute) -> None:
        self._steps: list[_Step] = []
        self._placed: dict[Any, int] = {}
        self._place(route.dependant)
        self._opens = any(step.opens for step in self._steps)
        self._uses_response = any(step.node.response_param_name for step in self._steps)
        self._overrides: dict[Any, Any] = getattr(
            route.dependency_overrides_provider, "dependency_overrides", {}
        )
        self._status_code = route.status_code or 200
        self._field = cast("ModelField", route.response_field)
        self._options: dict[str, Any] = {
            "include": route.response_model_include,
            "exclude": route.response_model_exclude,
            "by_alias": route.response_model_by_alias,
            "exclude_unset": route.response_model_exclude_unset,
            "exclude_defaults": route.response_model_exclude_defaults,
            "exclude_none": route.response_model_exclude_none,
        }

    @classmethod
    def of(cls, route: APIRoute) -> "Plan | None":
        """The plan of a route, if it is simple enough to have one."""
        simple = (
            route.body_field is None
            and route.response_field is not None
            and isinstance(route.response_class, DefaultPlaceholder)
            and _is_simple(route.dependant)
        )
        return cls(route) if simple else None

    @property
    def applies(self) -> bool:
        """Whether the plan holds now: overridden dependencies are FastAPI's business."""
        return not self._overrides

    async def run(self, request: Request, answer: Answer) -> Response:
        """What `answer` returns, which calls `self.answer`; what was opened meanwhile is closed.

        A commit, say: an answer that depends on it must not leave before.
        """
        if not self._opens:
            return await answer(request)
        async with AsyncExitStack() as opened:
            request.scope[_OPENED] = opened
            return await answer(request)
        raise RuntimeError("a dependency swallowed an error")

    async def answer(self, request: Request) -> Response:
        """Calls everything in order and serialises what the endpoint returns."""
        opened: Any = request.scope.get(_OPENED)  # None where nothing is opened
        extra = _extra_response() if self._uses_response else None
        results: list[Any] = []
        errors: list[Any] = []
        failed: set[int] = set()
        for index, step in enumerate(self._steps):
            arguments = {name: results[source] for name, source in step.inputs}
            is_last = index == len(self._steps) - 1
            found = _read(step, request, arguments)
            errors += found
            if found or (errors and (is_last or not failed.isdisjoint(step.waits_for))):
                failed.add(index)
                results.append(None)
                continue
            if step.node.request_param_name is not None:
                arguments[step.node.request_param_name] = request
            if step.node.response_param_name is not None:
                arguments[step.node.response_param_name] = extra
            made = step.call(**arguments)
            results.append(await (opened.enter_async_context(made) if step.opens else made))
        if errors:
            raise RequestValidationError(errors)
        return self._serialised(results[-1], extra)

    def _serialised(self, result: Any, extra: Response | None) -> Response:
        if isinstance(result, Response):
            return result
        value, errors = self._field.validate(result, {}, loc=("response",))
        if errors:
            raise ResponseValidationError(errors)
        response = Response(
            self._field.serialize_json(value, **self._options),
            status_code=(extra and extra.status_code) or self._status_code,
            media_type="application/json",
        )
        if extra is not None:
            response.raw_headers.extend(extra.raw_headers)
        return response

    def _place(self, node: Dependant) -> int:
        key = (node.call, node.scope) if node.use_cache else object()
        if key not in self._placed:
            waits_for = [(inner.name, self._place(inner)) for inner in node.dependencies]
            self._steps.append(_Step(node, waits_for))
            self._placed[key] = len(self._steps) - 1
        return self._placed[key]


def _read(step: _Step, request: Request, arguments: dict[str, Any]) -> list[Any]:
    """Adds the step's own parameters to its arguments; returns what is wrong with them."""
    errors: list[Any] = []
    for fields, received in step.reads:
        values, found = request_params_to_args(fields, received(request))
        arguments.update(values)
        errors += found
    return errors


def _extra_response() -> Response:
    """What endpoints set headers and status on, as FastAPI makes it."""
    response = Response()
    del response.headers["content-length"]
    response.status_code = None  # type: ignore[assignment]  # FastAPI's way to say "not set"
    return response


def _is_simple(node: Dependant) -> bool:
    """Coroutines and generators that end with the call, asking for nothing the plan does not
    know."""
    return (
        (_is_async_gen_callable(node.call) and node.scope == "function")
        or (
            _is_coroutine_callable(node.call)
            and not _is_gen_callable(node.call)
            and not _is_async_gen_callable(node.call)
        )
    ) and (
        not node.body_params
        and node.concurrency is None
        and node.background_tasks_param_name is None
        and node.http_connection_param_name is None
        and node.security_scopes_param_name is None
        and not node.own_oauth_scopes
        and all(map(_is_simple, node.dependencies))
    )
