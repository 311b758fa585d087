"""What can go wrong with teams."""

from chassis.web.errors import Conflict, Forbidden, InvalidInput, NotFound


class TeamNotFound(NotFound):
    """No such team in the actor's organization, or archived."""

    code = "TEAM_NOT_FOUND"
    message = "Equipe não encontrada. Confira o identificador."


class TeamNameTaken(Conflict):
    """Another team of the organization has this name."""

    code = "TEAM_NAME_TAKEN"
    message = "Já existe uma equipe com este nome. Use outro."


class TeamHasTickets(Conflict):
    """Unfinished tickets would be left in a queue that nobody sees."""

    code = "TEAM_HAS_TICKETS"
    message = "A equipe tem {tickets} chamados não concluídos. Passe-os a outra equipe antes."


class NotInTeam(InvalidInput):
    """A ticket of a team can only be given to one of its members."""

    code = "NOT_IN_TEAM"
    message = "A pessoa não faz parte da equipe do chamado. Inclua-a ou escolha outra equipe."


class CannotAttend(InvalidInput):
    """Tickets would be given to somebody who may not answer them."""

    code = "CANNOT_ATTEND"
    message = "Esta pessoa não tem permissão para atender chamados. Escolha um atendente."


class TeamMemberNotFound(NotFound):
    """The person is not in the team."""

    code = "TEAM_MEMBER_NOT_FOUND"
    message = "Esta pessoa não faz parte da equipe."


class AttendantNotFound(NotFound):
    """No such member in the actor's organization."""

    code = "ATTENDANT_NOT_FOUND"
    message = "Pessoa não encontrada nesta organização. Confira o identificador."


class AbsenceNotFound(NotFound):
    """No such absence in the actor's organization."""

    code = "ABSENCE_NOT_FOUND"
    message = "Ausência não encontrada. Confira o identificador."


class AbsenceOfAnother(Forbidden):
    """Only who configures the desk enters or deletes the absence of somebody else."""

    code = "ABSENCE_OF_ANOTHER"
    message = "Você só pode alterar as próprias ausências."


class SkillRuleNotFound(NotFound):
    """No such rule in the actor's organization."""

    code = "SKILL_RULE_NOT_FOUND"
    message = "Regra não encontrada. Confira o identificador."


class SkillRuleExists(Conflict):
    """The category or the tag has a rule already."""

    code = "SKILL_RULE_EXISTS"
    message = "Já existe uma regra para esta categoria ou etiqueta. Altere a existente."
