"""E-mails, phones and addresses on the wire."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)

from core_api.inputs import Input, Line, NoneIfBlank
from core_api.masking import mask_email, mask_phone
from core_api.modules.clients.contacts.addresses import Uf, cep_is_of, find_uf, normalise_cep
from core_api.modules.clients.contacts.normalising import (
    normalise_email,
    normalise_phone,
    phone_display,
)

Email = Annotated[
    str,
    StringConstraints(max_length=254),
    AfterValidator(normalise_email),
    Field(examples=["julia.prado@example.com"]),
]
Phone = Annotated[
    str,
    StringConstraints(max_length=32),
    AfterValidator(normalise_phone),
    Field(examples=["(11) 98765-4321"]),
]
Label = Annotated[
    Annotated[Line, StringConstraints(max_length=60)] | None,
    NoneIfBlank,
    Field(description="What it is used for", examples=["trabalho"]),
]
Primary = Annotated[bool, Field(description="The one to use; when none is marked it is the first")]
Text = Annotated[Line | None, NoneIfBlank]
Cep = Annotated[
    str,
    StringConstraints(max_length=10),
    AfterValidator(normalise_cep),
    Field(examples=["01310-100"]),
]


def _state(value: Any) -> Uf:
    found = find_uf(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("UF desconhecida. Informe a sigla ou o nome do estado, por exemplo SP.")
    return found


class EmailInput(Input):
    """One e-mail address."""

    address: Email
    label: Label = None
    primary: Primary = False


class PhoneInput(Input):
    """One phone number, in any notation; without a country it is a Brazilian one."""

    number: Phone
    label: Label = None
    primary: Primary = False


class AddressInput(Input):
    """One postal address in Brazil."""

    cep: Annotated[Cep | None, NoneIfBlank] = None
    uf: Annotated[Uf, BeforeValidator(_state)] = Field(
        description="Also by its name: `São Paulo`", examples=["SP"]
    )
    city: Line = Field(description="Município", examples=["São Paulo"])
    street: Text = Field(default=None, description="Logradouro", examples=["Avenida Paulista"])
    number: Annotated[str | None, StringConstraints(max_length=20), NoneIfBlank] = Field(
        default=None, examples=["1578"]
    )
    complement: Text = Field(default=None, description="Complemento", examples=["conj. 42"])
    district: Text = Field(default=None, description="Bairro", examples=["Bela Vista"])
    label: Label = None
    primary: Primary = False

    @model_validator(mode="after")
    def _cep_of_the_state(self) -> Self:
        if self.cep is not None and not cep_is_of(self.cep, self.uf):
            raise ValueError(f"O CEP {self.cep} não é de {self.uf}. Confira os dois.")
        return self


def _one_primary(entries: Sequence[Any]) -> Any:
    marked = [position for position, entry in enumerate(entries) if entry.primary]
    if len(marked) > 1:
        raise ValueError("Marque só um como principal.")
    first = marked[0] if marked else 0
    return [
        entry.model_copy(update={"primary": position == first})
        for position, entry in enumerate(entries)
    ]


def _each_once(entries: Sequence[Any]) -> Any:
    seen = [entry.model_dump(exclude={"label", "primary"}) for entry in entries]
    if any(item in seen[:position] for position, item in enumerate(seen)):
        raise ValueError("Há um contato repetido na lista. Deixe cada um uma vez.")
    return entries


_Rules = (AfterValidator(_each_once), AfterValidator(_one_primary))
Emails = Annotated[list[EmailInput], Field(max_length=20), *_Rules]
Phones = Annotated[list[PhoneInput], Field(max_length=20), *_Rules]
Addresses = Annotated[list[AddressInput], Field(max_length=20), *_Rules]


class EmailRead(BaseModel):
    """An e-mail address, masked for who lacks `clients:contact`."""

    address: str = Field(examples=["julia.prado@example.com"])
    label: str | None
    primary: bool

    @classmethod
    def of(cls, entry: Any, *, contact: bool) -> Self:
        """From what is stored."""
        address = entry["address"] if contact else mask_email(entry["address"])
        return cls(address=address, label=entry["label"], primary=entry["primary"])


class PhoneRead(BaseModel):
    """A phone number, masked for who lacks `clients:contact`."""

    number: str = Field(description="E.164", examples=["+5511987654321"])
    display: str = Field(description="As people write it", examples=["(11) 98765-4321"])
    label: str | None
    primary: bool

    @classmethod
    def of(cls, entry: Any, *, contact: bool) -> Self:
        """From what is stored."""
        number, display = entry["number"], phone_display(entry["number"])
        if not contact:
            number, display = mask_phone(number), mask_phone(display)
        return cls(number=number, display=display, label=entry["label"], primary=entry["primary"])


class AddressRead(BaseModel):
    """A postal address."""

    cep: str | None = Field(examples=["01310-100"])
    uf: Uf
    city: str = Field(examples=["São Paulo"])
    street: str | None
    number: str | None
    complement: str | None
    district: str | None
    label: str | None
    primary: bool
