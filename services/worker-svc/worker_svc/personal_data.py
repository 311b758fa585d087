"""Where worker-svc holds personal data: it has no tables, and of its models only the mail that it
is about to send carries any, for as long as that takes."""

from typing import Final

from shared_schemas.personal_data import (
    NONE,
    Category,
    Eraser,
    Held,
    PersonalData,
    Purpose,
    fields_of,
)

_ADDRESS: Final = Held(Category.CONTACT, Purpose.RIGHTS, Eraser.VALUE)
_WORDS: Final = Held(Category.WORDS, Purpose.RIGHTS, Eraser.VALUE)
_STAFF: Final = Held(Category.STAFF, Purpose.RIGHTS, Eraser.VALUE)

PERSONAL_DATA: Final = PersonalData(
    everywhere=fields_of((NONE, "import_id storage_key encoding delimiter code")),
    within={
        "_Mail": fields_of(
            (_ADDRESS, "to"), (_WORDS, "subject text"), (_STAFF, "sender_name reply_to")
        )
    },
)
"""Composed with those of the other services by a test, which looks for what is in none."""
