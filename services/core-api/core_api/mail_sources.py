"""Who has mails sent. A context that does adds a line."""

from typing import Final

from core_api.modules.deliveries.sources import MailSource
from core_api.modules.privacy.mailing import PrivacyMessageMails

MAIL_SOURCES: Final[tuple[MailSource, ...]] = (PrivacyMessageMails(),)
"""One for each kind of delivery: a test looks."""
