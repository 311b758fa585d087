"""What can go wrong with purposes and consents."""

from types import MappingProxyType
from typing import Final

from chassis.web.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from core_api.modules.consents.models import LegalBasis

_LEGAL_BASIS: Final = MappingProxyType(
    {
        LegalBasis.CONSENT: "consentimento",
        LegalBasis.LEGAL_OBLIGATION: "obrigação legal ou regulatória",
        LegalBasis.PUBLIC_POLICY: "execução de políticas públicas",
        LegalBasis.RESEARCH: "estudos por órgão de pesquisa",
        LegalBasis.CONTRACT: "execução de contrato",
        LegalBasis.EXERCISE_OF_RIGHTS: "exercício regular de direitos",
        LegalBasis.PROTECTION_OF_LIFE: "proteção da vida",
        LegalBasis.HEALTH_PROTECTION: "tutela da saúde",
        LegalBasis.LEGITIMATE_INTEREST: "legítimo interesse",
        LegalBasis.CREDIT_PROTECTION: "proteção do crédito",
    }
)


class PurposeNotFound(NotFound):
    """No such purpose in the actor's organization."""

    code = "PURPOSE_NOT_FOUND"
    message = "Finalidade não encontrada. Confira o código."


class PurposeCodeTaken(Conflict):
    """Another purpose of the organization has this code."""

    code = "PURPOSE_CODE_TAKEN"
    message = "Já existe uma finalidade com este código. Escolha outro."


class PurposeNeedsNoConsent(Conflict):
    """Asking for consent where another legal basis applies misleads the client (LGPD Art. 7)."""

    code = "PURPOSE_NEEDS_NO_CONSENT"
    message = (
        "Esta finalidade se apoia em outra base legal ({legal_basis}) e não pede consentimento."
    )

    def __init__(self, legal_basis: LegalBasis) -> None:
        super().__init__(legal_basis=_LEGAL_BASIS[legal_basis])


class NoticeVersionUnknown(InvalidInput):
    """The purpose has no notice with this version: nobody can have been shown it."""

    code = "NOTICE_VERSION_UNKNOWN"
    message = (
        "A finalidade não tem aviso na versão {notice_version}. "
        "Confira a versão apresentada ao cliente."
    )


class NoticeChangedMeanwhile(Conflict):
    """Two people published a notice at once."""

    code = "NOTICE_CHANGED_MEANWHILE"
    message = "Outra pessoa publicou um aviso desta finalidade agora. Recarregue e tente de novo."


class ConsentNotFound(NotFound):
    """No such consent in the actor's organization."""

    code = "CONSENT_NOT_FOUND"
    message = "Consentimento não encontrado. Confira o identificador."


class ConsentNotGranted(Conflict):
    """A refusal cannot be revoked."""

    code = "CONSENT_NOT_GRANTED"
    message = "O cliente recusou esta finalidade: não há consentimento a revogar."


class ConsentAlreadyRevoked(Conflict):
    """Revoked before; the first revocation stands."""

    code = "CONSENT_ALREADY_REVOKED"
    message = "Este consentimento já foi revogado."


class ConsentExpired(Conflict):
    """It ended by itself before."""

    code = "CONSENT_EXPIRED"
    message = "Este consentimento já venceu. Registre uma nova decisão do cliente."


class ConsentOvertaken(Conflict):
    """The client revoked after the moment at which they are said to have consented."""

    code = "CONSENT_OVERTAKEN"
    message = (
        "O cliente revogou o consentimento em {day}, depois da decisão informada. "
        "Só uma decisão posterior vale."
    )


class PreferencesPageUnknown(Conflict):
    """A link that is sent needs a page that opens it."""

    code = "PREFERENCES_PAGE_UNKNOWN"
    message = "A página de preferências não está configurada. Entregue o link de outra forma."


class PurposeArchived(Conflict):
    """Nobody decides about it any more, and nothing of it changes."""

    code = "PURPOSE_ARCHIVED"
    message = "Esta finalidade está arquivada. Restaure-a para usá-la de novo."


class ArticleForeign(InvalidInput):
    """An article of the law that another legal basis rests on."""

    code = "ARTICLE_OF_ANOTHER_BASIS"
    message = "Há artigos que não fundamentam a base legal desta finalidade."


class EvidenceUnusable(InvalidInput):
    """No attachment of a message on a ticket of this client's."""

    code = "EVIDENCE_UNUSABLE"
    message = "A prova indicada não é um anexo de um chamado deste cliente."


class PreferencesLinkInvalid(Unauthenticated):
    """Forged, expired, or used: nobody learns which, nor whether there is such a client."""

    code = "PREFERENCES_LINK_INVALID"
    message = "Este link não é válido ou já expirou. Peça um novo à organização."
