"""A notice as a document: PDF."""

from core_api.modules.incidents.schemas import Draft
from core_api.paper import Paper


def draft_paper(draft: Draft, controller: str, reference: str) -> bytes:
    """To be read, corrected and signed. Takes its time: call it in a thread."""
    paper = Paper(draft.title, author=controller or "Controlador", footer=reference)
    for section in draft.sections:
        paper.heading(section.title, 2)
        paper.paragraph(section.text)
    if draft.missing:
        paper.heading("Ainda a informar")
        paper.bullets(draft.missing)
    return paper.bytes()
