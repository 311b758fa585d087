"""What can go wrong with categories."""

from chassis.web.errors import Conflict, NotFound
from core_api.modules.categories.models import MAXIMUM_DEPTH


class CategoryNotFound(NotFound):
    """No such category in the actor's organization."""

    code = "CATEGORY_NOT_FOUND"
    message = "Categoria não encontrada. Confira o identificador."


class CategoryArchived(Conflict):
    """An archived category takes nothing new."""

    code = "CATEGORY_ARCHIVED"
    message = "A categoria está arquivada. Escolha outra ou restaure esta."


class CategoryNameTaken(Conflict):
    """Another category in the same place has this name."""

    code = "CATEGORY_NAME_TAKEN"
    message = "Já existe uma categoria com este nome no mesmo lugar da árvore."


class CategoryBelowItself(Conflict):
    """A category cannot move below itself."""

    code = "CATEGORY_BELOW_ITSELF"
    message = "Uma categoria não pode ficar dentro dela mesma. Escolha outro lugar."


class CategoryTooDeep(Conflict):
    """The tree would have too many levels."""

    code = "CATEGORY_TOO_DEEP"
    message = f"A árvore de categorias tem no máximo {MAXIMUM_DEPTH} níveis."
