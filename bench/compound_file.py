"""OLE compound files ([MS-CFB] version 3) and the Outlook messages in them ([MS-OXMSG])."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

_SECTOR, _SMALL_SECTOR, _CUTOFF = 512, 64, 4096
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_NONE = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5

Tree = Mapping[str, "bytes | Tree"]


@dataclass(slots=True)
class _Entry:
    name: str
    kind: int
    content: bytes = b""
    child: int = _NONE
    right: int = _NONE
    start: int = _END


@dataclass(slots=True)
class _Writer:
    entries: list[_Entry] = field(default_factory=list)
    sectors: list[bytes] = field(default_factory=list)
    chains: list[int] = field(default_factory=list)
    small: bytearray = field(default_factory=bytearray)
    small_chains: list[int] = field(default_factory=list)

    def add(self, name: str, node: "bytes | Tree", kind: int) -> int:
        number = len(self.entries)
        entry = _Entry(name, kind)
        self.entries.append(entry)
        if isinstance(node, bytes):
            entry.content = node
            return number
        before = _NONE
        for child in sorted(node, key=lambda key: (len(key), key.upper())):
            value = node[child]
            at = self.add(child, value, _STREAM if isinstance(value, bytes) else _STORAGE)
            if before == _NONE:
                entry.child = at
            else:
                self.entries[before].right = at  # siblings as a chain: legal, if not balanced
            before = at
        return number

    def store(self, content: bytes) -> int:
        """A chain of sectors; its first."""
        if not content:
            return _END
        start = len(self.sectors)
        count = -(-len(content) // _SECTOR)
        for number in range(count):
            self.sectors.append(content[number * _SECTOR :][:_SECTOR].ljust(_SECTOR, b"\0"))
            self.chains.append(start + number + 1 if number + 1 < count else _END)
        return start

    def store_small(self, content: bytes) -> int:
        start = len(self.small_chains)
        count = -(-len(content) // _SMALL_SECTOR)
        self.small += content.ljust(count * _SMALL_SECTOR, b"\0")
        self.small_chains += [*range(start + 1, start + count), _END]
        return start


def compound_file(tree: Tree) -> bytes:
    """A file with these streams (bytes) in these storages (mappings)."""
    writer = _Writer()
    writer.add("Root Entry", tree, _ROOT)
    for entry in writer.entries:
        if entry.kind == _STREAM and entry.content:
            store = writer.store_small if len(entry.content) < _CUTOFF else writer.store
            entry.start = store(entry.content)
    root = writer.entries[0]
    root.content = bytes(writer.small)
    root.start = writer.store(root.content)
    small_fat = writer.store(_numbers(writer.small_chains))
    directory = writer.store(b"".join(map(_directory_entry, writer.entries)))
    count = len(writer.sectors)
    tables = -(-count // 127)  # each table has 128 entries, one of them for itself
    fat = _numbers([*writer.chains, *[_FAT] * tables])
    fat = fat.ljust(tables * _SECTOR, b"\xff")
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII",
        *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6),
        *(0, tables, directory, 0, _CUTOFF, small_fat),
        *(-(-len(writer.small_chains) * 4 // _SECTOR), _END, 0, count),
    )
    difat = _numbers([*range(count + 1, count + tables), *[_FREE] * (109 - tables)])
    return header + difat[: _SECTOR - len(header)] + b"".join(writer.sectors) + fat


def _numbers(values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _directory_entry(entry: _Entry) -> bytes:
    name = entry.name.encode("utf-16-le")[:62]
    return struct.pack(
        "<64sHBBIII16xI8x8xIQ",
        *(name, len(name) + 2, entry.kind, 1, _NONE, entry.right, entry.child, 0),
        *(entry.start, len(entry.content)),
    )


def outlook_message(
    subject: str,
    body: str,
    *,
    sender: str = "",
    to: str = "",
    attachments: Mapping[str, "bytes | Tree"] = {},
) -> bytes:
    """An .msg with a plain body, files attached, and messages (`message_tree`) embedded."""
    return compound_file(message_tree(subject, body, sender, to, attachments))


def message_tree(
    subject: str,
    body: str,
    sender: str = "",
    to: str = "",
    attachments: Mapping[str, "bytes | Tree"] = {},
) -> Tree:
    """A message's streams and storages."""
    texts = {0x001A: "IPM.Note", 0x0037: subject, 0x1000: body, 0x0C1A: sender, 0x0E04: to}
    tree: dict[str, bytes | Tree] = {
        f"__substg1.0_{tag:04X}001F": text.encode("utf-16-le")
        for tag, text in texts.items()
        if text
    }
    tree["__properties_version1.0"] = struct.pack(
        "<8xIIII8x", 0, len(attachments), 0, len(attachments)
    ) + b"".join(
        struct.pack("<HHIII", 0x001F, tag, 6, len(text.encode("utf-16-le")) + 2, 0)
        for tag, text in texts.items()
        if text
    )
    tree["__nameid_version1.0"] = {
        f"__substg1.0_{tag}0102": b"" for tag in ("0002", "0003", "0004")
    }
    for number, (name, content) in enumerate(attachments.items()):
        tree[f"__attach_version1.0_#{number:08X}"] = {
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            "__substg1.0_37010102"
            if isinstance(content, bytes)
            else "__substg1.0_3701000D": content,
            "__properties_version1.0": bytes(8)
            + struct.pack("<HHIII", 0x0003, 0x3705, 6, 1, 0)
            + struct.pack("<HHIII", 0x0102, 0x3701, 6, len(content), 0)
            + struct.pack("<HHIII", 0x001F, 0x3707, 6, len(name) * 2 + 2, 0),
        }
    return tree
