"""What can go wrong with the profile, the officers and the public notice."""

from chassis.web.errors import Conflict, NotFound, Unauthenticated


class OfficerNotFound(NotFound):
    """No such appointment in the actor's organization."""

    code = "PRIVACY_OFFICER_NOT_FOUND"
    message = "Designação de encarregado não encontrada. Confira o identificador."


class OfficerStanding(Conflict):
    """Another appointment to this role has no end yet."""

    code = "PRIVACY_OFFICER_STANDING"
    message = "Já há alguém designado para este papel. Encerre antes a designação atual."


class OfficerEnded(Conflict):
    """The appointment is over."""

    code = "PRIVACY_OFFICER_ENDED"
    message = "Esta designação já foi encerrada."


class ProfileChangedMeanwhile(Conflict):
    """Two people wrote the first profile at once."""

    code = "CONTROLLER_PROFILE_CHANGED"
    message = "Outra pessoa informou os dados do controlador agora. Recarregue e tente de novo."


class NoticeLinkInvalid(Unauthenticated):
    """Forged, or of an organization that does not publish: nobody learns which."""

    code = "PRIVACY_NOTICE_LINK_INVALID"
    message = "Este endereço não é válido. Procure a página de privacidade da organização."
