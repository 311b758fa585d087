"""The service describes itself completely, where the gateway publishes it."""

import httpx


async def test_description_names_every_route_with_its_errors(http: httpx.AsyncClient) -> None:
    document = (await http.get("/api/ai/openapi.json")).json()

    paths = document["paths"]
    submit = paths["/api/v1/rag/documents"]["post"]
    assert set(submit["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
    assert {"202", "401", "403", "409", "413", "415", "422", "429", "503"} <= set(
        submit["responses"]
    )
    assert {
        "/api/v1/rag/documents",
        "/api/v1/rag/documents/{document_id}",
        "/api/v1/rag/documents/{document_id}/cancel",
        "/api/v1/rag/documents/{document_id}/content",
        "/api/v1/rag/documents/{document_id}/retry",
        "/api/v1/rag/ask",
        "/api/v1/rag/search",
        "/api/v1/rag/uploads",
        "/api/v1/rag/uploads/{upload_id}",
    } <= set(paths)
    for operations in paths.values():
        for operation in operations.values():
            assert operation["summary"]


async def test_summaries_of_documents_are_written_by_hand(http: httpx.AsyncClient) -> None:
    document = (await http.get("/api/ai/openapi.json")).json()

    for path, operations in document["paths"].items():
        if path.startswith("/api/v1/rag/documents"):
            for operation in operations.values():
                derived = operation["operationId"].replace("_", " ").title()
                assert operation["summary"] != derived


async def test_every_reference_resolves(http: httpx.AsyncClient) -> None:
    document = (await http.get("/api/ai/openapi.json")).json()

    schemas = document["components"]["schemas"]
    wanted = {
        part.split('"')[0]
        for part in str(document).replace("'", '"').split("#/components/schemas/")[1:]
    }
    assert wanted <= set(schemas)


async def test_page_for_people_is_served(http: httpx.AsyncClient) -> None:
    page = await http.get("/api/ai/docs")

    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]
