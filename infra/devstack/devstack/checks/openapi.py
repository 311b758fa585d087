"""The committed OpenAPI documents: written by `make openapi`, compared by `make check`."""

import base64
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from devstack.checkout import ROOT
from devstack.generated_secrets import GeneratedSecrets
from devstack.servers.postgres import Passwords
from devstack.settings import settings_from
from devstack.topology import build_topology

_FOLDER = ROOT / ".docs" / "openapi"
_APPLICATIONS = {"core-api": "core_api.main", "ai-svc": "ai_svc.main"}


def documents() -> dict[Path, str]:
    """File → content, from applications that are composed but never started."""
    _pretend_environment()
    return {
        _FOLDER / f"{name}.json": _document(import_module(module))
        for name, module in _APPLICATIONS.items()
    }


def _document(module: Any) -> str:
    schema = module.create_app().openapi()
    schema["info"]["version"] = "0.0.0"  # a release is no drift
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _pretend_environment() -> None:
    """Everything the settings ask for; nothing is connected to."""
    settings = settings_from({"COGEP_STATE_DIR": str(ROOT / ".cogep")})
    keys = dict.fromkeys(("core-api", "ai-svc", "worker-svc"), "not-a-key-just-long-enough")
    sealing = (base64.b64encode(bytes(32)).decode(), base64.b64encode(bytes(31) + b"1").decode())
    secrets = GeneratedSecrets(Passwords.generate(), keys, *sealing)
    topology = build_topology(settings, secrets)
    for service in (topology.ai_svc, topology.core_api):
        os.environ.update(service.environment())


def main() -> int:
    """`--check` compares, otherwise the documents are written."""
    check = "--check" in sys.argv[1:]
    drifted = []
    for file, content in documents().items():
        if file.exists() and file.read_text() == content:
            continue
        drifted.append(str(file.relative_to(ROOT)))
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
    if check and drifted:
        print(f"{', '.join(drifted)}: not what the code says; make openapi", file=sys.stderr)
        return 1
    for name in drifted:
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
