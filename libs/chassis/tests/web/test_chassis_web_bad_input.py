"""Bad input: the right status, a code, and a message a person understands."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from chassis.web.validation_messages import details_of

NOTES = "/api/v1/notes"
JSON = {"content-type": "application/json"}


def _only_detail(answer: httpx.Response) -> tuple[str, str]:
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "VALIDATION_ERROR"), body
    assert body["message"] == "Há dados inválidos. Confira os campos indicados."
    assert len(body["details"]) == 1, body
    return body["details"][0]["field"], body["details"][0]["message"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"text": "x"}, ("body.slug", "Campo obrigatório.")),
        (
            {"slug": "a", "text": "x", "admin": True},
            ("body.admin", "Campo desconhecido. Confira o nome."),
        ),
        ({"slug": 1, "text": "x"}, ("body.slug", "Deve ser um texto.")),
        ({"slug": "", "text": "x"}, ("body.slug", "Deve ter pelo menos 1 caractere.")),
        ({"slug": "a" * 51, "text": "x"}, ("body.slug", "Deve ter no máximo 50 caracteres.")),
        ({"slug": "a b", "text": "x"}, ("body.slug", "O nome não pode ter espaços.")),
        (
            {"slug": "a", "text": "x", "parent_id": "7"},
            ("body.parent_id", "Identificador inválido: informe um UUID."),
        ),
        ({"slug": "a", "text": "x", "tags": "b"}, ("body.tags", "Deve ser uma lista.")),
        ({"slug": "a", "text": "x", "tags": [1]}, ("body.tags.0", "Deve ser um texto.")),
        ([], ("body", "Deve ser um objeto.")),
        ("text", ("body", "Deve ser um objeto.")),
    ],
)
async def test_validation_messages(
    web: httpx.AsyncClient, ana: dict[str, str], body: Any, expected: tuple[str, str]
) -> None:
    assert _only_detail(await web.post(NOTES, headers=ana, json=body)) == expected


@pytest.mark.parametrize("content", [b"{", b"{'a': 1}", b'{"slug": "\n"}', b"\xff\xfe", b"nul"])
async def test_malformed_json(web: httpx.AsyncClient, ana: dict[str, str], content: bytes) -> None:
    answer = await web.post(NOTES, headers=ana | JSON, content=content)
    assert answer.status_code in {400, 422}
    assert "JSON" in answer.text or "corpo" in answer.text


async def test_malformed_json_names_the_body(web: httpx.AsyncClient, ana: dict[str, str]) -> None:
    answer = await web.post(NOTES, headers=ana | JSON, content=b'{"slug": ')
    assert _only_detail(answer) == ("body", "JSON malformado.")


async def test_json_as_deep_as_a_well(web: httpx.AsyncClient, ana: dict[str, str]) -> None:
    answer = await web.post(NOTES, headers=ana | JSON, content=b"[" * 200_000)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Não foi possível ler a requisição")


async def test_empty_body(web: httpx.AsyncClient, ana: dict[str, str]) -> None:
    answer = await web.post(NOTES, headers=ana | JSON, content=b"")
    assert _only_detail(answer) == ("body", "Campo obrigatório.")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_body_that_is_not_json_is_415(
    web: httpx.AsyncClient, ana: dict[str, str], content_type: str
) -> None:
    headers = ana | {"content-type": content_type}
    answer = await web.post(NOTES, headers=headers, content=b'{"slug": "a", "text": "b"}')
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b'{"slug": "a\\u0000", "text": "b"}', "body.slug"),
        (b'{"slug": "a", "text": "b", "tags": ["x", "y\\u0000"]}', "body.tags.1"),
        (b'{"slug": "a", "text": "b", "\\u0000": 1}', "body"),
        (b'{"slug": "a", "text": "\\ud800"}', "body.text"),
        (b'{"slug": "a", "text": "\\uDC00x"}', "body.text"),
    ],
)
async def test_text_that_cannot_be_stored(
    web: httpx.AsyncClient, ana: dict[str, str], content: bytes, field: str
) -> None:
    answer = await web.post(NOTES, headers=ana | JSON, content=content)
    assert _only_detail(answer)[0] == field


async def test_escapes_that_spell_harmless_text_are_accepted(
    web: httpx.AsyncClient, ana: dict[str, str], clean_notes: None
) -> None:
    text = "\\u0000 is how NUL is written, 😀 is a pair"
    content = json.dumps({"slug": "harmless", "text": text}).encode()
    assert b"\\u0000" in content
    assert b"\\ud83d" in content
    answer = await web.post(NOTES, headers=ana | JSON, content=content)
    assert answer.status_code == 201
    assert answer.json()["data"]["text"] == text


@pytest.mark.parametrize(
    "url", ["/api/v1/search?q=a%00b", "/api/v1/search?%00=a", "/api/v1/notes/%00", "/%00"]
)
async def test_nul_in_path_or_query(web: httpx.AsyncClient, ana: dict[str, str], url: str) -> None:
    answer = await web.get(url, headers=ana)
    assert _only_detail(answer)[0] in {"path", "query"}


async def test_nul_that_reaches_the_database_is_still_422(
    web: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    answer = await web.post("/api/v1/failures/nul", headers=ana)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


async def test_invalid_uuid_in_path(web: httpx.AsyncClient, ana: dict[str, str]) -> None:
    answer = await web.get(f"{NOTES}/123", headers=ana)
    assert _only_detail(answer) == ("path.note_id", "Identificador inválido: informe um UUID.")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!!",
        "e30",
        "W10",
        "WzFd" * 300,
        quote("é"),
        "WyJhIiwiYiJd",
        "W3t9XQ",
        "bnVsbA",
        "WyJcdTAwMDAiXQ",
    ],
)
async def test_cursor_garbage(web: httpx.AsyncClient, ana: dict[str, str], cursor: str) -> None:
    answer = await web.get(f"{NOTES}?cursor={cursor}", headers=ana)
    assert _only_detail(answer)[0] == "query.cursor"


@pytest.mark.parametrize("limit", ["0", "-1", "101", "ten", "1e2", "99999999999999999999"])
async def test_limit_out_of_range(web: httpx.AsyncClient, ana: dict[str, str], limit: str) -> None:
    answer = await web.get(NOTES, params={"limit": limit}, headers=ana)
    assert _only_detail(answer)[0] == "query.limit"


async def test_values_are_never_repeated(web: httpx.AsyncClient, ana: dict[str, str]) -> None:
    body = {"slug": 529982247, "text": ["529.982.247-25"], "parent_id": "529.982.247-25"}
    answer = await web.post(NOTES, headers=ana, json=body)
    assert answer.status_code == 422
    said = answer.json()
    said.pop("request_id")  # random digits
    assert "529" not in str(said)


async def test_number_of_details_is_bounded(web: httpx.AsyncClient, ana: dict[str, str]) -> None:
    answer = await web.post(NOTES, headers=ana, json={"slug": "a", "text": "b", "tags": [1] * 900})
    assert len(answer.json()["details"]) == 50


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "NOT_FOUND"),
        ("GET", "/", 404, "NOT_FOUND"),
        ("PUT", NOTES, 405, "METHOD_NOT_ALLOWED"),
        ("BREW", NOTES, 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_what_the_framework_refuses_has_our_body(
    web: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await web.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_megabyte_of_headers(web: httpx.AsyncClient, ana: dict[str, str]) -> None:
    answer = await web.get(NOTES, headers=ana | {"x-large": "x" * 1_000_000})
    assert answer.status_code == 431
    assert answer.json()["message"] == "Os cabeçalhos da requisição são grandes demais."


async def test_announced_body_too_large(web: httpx.AsyncClient, ana: dict[str, str]) -> None:
    answer = await web.post(NOTES, headers=ana | JSON, content=b"x" * 1_048_577)
    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_unannounced_body_too_large(web: httpx.AsyncClient, ana: dict[str, str]) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b"x" * 100_000

    answer = await web.post(NOTES, headers=ana | JSON, content=pieces())
    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(("size", "status"), [(2_900_000, 201), (3_100_000, 413)])
async def test_route_may_allow_larger_bodies(
    web: httpx.AsyncClient, ana: dict[str, str], size: int, status: int
) -> None:
    answer = await web.post("/api/v1/uploads", headers=ana, files={"file": b"x" * size})
    assert answer.status_code == status


@pytest.mark.parametrize("length", ["-1", "1e3", "abc", "١"])
async def test_length_that_is_no_number(
    web: httpx.AsyncClient, ana: dict[str, str], length: str
) -> None:
    headers = {**ana, **JSON, "content-length": length}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await web.post(NOTES, headers=encoded, content=b"{}")
    assert answer.status_code == 400


def test_message_of_a_type_nobody_foresaw_is_still_portuguese() -> None:
    [detail] = details_of([{"type": "is_instance_of", "loc": ("body",), "msg": "Input should be"}])
    assert detail.message == "Valor inválido."
