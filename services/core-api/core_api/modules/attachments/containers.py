"""Looking into ZIP and OLE containers far enough to tell what they are; nothing is unpacked."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

_END_OF_DIRECTORY: Final = b"PK\x05\x06"
_ENTRY: Final = b"PK\x01\x02"
_END_BYTES: Final = 22
_ENTRY_BYTES: Final = 46
_LONGEST_COMMENT: Final = 65_535
_LARGEST_DIRECTORY: Final = 2 * 1024 * 1024
"""Of a ZIP: ten thousand members and more. Larger ones are built to be expensive."""

_OLE_HEADER_BYTES: Final = 512
_OLE_ENTRY_BYTES: Final = 128
_OLE_DIRECTORY_SECTORS: Final = 4


class ContainerBroken(Exception):
    """Does not follow its own format, or is built to be expensive."""


def zip_members(file: BinaryIO, size: int) -> list[str]:
    """Names in the central directory, which is what programs that open the file go by."""
    tail_bytes = min(size, _END_BYTES + _LONGEST_COMMENT)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    found = tail.rfind(_END_OF_DIRECTORY)
    if found < 0 or len(tail) - found < _END_BYTES:
        raise ContainerBroken
    directory_bytes, offset = struct.unpack_from("<II", tail, found + 12)
    if directory_bytes > _LARGEST_DIRECTORY or offset + directory_bytes > size:
        raise ContainerBroken
    file.seek(offset)
    return list(_names(file.read(directory_bytes)))


def _names(directory: bytes) -> Iterator[str]:
    position = 0
    while position + _ENTRY_BYTES <= len(directory):
        if directory[position : position + 4] != _ENTRY:
            raise ContainerBroken
        name, extra, comment = struct.unpack_from("<HHH", directory, position + 28)
        start = position + _ENTRY_BYTES
        yield directory[start : start + name].decode("utf-8", "replace")
        position = start + name + extra + comment


def zip_begins_with(file: BinaryIO) -> str:
    """The content of a first, stored member `mimetype` (OpenDocument, EPUB), or nothing."""
    file.seek(0)
    head = file.read(256)
    if head[:4] != b"PK\x03\x04" or head[8:10] != b"\x00\x00":
        return ""
    size, name, extra = *struct.unpack_from("<I", head, 18), *struct.unpack_from("<HH", head, 26)
    if head[30 : 30 + name] != b"mimetype":
        return ""
    start = 30 + name + extra
    return head[start : start + min(size, 100)].decode("ascii", "replace")


def ole_streams(file: BinaryIO, size: int) -> set[str]:
    """Names in the first sectors of the directory of an OLE container (Office 97-2003, MSI)."""
    file.seek(0)
    header = file.read(_OLE_HEADER_BYTES)
    if len(header) < _OLE_HEADER_BYTES:
        raise ContainerBroken
    sector_bytes = 1 << min(struct.unpack_from("<H", header, 30)[0], 16)
    start = (struct.unpack_from("<I", header, 48)[0] + 1) * sector_bytes
    if start >= size:
        raise ContainerBroken
    file.seek(start)
    directory = file.read(sector_bytes * _OLE_DIRECTORY_SECTORS)
    names = set()
    for position in range(0, len(directory) - _OLE_ENTRY_BYTES + 1, _OLE_ENTRY_BYTES):
        length = struct.unpack_from("<H", directory, position + 64)[0]
        if 2 <= length <= 64:
            raw = directory[position : position + length - 2]
            names.add(raw.decode("utf-16-le", "replace"))
    return names
