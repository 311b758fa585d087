"""The kinds of personal data core-api holds: category, purpose, and what ends it."""

from typing import Final

from shared_schemas.personal_data import Category, Eraser, Held, Purpose

NAME: Final = Held(Category.IDENTITY, Purpose.SERVICE, Eraser.CLIENT)
NUMBER: Final = Held(Category.OFFICIAL_NUMBER, Purpose.SERVICE, Eraser.CLIENT)
CONTACT: Final = Held(Category.CONTACT, Purpose.SERVICE, Eraser.CLIENT)
ADDRESS: Final = Held(Category.ADDRESS, Purpose.SERVICE, Eraser.CLIENT)
PROFILE: Final = Held(Category.PROFILE, Purpose.SERVICE, Eraser.CLIENT)
WORDS: Final = Held(Category.WORDS, Purpose.SERVICE, Eraser.CLIENT)
FILE: Final = Held(Category.FILE, Purpose.SERVICE, Eraser.CLIENT)
DERIVED: Final = Held(Category.DERIVED, Purpose.SERVICE, Eraser.CLIENT)
RIGHTS_WORDS: Final = Held(Category.WORDS, Purpose.RIGHTS, Eraser.CLIENT)
SEALED: Final = Held(Category.WORDS, Purpose.RIGHTS, Eraser.KEY)
SEALED_LOG: Final = Held(Category.WORDS, Purpose.ACCOUNTABILITY, Eraser.KEY)
PROOF: Final = Held(Category.DERIVED, Purpose.RIGHTS, Eraser.KEPT)
STAFF: Final = Held(Category.STAFF, Purpose.OPERATION, Eraser.MEMBER)
STAFF_WORDS: Final = Held(Category.STAFF, Purpose.ACCOUNTABILITY, Eraser.MEMBER)
CONFIGURED: Final = Held(Category.STAFF, Purpose.OPERATION, Eraser.OWNER)
COPY: Final = Held(Category.WORDS, Purpose.OPERATION, Eraser.AGE)


def in_a_model(held: Held) -> Held:
    """The same in a request or an answer."""
    return Held(held.category, held.purpose, Eraser.VALUE)
