"""The declaration on paper: what a person can read of whatever records there are."""

from typing import Any

import pypdfium2
import pytest

from chassis.data.columns import utc_now
from core_api.modules.subject_data.documents import (
    Controller,
    DocumentKind,
    SectionTold,
    SubjectDataDocument,
)
from core_api.modules.subject_data.printing import MOST_RECORDS, print_declaration
from shared_schemas.ids import new_id


def printed(*records: dict[str, Any]) -> str:
    section = SectionTold(
        service="core-api",
        name="messages",
        label="Mensagens",
        origin="Suas.",
        criteria="Nenhum.",
        purpose_codes=[],
        fields={"said_at": "Data", "text": "Texto", "read": "Lida", "share": "Parte"},
        records=list(records),
    )
    document = SubjectDataDocument(
        format="urn:cogep:subject-data:1",
        kind=DocumentKind.ACCESS,
        request_id=new_id(),
        made_at=utc_now(),
        controller=Controller(name="Aurora", tax_id=None, contact=None, officers=[]),
        services=["core-api"],
        purposes=[],
        sections=[section],
    )
    pages = pypdfium2.PdfDocument(print_declaration(document))
    text = " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in pages)
    pages.close()
    return text


def test_values_are_written_as_people_in_brazil_write_them() -> None:
    text = printed(
        {"said_at": "2026-11-21T15:04:05Z", "text": "Bom dia", "read": True, "share": 0.5}
    )

    assert "Data 21/11/2026 às 12:04" in text
    assert "Lida sim" in text
    assert "Parte 0,5" in text


@pytest.mark.parametrize("words", ["2026-11-21T99:99:99Z", "0001-01-01T00:00:00Z"])
def test_words_that_only_look_like_an_instant_stay_as_they_were_written(words: str) -> None:
    assert f"Texto {words}" in printed({"text": words, "read": False})


def test_of_very_many_records_paper_shows_the_first_and_says_how_many_more_there_are() -> None:
    text = printed(*({"text": f"mensagem{number}."} for number in range(MOST_RECORDS + 7)))

    assert f"mensagem{MOST_RECORDS - 1}." in text
    assert f"mensagem{MOST_RECORDS}." not in text
    assert "Há mais 7 registros: estão todos no arquivo JSON desta declaração." in text


def test_nothing_at_all_is_said_in_words() -> None:
    text = printed()

    assert "Nenhuma finalidade está registrada." in text
    assert "O que procuramos e não existe • Mensagens" in text
