"""What can go wrong with records of processing and impact reports."""

from chassis.web.errors import Conflict, NotFound


class AssessmentMissing(NotFound):
    """Nobody has assessed the purpose yet."""

    code = "IMPACT_ASSESSMENT_MISSING"
    message = "Esta finalidade ainda não tem avaliação de impacto registrada."


class AssessmentChangedMeanwhile(Conflict):
    """Two people wrote the first assessment at once."""

    code = "IMPACT_ASSESSMENT_CHANGED"
    message = "Outra pessoa registrou esta avaliação agora. Recarregue e tente de novo."
