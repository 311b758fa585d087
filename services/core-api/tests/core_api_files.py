"""Small files of many kinds, made on the spot."""

import io
import struct
import zipfile

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(60)
EXE = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" + bytes(400)


def zipped(*names: str, **first: str) -> bytes:
    """A ZIP of empty members; `mimetype=` puts OpenDocument's marker first, not compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in first.items():
            archive.writestr(name, content, zipfile.ZIP_STORED)
        for name in names:
            archive.writestr(name, b"")
    return buffer.getvalue()


def ole(*streams: str) -> bytes:
    """An OLE container with these names in its directory, and nothing behind them."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    header[30:32] = struct.pack("<H", 9)  # sectors of 512 bytes
    header[48:52] = struct.pack("<I", 0)  # the directory begins in the first
    directory = b""
    for name in ("Root Entry", *streams):
        entry = bytearray(128)
        raw = name.encode("utf-16-le")
        entry[: len(raw)] = raw
        entry[64:66] = struct.pack("<H", len(raw) + 2)
        directory += bytes(entry)
    return bytes(header) + directory.ljust(2048, b"\0")
