"""A provider of embeddings on the loopback interface: it gives known texts their vectors."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def running_provider(vectors: Mapping[str, list[float]]) -> Iterator[str]:
    """Speaks OpenAI's protocol; yields its address, as in OPENAI_BASE_URL. Bodies are made once."""
    answers = {
        text: json.dumps({"data": [{"index": 0, "embedding": vector}]}).encode()
        for text, vector in vectors.items()
    }

    class Embeddings(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept, as a provider does
        disable_nagle_algorithm = True  # or a body waits for its head to be acknowledged: 40 ms

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = answers[body["input"][0]]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Nothing: the table is the output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
