"""Arithmetic, exactly and in bounded time: numbers, signs and brackets, nothing that has a name.

Decimal numbers of a bounded size keep every step cheap, powers of powers too, and money is right to
the cent.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import Field
from simpleeval import (  # type: ignore[import-untyped]  # it has no types
    InvalidExpression,
    SimpleEval,
)

from ai_svc.modules.skills.skill import Arguments, Declined, Skill, SkillContext, SkillResult

LONGEST: Final = 200
_LARGEST_EXPONENT: Final = 60
_PRECISION: Final = Context(
    prec=40,
    Emax=_LARGEST_EXPONENT,
    Emin=-_LARGEST_EXPONENT,
    traps=[DivisionByZero, InvalidOperation, Overflow],
)
_TOLD: Final = Context(prec=15)  # digits of what does not come out even
_WRITTEN: Final = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**"})
_BRAZILIAN: Final = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+(?:,\d+)?(?![\d.,])|\d+,\d+")
_ARITHMETIC: Final = re.compile(r"(?:\d+(?:\.\d*)?(?:[eE][+-]?\d{1,2})?|\.\d+|[-+*/%()\s])+")
_OPERATORS: Final[Mapping[type, Callable[..., Any]]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
        ast.Pow: operator.pow,
        ast.USub: operator.neg,
        ast.UAdd: operator.pos,
    }
)
_NODES: Final = (ast.Expr, ast.UnaryOp, ast.BinOp, ast.Constant)
_UNREADABLE: Final = (
    "Não entendi a conta. Use só números, + - * / // % ** e parênteses, como em (1200 - 85) * 3."
)


class CalculateArguments(Arguments):
    """A sum."""

    expression: Annotated[str, Field(min_length=1, max_length=LONGEST)] = Field(
        description="A conta, só com números e + - * / // % ** ( )", examples=["(1200 - 85.5) * 3"]
    )


async def calculate(_: SkillContext, given: CalculateArguments) -> SkillResult:
    """Raises Declined."""
    result = evaluated(given.expression)
    told = f"{result:f}"
    return SkillResult(ok=True, data={"result": told}, told=f"Resultado: {told}")


def evaluated(expression: str) -> Decimal:
    """Raises Declined."""
    text = _BRAZILIAN.sub(_plain, " ".join(expression.translate(_WRITTEN).split()))
    if not _ARITHMETIC.fullmatch(text):
        raise Declined(_UNREADABLE)
    evaluator = _Decimals(operators=dict(_OPERATORS), functions={}, names={})
    try:
        with localcontext(_PRECISION):
            return _trimmed(evaluator.eval(text))
    except DivisionByZero:
        raise Declined("A conta divide por zero.") from None
    except Overflow:
        raise Declined("O resultado é grande demais.") from None
    except (ArithmeticError, InvalidExpression, SyntaxError, ValueError, TypeError):
        raise Declined(_UNREADABLE) from None
    except (RecursionError, MemoryError):
        raise Declined("A conta é complicada demais.") from None


class _Decimals(SimpleEval):  # type: ignore[misc]  # the library has no types
    """Only numbers, as decimals."""

    nodes: dict[type, Any]

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        known: dict[type, Any] = {kind: self.nodes[kind] for kind in _NODES}
        self.nodes = known | {ast.Constant: _decimal}

    def _check_disallowed_items(self, item: Any) -> None:
        if not isinstance(item, Decimal):
            raise InvalidExpression


def _decimal(node: ast.Constant) -> Decimal:
    if type(node.value) not in (int, float):
        raise InvalidExpression
    return +Decimal(str(node.value))  # the sign rounds, and refuses what is too large


def _plain(match: re.Match[str]) -> str:
    return match[0].replace(".", "").replace(",", ".")


def _trimmed(result: Decimal) -> Decimal:
    if result == result.to_integral_value():
        return result.quantize(Decimal(1)) if abs(result) < Decimal(10) ** 39 else result
    return _TOLD.plus(result).normalize()


CALCULATE: Final = Skill(
    name="calculate",
    label="Fazendo a conta",
    description="Faz uma conta exata. Use sempre que a resposta depender de um cálculo.",
    arguments=CalculateArguments,
    permissions=frozenset(),
    run=calculate,
)
