"""Whatever fits the OpenAPI documents, and much that does not, is answered without a 5xx."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from system_stack import Stack

from devstack.checkout import ROOT

pytestmark = pytest.mark.stack

# They end when their reader does.
STREAMS = r"/(events|stream)$"
EXAMPLES = 12
SEED = 20


@pytest.mark.timeout(420)
@pytest.mark.parametrize("service", ["ai-svc", "core-api"])
async def test_no_request_makes_a_service_fail(stack: Stack, service: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        str(ROOT / ".docs" / "openapi" / f"{service}.json"),
        *("--url", stack.url, "--header", f"Authorization: Bearer {await stack.token('ana')}"),
        *("--checks", "not_a_server_error", "--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(EXAMPLES), "--seed", str(SEED), "--no-shrink"),
        *("--continue-on-failure", "--warnings", "off", "--no-color"),
        *("--request-timeout", "20", "--exclude-path-regex", STREAMS),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=stack.settings.state,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent),
            "SCHEMATHESIS_HOOKS": "api_fuzz_hooks",
        },
    )
    output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()[-6000:]
