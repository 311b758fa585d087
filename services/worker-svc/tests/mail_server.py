"""A mail server for tests: speaks SMTP over a real socket, and misbehaves as it is told."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

_LONGEST = 2**20


@dataclass
class Received:
    """A mail as it came: its envelope, and what is in it."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """Read as who gets it reads it."""
        parsed = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def text(self) -> str:
        """What it says."""
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """What it was given, and what it says to each command: the next of `says[verb]`, else yes."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)
    says: dict[str, list[str]] = field(default_factory=dict)
    logins: list[str] = field(default_factory=list)
    connections: int = 0
    on_accept: Callable[[], None] | None = None
    hangs_at: str | None = None
    """At this command it says nothing, until the other side is gone."""
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    """It does so now."""
    drops_after: str | None = None
    """After its answer to this command it hangs up."""
    _encrypted: bool = False

    def answer(self, verb: str, usual: str) -> str:
        """The line for a command."""
        waiting = self.says.get(verb)
        return waiting.pop(0) if waiting else usual


class _Talk:
    def __init__(
        self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.sender, self.recipients = "", list[str]()

    async def say(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self.writer.drain()

    async def run(self) -> None:
        await self.say(self.server.answer("CONNECT", "220 mail.test ESMTP"))
        while line := await self.reader.readline():
            command = line.decode().strip()
            verb = command.upper().partition(" ")[0].partition(":")[0]
            if verb == self.server.hangs_at:
                self.server.hanging.set()
                await self.reader.read()  # until they give up
                return
            if await self._obeyed(verb, command) or verb == self.server.drops_after:
                return

    async def _obeyed(self, verb: str, command: str) -> bool:
        """Whether the talk is over."""
        server = self.server
        if verb == "EHLO":
            extensions = ["SIZE 1000000", "8BITMIME", "AUTH PLAIN"]
            if server.tls is not None and not server._encrypted:
                extensions.append("STARTTLS")
            lines = [*(f"250-{each}" for each in ["mail.test", *extensions[:-1]])]
            await self.say(*lines, f"250 {extensions[-1]}")
        elif verb == "STARTTLS" and server.tls is not None:
            await self.say("220 go on")
            await self.writer.start_tls(server.tls)
            server._encrypted = True
        elif verb == "AUTH":
            server.logins.append(command)
            await self.say(server.answer("AUTH", "235 welcome"))
        elif verb == "DATA":
            await self._data()
        elif verb == "QUIT":
            await self.say("221 bye")
            return True
        else:
            if verb == "MAIL":
                self.sender = command.partition("<")[2].partition(">")[0]
            said = server.answer(verb, "250 ok")
            if verb == "RCPT" and said.startswith("2"):
                self.recipients.append(command.partition("<")[2].partition(">")[0])
            await self.say(said)
        return False

    async def _data(self) -> None:
        await self.say("354 go on")
        lines = []
        while (line := await self.reader.readline()) != b".\r\n":
            assert line, "they hung up in the middle of a mail"
            lines.append(line.removeprefix(b"."))
        said = self.server.answer("DATA", "250 taken")
        if said.startswith("2"):
            mail = Received(self.sender, list(self.recipients), b"".join(lines))
            self.server.received.append(mail)
            if self.server.on_accept is not None:
                self.server.on_accept()
        await self.say(said)


@asynccontextmanager
async def mail_server(
    tls: ssl.SSLContext | None = None, *, from_the_start: bool = False
) -> AsyncIterator[MailServer]:
    """Listens on a free port. `tls`: by STARTTLS, or on every connection from the start."""
    server = MailServer(tls=tls)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server._encrypted = from_the_start
        try:
            await _Talk(server, reader, writer).run()
        except ConnectionError:
            pass  # they had enough
        finally:
            writer.close()

    listening = await asyncio.start_server(
        talk, "127.0.0.1", 0, limit=_LONGEST, ssl=tls if from_the_start else None
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
