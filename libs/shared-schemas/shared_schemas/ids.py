"""Identifiers: UUIDv7 values and the types that keep them from being mixed up."""

from typing import NewType
from uuid import UUID

from uuid_utils.compat import uuid7

OrganizationId = NewType("OrganizationId", UUID)
"""A tenant. Built from a verified token or a decoded event, and nowhere else."""

UserId = NewType("UserId", UUID)
"""A person, as the OpenID provider knows them (claim `sub`)."""


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): sorts by creation time, so it is kind to B-trees and cursors."""
    return uuid7()
