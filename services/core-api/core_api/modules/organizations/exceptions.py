"""What can go wrong with members."""

from chassis.web.errors import NotFound


class MemberUnknown(NotFound):
    """A request names a member whom the actor's organization does not have."""

    code = "MEMBER_UNKNOWN"
    message = "Pessoa não encontrada nesta organização. Escolha uma da lista de membros."
