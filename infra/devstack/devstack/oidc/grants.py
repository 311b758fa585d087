"""What the provider remembers: browser sessions, open pages, grants and their tokens.

One SQLite file below the state folder, so that a restart logs nobody out. Secrets are kept as
SHA-256 only. Whatever may happen once (a code, a refresh token, a page) is settled by one
conditional UPDATE or DELETE.
"""

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from devstack.oidc.keys import Clock

_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS sessions (
  cookie_hash TEXT PRIMARY KEY, sid TEXT NOT NULL UNIQUE, username TEXT NOT NULL,
  auth_time REAL NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS pages (
  token_hash TEXT PRIMARY KEY, browser_hash TEXT NOT NULL, purpose TEXT NOT NULL,
  content TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS grants (
  id TEXT PRIMARY KEY, sid TEXT NOT NULL, username TEXT NOT NULL, client_id TEXT NOT NULL,
  scope TEXT NOT NULL, nonce TEXT, auth_time REAL NOT NULL, redirect_uri TEXT NOT NULL,
  code_challenge TEXT NOT NULL, code_hash TEXT NOT NULL UNIQUE, code_expires_at REAL NOT NULL,
  code_used_at REAL, revoked_at REAL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS refresh_tokens (
  token_hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL REFERENCES grants ON DELETE CASCADE,
  expires_at REAL NOT NULL, used_at REAL);
PRAGMA foreign_keys = ON;
"""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody logged in with one browser."""

    sid: str
    username: str
    auth_time: float


@dataclass(frozen=True, slots=True)
class Grant:
    """One consent of one person to one client: a code, and every token that came from it."""

    id: str
    sid: str
    username: str
    client_id: str
    scope: str
    nonce: str | None
    auth_time: float
    redirect_uri: str
    code_challenge: str
    code_expires_at: float
    revoked_at: float | None


@dataclass(frozen=True, slots=True)
class NewGrant:
    """What the authorization endpoint decided."""

    session: Session
    client_id: str
    scope: str
    nonce: str | None
    redirect_uri: str
    code_challenge: str


_GRANT_COLUMNS: Final = ", ".join(f"grants.{name}" for name in Grant.__slots__)


class GrantStore:
    """Owns the file. Every method is one short transaction."""

    def __init__(self, state_dir: Path, *, now: Clock) -> None:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = state_dir / "grants.sqlite3"
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite would make it readable
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_SCHEMA)
        self._now = now

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # Sessions -------------------------------------------------------------------------------

    def open_session(self, username: str, lifetime: float) -> tuple[Session, str]:
        """A new session and the value of its cookie. Never reuses one: no session fixation."""
        now, cookie = self._now(), secrets.token_urlsafe(32)
        session = Session(str(uuid4()), username, now)
        self._db.execute("DELETE FROM sessions WHERE expires_at < ?", (now,))
        self._db.execute(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
            (_hash(cookie), session.sid, username, now, now + lifetime),
        )
        return session, cookie

    def find_session(self, cookie: str) -> Session | None:
        """The session of a cookie, while it lasts."""
        row = self._db.execute(
            "SELECT sid, username, auth_time FROM sessions"
            " WHERE cookie_hash = ? AND expires_at > ?",
            (_hash(cookie), self._now()),
        ).fetchone()
        return Session(*row) if row else None

    def end_session(self, sid: str) -> None:
        """Log out: the session goes, and every grant made in it is revoked."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM sessions WHERE sid = ?", (sid,))
            self._db.execute(
                "UPDATE grants SET revoked_at = ? WHERE sid = ? AND revoked_at IS NULL",
                (self._now(), sid),
            )

    # Pages ----------------------------------------------------------------------------------

    def open_page(
        self, purpose: str, browser: str, content: Mapping[str, str], lifetime: float
    ) -> str:
        """Remember what a form is about; the token it must bring back is bound to the browser."""
        now, token = self._now(), secrets.token_urlsafe(32)
        self._db.execute("DELETE FROM pages WHERE expires_at < ?", (now,))
        self._db.execute(
            "INSERT INTO pages VALUES (?, ?, ?, ?, ?)",
            (_hash(token), _hash(browser), purpose, json.dumps(dict(content)), now + lifetime),
        )
        return token

    def find_page(self, purpose: str, browser: str, token: str) -> dict[str, str] | None:
        """What the form was about; None for a forged, expired, used or borrowed token."""
        row = self._db.execute(
            "SELECT content FROM pages WHERE token_hash = ? AND browser_hash = ? AND purpose = ?"
            " AND expires_at > ?",
            (_hash(token), _hash(browser), purpose, self._now()),
        ).fetchone()
        return dict(json.loads(row[0])) if row else None

    def close_page(self, token: str) -> bool:
        """Use the token up. False when somebody else was faster."""
        return self._changed("DELETE FROM pages WHERE token_hash = ?", _hash(token))

    # Grants ---------------------------------------------------------------------------------

    def authorize(self, new: NewGrant, *, code_lifetime: float, grant_lifetime: float) -> str:
        """Record a grant and return its authorization code."""
        now, code = self._now(), secrets.token_urlsafe(32)
        self._db.execute("DELETE FROM grants WHERE expires_at < ?", (now,))
        self._db.execute(
            "INSERT INTO grants (id, sid, username, client_id, scope, nonce, auth_time,"
            " redirect_uri, code_challenge, code_hash, code_expires_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                str(uuid4()),
                new.session.sid,
                new.session.username,
                new.client_id,
                new.scope,
                new.nonce,
                new.session.auth_time,
                new.redirect_uri,
                new.code_challenge,
                _hash(code),
                now + code_lifetime,
                now + grant_lifetime,
            ),
        )
        return code

    def find_by_code(self, code: str) -> Grant | None:
        """The grant a code was made for, used or not."""
        return self._grant("WHERE code_hash = ?", _hash(code))

    def use_code(self, grant_id: str) -> bool:
        """Use the code up. False when it was used before: then it is in the wrong hands."""
        return self._changed(
            "UPDATE grants SET code_used_at = ? WHERE id = ? AND code_used_at IS NULL",
            self._now(),
            grant_id,
        )

    def find_grant(self, grant_id: str) -> Grant | None:
        """A grant by its id, revoked or not."""
        return self._grant("WHERE id = ?", grant_id)

    def revoke(self, grant_id: str) -> None:
        """End a grant: its refresh tokens stop, its access tokens end at the userinfo endpoint."""
        self._changed(
            "UPDATE grants SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
            self._now(),
            grant_id,
        )

    # Refresh tokens -------------------------------------------------------------------------

    def issue_refresh_token(self, grant_id: str, lifetime: float) -> str:
        """The next refresh token of a grant."""
        now, token = self._now(), secrets.token_urlsafe(48)
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT INTO refresh_tokens (token_hash, grant_id, expires_at) VALUES (?, ?, ?)",
                (_hash(token), grant_id, now + lifetime),
            )
            self._db.execute(
                "UPDATE grants SET expires_at = max(expires_at, ?) WHERE id = ?",
                (now + lifetime, grant_id),
            )
        return token

    def find_by_refresh_token(self, token: str) -> Grant | None:
        """The grant of a refresh token that has not expired, used or not."""
        return self._grant(
            "JOIN refresh_tokens AS r ON r.grant_id = grants.id"
            " WHERE r.token_hash = ? AND r.expires_at > ?",
            _hash(token),
            self._now(),
        )

    def use_refresh_token(self, token: str) -> bool:
        """Use the token up. False when it was used before: a copy of it is around."""
        return self._changed(
            "UPDATE refresh_tokens SET used_at = ? WHERE token_hash = ? AND used_at IS NULL",
            self._now(),
            _hash(token),
        )

    def _grant(self, where: str, *values: str | float) -> Grant | None:
        statement = f"SELECT {_GRANT_COLUMNS} FROM grants {where}"  # noqa: S608 - constants only
        row = self._db.execute(statement, values).fetchone()
        return Grant(*row) if row else None

    def _changed(self, statement: str, *values: str | float) -> bool:
        return self._db.execute(statement, values).rowcount == 1


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
