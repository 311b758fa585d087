"""Files that must not be indexed, made on the spot."""

import io
import zipfile

from pypdf import PdfWriter


def encrypted_pdf() -> bytes:
    """One blank page behind a password."""
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("segredo", algorithm="RC4-128")
    return _written(writer)


def broken_pdf() -> bytes:
    """Begins like a PDF and goes on with noise."""
    return b"%PDF-1.7\n" + bytes(range(256)) * 40


def zip_bomb_docx() -> bytes:
    """A DOCX of some kilobytes whose body unpacks to 1 GB."""
    types = (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        'content-types"><Default Extension="xml" ContentType="application/xml"/><Override '
        'PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>'
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("[Content_Types].xml", types)
        with archive.open("word/document.xml", "w", force_zip64=True) as body:
            body.write(b'<?xml version="1.0"?><w:document xmlns:w="x"><w:body><w:p><w:r><w:t>')
            for _ in range(1024):
                body.write(b"a" * 1024 * 1024)
            body.write(b"</w:t></w:r></w:p></w:body></w:document>")
    return file.getvalue()


def _written(writer: PdfWriter) -> bytes:
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()
