"""What was wrong with the input, in Brazilian Portuguese. Never repeats the value: it may be
personal data."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared_schemas.errors import ErrorDetail

_MAXIMUM_DETAILS: Final = 50
_FALLBACK: Final = "Valor inválido."

# Keys are pydantic's error types (and two of ours); braces are filled from the error's context.
_MESSAGES: Final[Mapping[str, str]] = {
    "missing": "Campo obrigatório.",
    "extra_forbidden": "Campo desconhecido. Confira o nome.",
    "json_invalid": "JSON malformado.",
    "json_type": "Informe um texto em JSON.",
    "unstorable_text": "O texto contém caracteres inválidos (NUL ou Unicode incompleto).",
    "cursor": "Cursor inválido. Use o valor de next_cursor da página anterior.",
    "none_required": "Este campo deve ser nulo.",
    "recursion_loop": "Estrutura circular.",
    "recursion_depth_exceeded": "Estrutura profunda demais.",
    "greater_than": "Deve ser maior que {gt}.",
    "greater_than_equal": "Deve ser maior ou igual a {ge}.",
    "less_than": "Deve ser menor que {lt}.",
    "less_than_equal": "Deve ser menor ou igual a {le}.",
    "multiple_of": "Deve ser múltiplo de {multiple_of}.",
    "finite_number": "Deve ser um número finito.",
    "too_short": "Informe pelo menos {min_length} itens.",
    "too_long": "Informe no máximo {max_length} itens.",
    "string_type": "Deve ser um texto.",
    "string_unicode": "O texto contém caracteres inválidos.",
    "string_too_short": "Deve ter pelo menos {min_length} caracteres.",
    "string_too_long": "Deve ter no máximo {max_length} caracteres.",
    "string_pattern_mismatch": "Formato inválido.",
    "string_not_ascii": "Use apenas letras sem acento, números e símbolos simples.",
    "enum": "Valor não permitido. Use um destes: {expected}.",
    "literal_error": "Valor não permitido. Use um destes: {expected}.",
    "union_tag_invalid": "Tipo não permitido. Use um destes: {expected_tags}.",
    "union_tag_not_found": "Informe o tipo.",
    "model_type": "Deve ser um objeto.",
    "model_attributes_type": "Deve ser um objeto.",
    "dataclass_type": "Deve ser um objeto.",
    "dict_type": "Deve ser um objeto.",
    "mapping_type": "Deve ser um objeto.",
    "list_type": "Deve ser uma lista.",
    "tuple_type": "Deve ser uma lista.",
    "set_type": "Deve ser uma lista.",
    "frozen_set_type": "Deve ser uma lista.",
    "iterable_type": "Deve ser uma lista.",
    "bool_type": "Deve ser verdadeiro ou falso.",
    "bool_parsing": "Deve ser verdadeiro ou falso.",
    "int_type": "Deve ser um número inteiro.",
    "int_parsing": "Deve ser um número inteiro.",
    "int_parsing_size": "Número grande demais.",
    "int_from_float": "Deve ser um número inteiro, sem casas decimais.",
    "float_type": "Deve ser um número.",
    "float_parsing": "Deve ser um número.",
    "decimal_type": "Deve ser um número.",
    "decimal_parsing": "Deve ser um número.",
    "decimal_max_digits": "Deve ter no máximo {max_digits} dígitos.",
    "decimal_max_places": "Deve ter no máximo {decimal_places} casas decimais.",
    "decimal_whole_digits": "Deve ter no máximo {whole_digits} dígitos antes da vírgula.",
    "date_type": "Deve ser uma data no formato AAAA-MM-DD.",
    "date_parsing": "Deve ser uma data no formato AAAA-MM-DD.",
    "date_from_datetime_parsing": "Deve ser uma data no formato AAAA-MM-DD.",
    "date_from_datetime_inexact": "Informe só a data, sem hora.",
    "date_past": "A data deve estar no passado.",
    "date_future": "A data deve estar no futuro.",
    "time_type": "Deve ser um horário no formato HH:MM:SS.",
    "time_parsing": "Deve ser um horário no formato HH:MM:SS.",
    "datetime_type": "Deve ser data e hora no formato AAAA-MM-DDTHH:MM:SSZ.",
    "datetime_parsing": "Deve ser data e hora no formato AAAA-MM-DDTHH:MM:SSZ.",
    "datetime_from_date_parsing": "Deve ser data e hora no formato AAAA-MM-DDTHH:MM:SSZ.",
    "datetime_past": "A data deve estar no passado.",
    "datetime_future": "A data deve estar no futuro.",
    "timezone_naive": "Informe a data e hora sem fuso horário.",
    "timezone_aware": "Informe o fuso horário, por exemplo 2026-01-31T10:00:00Z.",
    "timezone_offset": "Fuso horário inválido.",
    "time_delta_type": "Deve ser uma duração.",
    "time_delta_parsing": "Deve ser uma duração.",
    "url_type": "Deve ser um endereço (URL).",
    "url_parsing": "Endereço (URL) inválido.",
    "url_syntax_violation": "Endereço (URL) inválido.",
    "url_too_long": "O endereço deve ter no máximo {max_length} caracteres.",
    "url_scheme": "O endereço deve começar com {expected_schemes}.",
    "uuid_type": "Identificador inválido: informe um UUID.",
    "uuid_parsing": "Identificador inválido: informe um UUID.",
    "uuid_version": "Identificador inválido: informe um UUID da versão {expected_version}.",
    "bytes_type": "Deve ser um conteúdo binário.",
    "bytes_too_short": "O conteúdo é curto demais.",
    "bytes_too_long": "O conteúdo é longo demais.",
    "bytes_invalid_encoding": "Codificação inválida.",
}

_SINGULAR: Final = {
    "caracteres": "caractere",
    "itens": "item",
    "dígitos": "dígito",
    "casas decimais": "casa decimal",
}
_ONE: Final = re.compile(rf"\b1 ({'|'.join(_SINGULAR)})\b")


def details_of(errors: Sequence[Mapping[str, Any]]) -> list[ErrorDetail]:
    """One detail per finding; at most fifty, so that a large bad list does not make a larger
    answer."""
    return [_detail(error) for error in errors[:_MAXIMUM_DETAILS]]


def _detail(error: Mapping[str, Any]) -> ErrorDetail:
    kind = str(error["type"])
    return ErrorDetail(field=_field(kind, error["loc"]), message=_message(kind, error), type=kind)


def _field(kind: str, location: Sequence[str | int]) -> str:
    if kind == "json_invalid":  # FastAPI appends the character's position
        return str(location[0])
    return ".".join(str(part)[:100] for part in location)


def _message(kind: str, error: Mapping[str, Any]) -> str:
    context = error.get("ctx") or {}
    template = _MESSAGES.get(kind)
    if template is not None:
        return _in_portuguese(template.format_map(_Present(context)))
    if kind in {"value_error", "assertion_error"}:
        # Raised by a validator of ours, whose message is written for the person.
        return str(context.get("error") or error["msg"])
    # A PydanticCustomError of ours has its own type and message; anything else is pydantic's
    # English.
    return _FALLBACK if kind in _ENGLISH else str(error["msg"])


def _in_portuguese(text: str) -> str:
    """pydantic joins alternatives with "or"; one of something is not several."""
    return _ONE.sub(lambda found: f"1 {_SINGULAR[found[1]]}", text.replace(" or ", " ou "))


class _Present(dict[str, Any]):
    """Fills what the context has; what it lacks stays readable."""

    def __missing__(self, key: str) -> str:
        return "…"


# Types pydantic may report and for which `_FALLBACK` is all one can say.
_ENGLISH: Final = frozenset(
    {
        "no_such_attribute", "needs_python_object", "frozen_field", "frozen_instance",
        "invalid_key", "get_attribute_error", "dataclass_exact_type",
        "named_tuple_type", "default_factory_not_called", "iteration_error",
        "frozen_dict_type", "ordered_dict_type", "counter_type", "deque_type",
        "set_item_not_hashable", "datetime_object_invalid", "is_instance_of",
        "is_subclass_of", "callable_type", "missing_sentinel_error", "ellipsis_error",
        "arguments_type", "missing_argument", "unexpected_keyword_argument",
        "missing_keyword_only_argument", "unexpected_positional_argument",
        "missing_positional_only_argument", "multiple_argument_values", "fraction_type",
        "fraction_parsing", "complex_type", "complex_str_parsing",
    }
)  # fmt: skip
