"""Planned routes answer exactly what FastAPI would, and only simple routes are planned."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import httpx
import pytest
from chassis_web_sample import keyed, router, sample_app, started
from fastapi import APIRouter, BackgroundTasks, Cookie, Depends, FastAPI, Header, Query, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request

from chassis.settings import ServiceAppSettings
from chassis.web.errors import Conflict
from chassis.web.plan import Plan

calls: list[str] = []
planned = APIRouter()


class Answer(BaseModel):
    """What the routes return."""

    text: str
    empty: str | None = None


async def shared() -> str:
    calls.append("shared")
    return "shared"


async def left(shared: Annotated[str, Depends(shared)], size: int) -> str:
    calls.append("left")
    return f"{shared}-{size}"


async def right(shared: Annotated[str, Depends(shared)], x_word: Annotated[str, Header()]) -> str:
    calls.append("right")
    return f"{shared}-{x_word}"


async def fresh(request: Request) -> str:
    calls.append("fresh")
    return request.method


@planned.get("/planned/{number}", status_code=203)
async def everything(
    number: int,
    left: Annotated[str, Depends(left)],
    right: Annotated[str, Depends(right)],
    first: Annotated[str, Depends(fresh, use_cache=False)],
    second: Annotated[str, Depends(fresh, use_cache=False)],
    response: Response,
    tags: Annotated[list[str] | None, Query()] = None,
    crumb: Annotated[str, Cookie()] = "none",
) -> Answer:
    calls.append("endpoint")
    response.headers["x-extra"] = "yes"
    response.set_cookie("seen", "1")
    return Answer(text=" ".join([str(number), left, right, first, second, str(tags), crumb]))


@planned.get("/planned-lean", response_model_exclude_none=True)
async def lean() -> Answer:
    return Answer(text="x")


@planned.get("/planned-status")
async def status(response: Response) -> Answer:
    response.status_code = 202
    return Answer(text="x")


@planned.get("/planned-own")
async def own() -> Answer:
    return Response("own", media_type="text/plain")  # type: ignore[return-value]  # FastAPI lets it through


@planned.get("/planned-wrong")
async def wrong() -> Answer:
    return {"unexpected": 1}  # type: ignore[return-value]  # what must not pass


@planned.get("/planned-union")
async def union() -> Answer | None:
    return None


async def opened(shared: Annotated[str, Depends(shared)], late: bool = False) -> AsyncIterator[str]:
    calls.append("opened")
    try:
        yield f"opened {shared}"
    except BaseException as error:
        calls.append(type(error).__name__)
        raise
    finally:
        calls.append("closed")
    if late:
        raise Conflict


async def inner(opened: Annotated[str, Depends(opened, scope="function")]) -> AsyncIterator[str]:
    calls.append("inner")
    yield f"inner {opened}"
    calls.append("inner closed")


@planned.post("/planned-opened", status_code=202)
async def with_generators(
    inner: Annotated[str, Depends(inner, scope="function")], request: Request, fail: bool = False
) -> Answer:
    calls.append("endpoint")
    if fail:
        raise Conflict
    return Answer(text=f"{inner} {(await request.body()).decode()}")


@planned.get("/swallowed/{word}/end")
async def end(word: str) -> Answer:
    return Answer(text=f"end of {word}")


@planned.get("/swallowed/{word:path}")
async def swallowed(word: str) -> Answer:
    return Answer(text=f"swallowed {word}")


@planned.get("/swallowed/{first}/{second}")
async def never(first: str, second: str) -> Answer:
    return Answer(text=f"never {first} {second}")


@pytest.fixture(scope="module")
def app(web_settings: ServiceAppSettings) -> FastAPI:
    return sample_app(web_settings, routers=[planned])


@pytest.fixture(scope="module")
async def client(app: FastAPI, web: httpx.AsyncClient) -> Any:
    async with started(app) as client:
        yield client


GOOD = {"params": {"size": "3", "tags": ["a", "b"]}, "headers": {"x-word": "w"}}


async def without_plan(app: FastAPI, ask: Callable[[], Awaitable[Any]]) -> Any:
    """The same, FastAPI's way: overridden dependencies are its business."""
    app.dependency_overrides[object] = object
    try:
        return await ask()
    finally:
        app.dependency_overrides.clear()


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/planned/7", GOOD),
        ("/planned/7", {**GOOD, "headers": {"x-word": "w", "cookie": "crumb=c"}}),
        ("/planned/seven", GOOD),
        ("/planned/7", {"params": {"size": "three"}, "headers": {"x-word": "w"}}),
        ("/planned/7", {"params": {"size": "3"}}),
        ("/planned/seven", {}),
        ("/planned-lean", {}),
        ("/planned-status", {}),
        ("/planned-own", {}),
        ("/planned-wrong", {}),
        ("/planned-union", {}),
    ],
)
async def test_plan_and_framework_agree(
    app: FastAPI, client: httpx.AsyncClient, path: str, given: dict[str, Any]
) -> None:
    async def ask() -> tuple[Any, ...]:
        calls.clear()
        client.cookies.clear()
        answer = await client.get(f"/api/v1{path}", **given)
        names = ("content-type", "content-length", "x-extra", "set-cookie")
        body = answer.text.replace(answer.headers["x-request-id"], "")
        return answer.status_code, body, [answer.headers.get(n) for n in names], sorted(calls)

    assert await ask() == await without_plan(app, ask)


