"""The receipt of an erasure: what was erased where, how many, what was kept and on which ground.

Ids, names of stores, counts and times; nothing about the person. Signed with Ed25519 (RFC 8032)
over canonical JSON: `cogep privacy verify` checks it without the system.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from core_api.anchoring import Signer
from core_api.chain import moment
from core_api.erasure_stores import ERASURE_STORES_IN_ORDER
from core_api.modules.erasure.models import Erasure, ErasurePart
from shared_schemas.privacy import StoreAction

KIND: Final = "erasure.receipt"
VERSION: Final = 1


def signed_receipt(
    signer: Signer, erasure: Erasure, parts: Sequence[ErasurePart]
) -> dict[str, Any]:
    """`head` is what was signed, to the letter; `statement` is the same, to be read."""
    fields = {
        "kind": KIND,
        "version": VERSION,
        "organization_id": erasure.organization_id,
        "privacy_request_id": erasure.privacy_request_id,
        "erasure_id": erasure.id,
        "client_id": erasure.client_id,
        "mode": erasure.mode,
        "begun_at": erasure.created_at,
        "services": [_said(part) for part in parts],
        "grounds": _grounds(parts),
    }
    outer = json.loads(signer.signed(fields))
    return {"statement": json.loads(outer["head"]), **outer}


def _said(part: ErasurePart) -> dict[str, Any]:
    return {
        "service": part.service,
        "erased": dict(sorted(part.erased.items())),
        "kept": dict(sorted(part.kept.items())),
        "completed_at": moment(part.done_at) if part.done_at else None,
    }


def _grounds(parts: Sequence[ErasurePart]) -> dict[str, str]:
    """Of what core-api keeps; other services say theirs in the preview."""
    kept = {name for part in parts for name, count in part.kept.items() if count}
    return {
        store.name: store.ground
        for store in ERASURE_STORES_IN_ORDER
        if store.action is StoreAction.KEEP and store.ground and store.name in kept
    }
