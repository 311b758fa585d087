"""The service behind a real port, for clients that are not ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Its address meanwhile. The app is open already, and stays so."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    port = socket.getsockname()[1]
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    try:
        yield f"http://localhost:{port}"
    finally:
        server.should_exit = True
        await serving