@pytest.mark.parametrize(
    "query", ["", "?fail=true", "?late=true", "?late=perhaps", "?fail=perhaps"]
)
async def test_plan_and_framework_open_and_close_alike(
    app: FastAPI, client: httpx.AsyncClient, query: str
) -> None:
    async def ask() -> tuple[Any, ...]:
        calls.clear()
        answer = await client.post(f"/api/v1/planned-opened{query}", content=b"body")
        body = answer.text.replace(answer.headers["x-request-id"], "")
        return answer.status_code, body, list(calls)

    assert await ask() == await without_plan(app, ask)


async def test_what_was_opened_is_closed_before_the_answer_leaves(
    client: httpx.AsyncClient,
) -> None:
    calls.clear()
    answer = await client.post("/api/v1/planned-opened", content=b"body")
    assert (answer.status_code, answer.json()["text"]) == (202, "inner opened shared body")
    assert calls == ["shared", "opened", "inner", "endpoint", "inner closed", "closed"]
    late = await client.post("/api/v1/planned-opened?late=true")
    assert late.status_code == 409  # what fails at the end, a commit, is never answered 2xx


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("one/end", "end of one"),
        ("one/two", "swallowed one/two"),
        ("one/two/three", "swallowed one/two/three"),
        ("one", "swallowed one"),
    ],
)
async def test_parameter_that_swallows_slashes_takes_its_turn(
    client: httpx.AsyncClient, path: str, text: str
) -> None:
    answer = await client.get(f"/api/v1/swallowed/{path}")
    assert answer.json()["text"] == text


async def test_shared_dependency_is_called_once_per_request(client: httpx.AsyncClient) -> None:
    calls.clear()
    await client.get("/api/v1/planned/7", params={"size": 1}, headers={"x-word": "w"})
    assert calls == ["shared", "left", "right", "fresh", "fresh", "endpoint"]


def _plan_of(endpoint: Any, **options: Any) -> Plan | None:
    return Plan.of(APIRoute("/x", endpoint, **options))


async def _generator() -> Any:
    yield 1


def _synchronous() -> int:
    return 1


async def _takes_body(body: Answer) -> Answer:
    return body


async def _takes_generator(value: Annotated[int, Depends(_generator)]) -> Answer:
    return Answer(text=str(value))


async def _takes_synchronous(value: Annotated[int, Depends(_synchronous)]) -> Answer:
    return Answer(text=str(value))


async def _takes_tasks(tasks: BackgroundTasks) -> Answer:
    return Answer(text=str(tasks))


def _plain_function() -> Answer:
    return Answer(text="x")


async def _returns_nothing() -> None:
    return None


@pytest.mark.parametrize(
    "endpoint",
    [_takes_body, _takes_generator, _takes_synchronous, _takes_tasks, _plain_function],
)
def test_route_that_is_not_simple_has_no_plan(endpoint: Any) -> None:
    assert _plan_of(endpoint) is None


def test_route_without_content_has_no_plan() -> None:
    assert _plan_of(_returns_nothing, status_code=204) is None


def test_routes_with_a_transaction_are_planned_unless_the_framework_reads_their_body() -> None:
    plans = {
        (route.path, method): Plan.of(route)
        for route in [*router.routes, *keyed.routes]
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert plans["/notes/{note_id}", "GET"] is not None
    assert plans["/notes/{note_id}/quickly", "GET"] is not None
    assert plans["/plain", "GET"] is not None
    assert plans["/notes", "POST"] is None
