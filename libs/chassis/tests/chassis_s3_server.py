"""The part of S3's protocol that the storage uses, in memory, path-style."""

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_STAMP = "2026-01-02T03:04:05.000Z"


@dataclass
class S3Server:
    """One bucket. `requests` are method and path; `signed` whether each bore a signature."""

    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    signed: list[bool] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """On a free loopback port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        url = urlsplit(target)
        key = unquote(url.path).removeprefix("/bucket").lstrip("/")
        self.requests.append(f"{method} {key}")
        self.heads.append(head)
        self.signed.append("AWS4-HMAC-SHA256" in head)
        query = {name: values[0] for name, values in parse_qs(url.query, True).items()}
        status, answer = self._answer(method, key, query, body)
        writer.write(
            f'HTTP/1.1 {status} X\r\ncontent-length: {len(answer)}\r\netag: "e"\r\n'
            f"last-modified: Fri, 02 Jan 2026 03:04:05 GMT\r\nconnection: close\r\n\r\n".encode()
            + (b"" if method == "HEAD" else answer)
        )
        await writer.drain()
        writer.close()

    def _answer(
        self, method: str, key: str, query: dict[str, str], body: bytes
    ) -> tuple[int, bytes]:
        match method:
            case "PUT" if "uploadId" in query:
                self.uploads[query["uploadId"]][int(query["partNumber"])] = body
            case "PUT":
                self.objects[key] = body
            case "POST" if "uploads" in query:
                self.uploads["u1"] = {}
                return 200, b"<R><Bucket>bucket</Bucket><UploadId>u1</UploadId></R>"
            case "POST" if "uploadId" in query:
                parts = self.uploads.pop(query["uploadId"])
                self.objects[key] = b"".join(parts[number] for number in sorted(parts))
                return 200, b"<R><ETag>e</ETag></R>"
            case "POST":  # delete many
                names = re.findall(r"<Key>(.*?)</Key>", body.decode())
                for name in names:
                    self.objects.pop(name, None)
                gone = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
                return 200, f"<DeleteResult>{gone}</DeleteResult>".encode()
            case "DELETE" if "uploadId" in query:
                self.uploads.pop(query["uploadId"], None)
            case "GET" if not key:
                return 200, self._listing(query.get("prefix", ""))
            case "GET" | "HEAD":
                found = self.objects.get(key)
                return (200, found) if found is not None else (404, b"")
        return 200, b""

    def _listing(self, prefix: str) -> bytes:
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{_STAMP}</LastModified>"
            f"<ETag>{hashlib.md5(body, usedforsecurity=False).hexdigest()}</ETag>"
            f"<Size>{len(body)}</Size></Contents>"
            for key, body in self.objects.items()
            if key.startswith(prefix)
        )
        return f"<ListBucketResult>{entries}</ListBucketResult>".encode()
