"""The sample organizations and people of development: fixed ids, on which data and tests agree."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

from shared_schemas.permissions import Role

DEVELOPMENT_PASSWORD: Final = "cogep"  # noqa: S105 - documented; the provider refuses to run in production


@dataclass(frozen=True, slots=True)
class Organization:
    """A sample tenant."""

    id: UUID
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who can log in to the development system."""

    username: str
    sub: UUID
    given_name: str
    family_name: str
    organization: Organization
    roles: tuple[Role, ...]

    @property
    def name(self) -> str:
        """The full name, as the claim `name` carries it."""
        return f"{self.given_name} {self.family_name}"

    @property
    def email(self) -> str:
        """An address below a name that RFC 2606 reserves: mail to it can reach nobody."""
        return f"{self.username}@{self.organization.slug}.example"


AURORA: Final = Organization(
    UUID("0192a000-0000-7000-8000-00000000a001"), "aurora", "Aurora Serviços"
)
BOREAL: Final = Organization(
    UUID("0192a000-0000-7000-8000-00000000b001"), "boreal", "Boreal Atendimento"
)
ORGANIZATIONS: Final = (AURORA, BOREAL)


def _sub(number: int) -> UUID:
    return UUID(f"0192a000-0000-7000-8000-{number:012d}")


_ALL: Final = (
    Person("ana", _sub(1), "Ana", "Prado", AURORA, (Role.ADMIN,)),
    Person("bruno", _sub(2), "Bruno", "Tavares", AURORA, (Role.AGENT,)),
    Person("vera", _sub(3), "Vera", "Mattos", AURORA, (Role.VIEWER,)),
    Person("davi", _sub(4), "Davi", "Nogueira", AURORA, (Role.DPO,)),
    Person("beto", _sub(5), "Beto", "Siqueira", BOREAL, (Role.ADMIN,)),
)
PEOPLE: Final = MappingProxyType({person.username: person for person in _ALL})
