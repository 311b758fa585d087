"""Development and production follow the same rules, as a real Traefik reads both sets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from infra_files import ROOT, read_yaml
from infra_label_gateway import (
    HOST,
    Traefik,
    compose_labels,
    echoing,
    traefik_on_files,
    traefik_on_labels,
)

SERVICES = ("core-api", "ai-svc")
# On the entry point in development; Coolify's entry points are not ours to configure.
EVERYWHERE = ["from-outside", "security-headers", "per-address"]
ONLY_DEVELOPMENT = {
    "routers": {"development-login", "development-home"},
    "middlewares": {"to-the-docs"},
}
ONLY_PRODUCTION = {
    "routers": {"ai-svc-away", "core-api-away", "to-https"},
    "middlewares": {"as-unavailable", "to-https"},
}
HSTS = {"stsSeconds": 31536000, "stsIncludeSubdomains": True}

Definitions = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traefik]:
    """The rules of services/gateway."""
    variables = {
        "GATEWAY_CORE_API_URLS": "http://127.0.0.1:1",
        "GATEWAY_AI_SVC_URLS": "http://127.0.0.1:2",
        "GATEWAY_OIDC_URL": "http://127.0.0.1:3",
        "GATEWAY_OPERATIONS_PORT": "4",
    }
    with traefik_on_files(variables, tmp_path_factory.mktemp("files") / "traefik.log") as traefik:
        yield traefik


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, int]]:
    """Ports of services that say what reached them."""
    with echoing("core-api") as core_api, echoing("ai-svc") as ai_svc:
        yield {"core-api": core_api, "ai-svc": ai_svc}


@pytest.fixture(scope="module")
def labelled(
    upstreams: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Traefik]:
    """The labels of the production stack."""
    containers = {name: container_labels(name, upstreams) for name in SERVICES}
    log = tmp_path_factory.mktemp("labels") / "traefik.log"
    with traefik_on_labels(containers, log) as traefik:
        yield traefik


def container_labels(service: str, upstreams: dict[str, int], **variables: str) -> dict[str, str]:
    """The labels, with the port our upstream has, and without certificates nobody issues here."""
    labels = {
        name: value
        for name, value in compose_labels(service, variables).items()
        if not name.endswith(".tls.certresolver")
    }
    port = f"traefik.http.services.cogep-{service}.loadbalancer.server.port"
    return labels | {port: str(upstreams[service])}


def of(traefik: Traefik, what: str) -> Definitions:
    """Ours, by their names in development."""
    return {
        name.partition("@")[0].removeprefix("cogep-"): definition
        for name, definition in traefik.loaded(what).items()
        if not name.endswith("@internal")
    }


def plain_names(names: list[str]) -> list[str]:
    return [name.partition("@")[0].removeprefix("cogep-") for name in names]


def bare(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition without what Traefik adds to it."""
    added = {"name", "provider", "status", "usedBy", "type"}
    return {key: value for key, value in definition.items() if key not in added}


def test_both_sets_are_free_of_errors(gateway: Traefik, labelled: Traefik) -> None:
    for traefik in (gateway, labelled):
        for what in ("routers", "middlewares", "services"):
            states = {name: each["status"] for name, each in traefik.loaded(what).items()}
            assert set(states.values()) == {"enabled"}, states


def test_both_sets_name_the_same_routers(gateway: Traefik, labelled: Traefik) -> None:
    development, production = of(gateway, "routers"), of(labelled, "routers")

    assert set(production) - ONLY_PRODUCTION["routers"] == (
        set(development) - ONLY_DEVELOPMENT["routers"]
    )


def test_every_router_has_the_same_rule_for_our_host_only(
    gateway: Traefik, labelled: Traefik
) -> None:
    production = of(labelled, "routers")

    for name, router in of(gateway, "routers").items():
        if name not in ONLY_DEVELOPMENT["routers"]:
            assert production[name]["rule"] == f"Host(`{HOST}`) && ({router['rule']})"
            assert production[name]["priority"] == router["priority"]


def test_every_router_passes_through_the_same_middlewares(
    gateway: Traefik, labelled: Traefik
) -> None:
    production = of(labelled, "routers")

    for name, router in of(gateway, "routers").items():
        if name not in ONLY_DEVELOPMENT["routers"]:
            expected = [*EVERYWHERE, *plain_names(router.get("middlewares", []))]
            assert plain_names(production[name]["middlewares"]) == expected, name
            assert plain_names([production[name]["service"]]) == plain_names([router["service"]])


def test_the_entry_point_of_development_uses_the_same_three() -> None:
    static = read_yaml(ROOT / "services" / "gateway" / "traefik.yml")

    web = static["entryPoints"]["web"]

    assert plain_names(web["http"]["middlewares"]) == EVERYWHERE


def test_every_middleware_says_the_same(gateway: Traefik, labelled: Traefik) -> None:
    development, production = of(gateway, "middlewares"), of(labelled, "middlewares")

    assert set(production) - ONLY_PRODUCTION["middlewares"] == (
        set(development) - ONLY_DEVELOPMENT["middlewares"]
    )
    for name in set(development) - ONLY_DEVELOPMENT["middlewares"]:
        ours, theirs = bare(production[name]), bare(development[name])
        for definition in (ours, theirs):
            if "errors" in definition:  # the other service in development, a replica in production
                definition["errors"].pop("service")
        if name == "security-headers":
            assert {key: ours["headers"].pop(key) for key in HSTS} == HSTS
        assert ours == theirs, name


