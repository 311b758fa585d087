"""Who has mails sent. A context that does adds a line."""

from core_api.modules.consents.mailing import PreferencesLinkMails
from core_api.modules.deliveries.sources import MailSource
from core_api.modules.incidents.mailing import IncidentNoticeMails
from core_api.modules.privacy.mailing import PrivacyMessageMails
from core_api.modules.recipients.mailing import RecipientNoticeMails
from core_api.settings import CoreApiSettings


def mail_sources(settings: CoreApiSettings) -> tuple[MailSource, ...]:
    """One for each kind of delivery: a test looks."""
    link_key = settings.attachments.link_key.get_secret_value().encode()
    return (
        PrivacyMessageMails(),
        RecipientNoticeMails(),
        IncidentNoticeMails(),
        PreferencesLinkMails(link_key, settings.preferences.page_url),
    )
