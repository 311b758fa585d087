"""The load generator sends what it is told, counts what comes back, and refuses surprises."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bench.load import Plan, Request, UnexpectedAnswers, send


class _Server:
    """Answers every second path with 200, `/broken` with 500, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.bodies: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            path = head.split(" ")[1]
            length = next(
                (int(line[16:]) for line in head.split("\r\n") if line[:15] == "Content-Length:"), 0
            )
            self.bodies.append(await reader.readexactly(length))
            self.asked.append(path)
            status = "500 Broken" if path == "/broken" else "200 OK"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        writer.close()


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return ""


@asynccontextmanager
async def _listening() -> AsyncIterator[tuple[_Server, int]]:
    server = _Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        yield server, listening.sockets[0].getsockname()[1]


async def test_requests_go_out_in_turn_until_the_count_is_used_up() -> None:
    requests = [Request("GET", "/a", {}), Request("POST", "/b", {}, body="olá")]
    async with _listening() as (server, port):
        seen = await send(Plan(port=port, requests=requests, connections=2, seconds=10, count=7))
    assert seen.count == 7
    assert sorted(server.asked) == ["/a"] * 4 + ["/b"] * 3
    assert set(server.bodies) == {b"", "olá".encode()}
    assert seen.latencies_ms["p50"] <= seen.latencies_ms["max"]


async def test_an_unexpected_answer_spoils_the_measurement() -> None:
    requests = [Request("GET", "/a", {}), Request("GET", "/broken", {})]
    async with _listening() as (_, port):
        with pytest.raises(UnexpectedAnswers, match="500"):
            await send(Plan(port=port, requests=requests, connections=1, seconds=10, count=4))