def test_services_are_watched_the_same_way(gateway: Traefik, labelled: Traefik) -> None:
    development, production = of(gateway, "services"), of(labelled, "services")

    for name in SERVICES:
        ours = production[name]["loadBalancer"]
        theirs = development[f"{name}-replicas"]["loadBalancer"]
        assert ours["healthCheck"] == theirs["healthCheck"]
        assert ours["responseForwarding"] == theirs["responseForwarding"]


def test_every_public_router_is_encrypted() -> None:
    labels = {key: value for name in SERVICES for key, value in compose_labels(name).items()}
    rules = [key.removesuffix(".rule") for key in labels if key.endswith(".rule")]

    for router in rules:
        if router.endswith(".cogep-to-https"):
            assert labels[f"{router}.entrypoints"] == "http"
        else:
            assert labels[f"{router}.entrypoints"] == "https"
            assert labels[f"{router}.tls.certresolver"] == "letsencrypt"


async def ask(traefik: Traefik, path: str, method: str = "GET", **request: Any) -> httpx.Response:
    headers = {"Host": HOST, **request.pop("headers", {})}
    async with httpx.AsyncClient(base_url=traefik.url) as http:
        return await http.request(method, path, headers=headers, **request)


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/v1/clients", "core-api"),
        ("/api/clients", "core-api"),
        ("/api/v1/ragtime", "core-api"),
        ("/api/v1/rag/ask", "ai-svc"),
        ("/api/rag/ask", "ai-svc"),
        ("/api/v1/chat/conversations", "ai-svc"),
        ("/api/ai/openapi.json", "ai-svc"),
    ],
)
async def test_requests_reach_their_service(labelled: Traefik, path: str, service: str) -> None:
    assert (await ask(labelled, path)).json()["service"] == service


@pytest.mark.parametrize(
    "path", ["/internal/v1/maintenance/prune", "/metrics", "/health", "/auth/x"]
)
async def test_what_is_not_public_is_not_found(labelled: Traefik, path: str) -> None:
    answer = await ask(labelled, path)

    assert answer.status_code == 404
    assert answer.json()["path"] == "/nothing-here"


async def test_another_host_is_not_ours(labelled: Traefik) -> None:
    answer = await ask(labelled, "/api/v1/clients", headers={"Host": "other.example.org"})

    assert answer.text == "404 page not found\n"


async def test_internal_headers_never_pass(labelled: Traefik) -> None:
    forged = {"X-Internal-Key": "k", "X-Source-Service": "worker-svc", "Forwarded": "for=1.2.3.4"}

    seen = (await ask(labelled, "/api/v1/clients", headers=forged)).json()["headers"]

    assert {"x-internal-key", "x-source-service", "forwarded"} & set(seen) == set()


async def test_answers_carry_the_security_headers(labelled: Traefik) -> None:
    headers = (await ask(labelled, "/api/v1/clients")).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["permissions-policy"] == "camera=(), microphone=(), geolocation=()"
    assert "server" not in headers


async def test_a_body_over_the_limit_is_refused(upstreams: dict[str, int], tmp_path: Path) -> None:
    labels = container_labels("core-api", upstreams, GATEWAY_MAX_BODY_BYTES="1000")

    with traefik_on_labels({"core-api": labels}, tmp_path / "traefik.log") as traefik:
        fits = await ask(traefik, "/api/v1/clients", "POST", content=b"x" * 1000)
        refused = await ask(traefik, "/api/v1/clients", "POST", content=b"x" * 1001)

    assert (fits.status_code, refused.status_code) == (200, 413)


@pytest.mark.parametrize(
    ("alone", "own", "others"),
    [
        ("core-api", "/api/v1/clients", "/api/v1/rag/documents"),
        ("ai-svc", "/api/v1/rag/documents", "/api/v1/clients"),
    ],
)
async def test_a_service_works_without_the_other_and_speaks_for_it(
    upstreams: dict[str, int], tmp_path: Path, alone: str, own: str, others: str
) -> None:
    containers = {alone: container_labels(alone, upstreams)}

    with traefik_on_labels(containers, tmp_path / "traefik.log") as traefik:
        mine = [await ask(traefik, own), await ask(traefik, own, "POST", json={})]
        theirs = [await ask(traefik, others), await ask(traefik, others, "POST", json={})]

    assert [answer.status_code for answer in mine] == [200, 200]
    assert [answer.status_code for answer in theirs] == [503, 503]
    assert {answer.json()["path"] for answer in theirs} == {"/gateway-errors/503"}


async def test_too_many_requests_of_one_address_are_refused(
    upstreams: dict[str, int], tmp_path: Path
) -> None:
    strict = {"GATEWAY_RATE_AVERAGE": "1", "GATEWAY_RATE_BURST": "2"}
    limited = container_labels("core-api", upstreams, **strict)

    with traefik_on_labels({"core-api": limited}, tmp_path / "traefik.log") as traefik:
        statuses = [(await ask(traefik, "/api/v1/clients")).status_code for _ in range(4)]

    assert statuses[:2] == [200, 200]
    assert 429 in statuses
