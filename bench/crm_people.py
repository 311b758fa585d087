"""Synthetic Brazilian clients for the benches of the CRM: deterministic, invented, realistic.

First names and surnames follow the frequencies of a census, with a long tail of rare ones made of
syllables; tax ids are computed with valid check digits; e-mail domains are reserved ones.
"""

import random
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

# Shares per thousand; what is missing to a thousand goes to the rare names.
_FIRST_NAMES: Final = """
    Maria:70 José:32 Ana:28 João:26 Antônio:18 Francisco:14 Carlos:13 Paulo:12 Pedro:12
    Lucas:11 Luiz:10 Marcos:9 Luís:8 Gabriel:9 Rafael:9 Francisca:6 Daniel:7 Marcelo:7 Bruno:7
    Eduardo:7 Felipe:7 Raimundo:5 Rodrigo:6 Antônia:5 Adriana:5 Juliana:6 Márcia:5 Fernanda:5
    Patrícia:5 Aline:5 Manoel:4 Mateus:5 André:5 Fernando:5 Fábio:5 Leonardo:4 Gustavo:5
    Guilherme:5 Leandro:4 Tiago:4 Anderson:4 Ricardo:4 Márcio:4 Jorge:4 Sandra:4 Camila:5
    Amanda:5 Bruna:5 Jéssica:5 Letícia:4 Júlia:5 Luciana:4 Vanessa:4 Mariana:4 Gabriela:4
    Vera:4 Vitória:4 Larissa:4 Cláudia:4 Beatriz:4 Luana:3 Rita:3 Sônia:3 Renata:3 Eliane:3
    Josefa:3 Simone:3 Natália:3 Cristiane:3 Carla:3 Débora:3 Rosângela:3 Jaqueline:3 Rosa:3
    Daniela:3 Aparecida:3 Marlene:3 Terezinha:2 Raimunda:2 Andréia:2 Fabiana:2 Lúcia:2
    Raquel:2 Ângela:2 Rafaela:2 Joana:2 Luzia:2 Elaine:2 Daniele:2 Regina:2 Daiane:2
    Alessandra:2 Isabela:3 Sebastião:2 Geraldo:2 Alexandre:3 Vinícius:2 Diego:2 Sérgio:2
    Roberto:2 César:1 Cícero:1 Edson:2 Elias:1 Emanuel:1 Gilberto:1 Hélio:1 Igor:1 Ivan:1
    Jefferson:1 Júlio:2 Mário:2 Maurício:1 Miguel:2 Otávio:1 Renato:2 Robson:1 Rogério:1
    Samuel:2 Thiago:4 Valdir:1 Wesley:1 William:1 Yasmin:1 Yara:1 Zélia:1 Helena:2 Heloísa:1
    Lorena:1 Lívia:1 Milena:1 Priscila:2 Tatiane:2
"""
_SURNAMES: Final = """
    Silva:85 Santos:48 Oliveira:37 Souza:28 Rodrigues:20 Ferreira:20 Alves:18 Pereira:18
    Lima:17 Gomes:14 Costa:14 Ribeiro:13 Martins:11 Carvalho:11 Almeida:10 Lopes:10 Soares:9
    Fernandes:9 Vieira:9 Barbosa:8 Rocha:8 Dias:7 Nascimento:8 Andrade:6 Moreira:6 Nunes:6
    Marques:5 Machado:5 Mendes:5 Freitas:5 Cardoso:5 Ramos:5 Gonçalves:6 Santana:5 Teixeira:5
    Araújo:7 Melo:4 Barros:4 Reis:4 Pinto:4 Monteiro:4 Cavalcante:3 Batista:4 Campos:4
    Moraes:3 Morais:2 Correia:3 Azevedo:3 Duarte:2 Cunha:3 Castro:3 Pires:2 Sousa:12 Miranda:3
    Nogueira:2 Farias:2 Jesus:5 Conceição:3 Cruz:3 Cordeiro:2 Xavier:2 Aguiar:2 Macedo:2
    Tavares:2 Coelho:2 Siqueira:2 Bezerra:2 Medeiros:2 Guimarães:2 Brito:2 Franco:2 Fonseca:2
    Leite:2 Borges:2 Neves:2 Magalhães:1 Assis:1 Rezende:1 Paiva:1 Sales:1 Queiroz:1 Viana:1
    Furtado:1 Bueno:1 Prado:1 Toledo:1 Sá:1
"""
_SYLLABLES: Final = """
    ba be bi bo bra bri ca ce ci co cri da de di do dra fa fe fi fo fra ga ge gi go gra gui ja
    je jo ju la le li lo lu ma me mi mo na ne ni no pa pe pi po pra qua ra re ri ro sa se si
    so ta te ti to tra va ve vi vo xa za ze zi zo
"""
_FIRST_ENDINGS: Final = """
    ana elle lene son ton nei lane vânia nice mar nilda ilson ete inha áurea iel ândia
"""
_SURNAME_ENDINGS: Final = """
    elli otti eira aldo ini ez ado oni anski mann atti uchi awa ém ães ardi enko
"""
_TRADES: Final = """
    Padaria Mercado Oficina Farmácia Clínica Transportes Construtora Escola Gráfica Papelaria
"""
_FORMS: Final = ("Ltda", "ME", "S.A.", "EIRELI", "Ltda ME")
_DOMAINS: Final = {
    "correio.example": 60,
    "caixapostal.example": 14,
    "mensageiro.com.example": 9,
    "provedor.example": 7,
    "telecom.net.example": 4,
}
_AREA_CODES: Final = """
    11:22 21:10 31:5 41:5 51:5 61:5 71:5 81:5 85:5 12:1 13:1 14:1 15:1 16:1 17:1 18:1 19:1
    22:1 24:1 27:1 28:1 32:1 33:1 34:1 35:1 37:1 38:1 42:1 43:1 44:1 45:1 46:1 47:1 48:1 49:1
    53:1 54:1 55:1 62:1 63:1 64:1 65:1 66:1 67:1 68:1 69:1 73:1 74:1 75:1 77:1 79:1 82:1 83:1
    84:1 86:1 87:1 88:1 89:1 91:1 92:1 93:1 94:1 95:1 96:1 97:1 98:1 99:1
"""
_CITIES: Final = (
    ("São Paulo", "SP"),
    ("Rio de Janeiro", "RJ"),
    ("Belo Horizonte", "MG"),
    ("Salvador", "BA"),
    ("Fortaleza", "CE"),
    ("Curitiba", "PR"),
    ("Recife", "PE"),
    ("Porto Alegre", "RS"),
    ("Belém", "PA"),
    ("Goiânia", "GO"),
    ("Campinas", "SP"),
    ("São Luís", "MA"),
    ("Maceió", "AL"),
    ("Natal", "RN"),
    ("Teresina", "PI"),
    ("João Pessoa", "PB"),
    ("Aracaju", "SE"),
    ("Cuiabá", "MT"),
    ("Londrina", "PR"),
)
_TAGS: Final = {
    "munícipe": 60,
    "vip": 4,
    "empresa": 8,
    "idoso": 12,
    "inadimplente": 6,
    "convênio": 10,
}
_RARE_FIRST_NAMES: Final = 4_000
_RARE_SURNAMES: Final = 9_000


@dataclass(frozen=True, slots=True)
class SyntheticClient:
    """A client that belongs to nobody. The first e-mail and phone are the primary ones."""

    kind: str
    name: str
    emails: tuple[str, ...]
    phones: tuple[str, ...]  # E.164
    document: str | None  # CPF or CNPJ without punctuation
    external_id: str | None
    tags: tuple[str, ...]
    city: str
    state: str
    duplicate_of: int | None = None
    """The position of the client this one repeats, with what people get wrong at the desk."""


def synthetic_clients(
    count: int, *, seed: int = 7, duplicates: float = 0.01
) -> Iterator[SyntheticClient]:
    """The same clients for the same seed; a share of them are entered twice."""
    maker = _Maker(random.Random(seed))
    kept: list[tuple[int, SyntheticClient]] = []
    for position in range(count):
        if kept and maker.source.random() < duplicates:
            original, client = kept.pop(maker.source.randrange(len(kept)))
            yield maker.again(client, position, original)
            continue
        client = maker.new(position)
        if len(kept) < 1_000:
            kept.append((position, client))
        yield client


class _Maker:
    """Draws clients from one random source."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self._first = _Weighted(
            *_with_tail(_FIRST_NAMES, _RARE_FIRST_NAMES, _FIRST_ENDINGS.split(), source)
        )
        self._last = _Weighted(
            *_with_tail(_SURNAMES, _RARE_SURNAMES, _SURNAME_ENDINGS.split(), source)
        )
        self._area = _Weighted(*_shares(_AREA_CODES))
        self._domain = _Weighted(list(_DOMAINS), list(_DOMAINS.values()))
        self._tag = _Weighted(list(_TAGS), list(_TAGS.values()))

    def new(self, position: int) -> SyntheticClient:
        """A client nobody has seen yet."""
        company = self.source.random() < 0.08
        name = self._company() if company else self._person()
        city, state = self.source.choice(_CITIES)
        return SyntheticClient(
            kind="company" if company else "person",
            name=name,
            emails=tuple(self._email(name) for _ in range(self._how_many(0.75, 0.12))),
            phones=tuple(self._phone() for _ in range(self._how_many(0.85, 0.2))),
            document=self._document(company=company) if self.source.random() < 0.8 else None,
            external_id=f"SGM-{position:07d}" if self.source.random() < 0.5 else None,
            tags=(self._tag.draw(self.source),) if self.source.random() < 0.4 else (),
            city=city,
            state=state,
        )

    def again(self, client: SyntheticClient, position: int, original: int) -> SyntheticClient:
        """The same client entered a second time: a letter wrong, something left out."""
        what = self.source.random()
        return replace(
            client,
            name=_misspelt(client.name, self.source) if what < 0.5 else client.name,
            emails=client.emails if what < 0.6 else (),
            phones=client.phones if what > 0.3 else (),
            document=client.document if what > 0.7 else None,
            external_id=f"SGM-{position:07d}" if client.external_id else None,
            duplicate_of=original,
        )

    def _person(self) -> str:
        words = [self._first.draw(self.source)]
        if self.source.random() < 0.35:
            words.append(self._first.draw(self.source))
        for _ in range(1 + (self.source.random() < 0.65) + (self.source.random() < 0.15)):
            if self.source.random() < 0.25:
                words.append(self.source.choice(("da", "de", "dos")))
            words.append(self._last.draw(self.source))
        return " ".join(words)

    def _company(self) -> str:
        trade, form = self.source.choice(_TRADES.split()), self.source.choice(_FORMS)
        return f"{trade} {self._last.draw(self.source)} {form}"

    def _email(self, name: str) -> str:
        words = [word for word in _ascii(name).split() if len(word) > 2]
        first, last = words[0], words[-1]
        shape = self.source.randrange(5)
        number = str(self.source.randrange(1, 2000)) if self.source.random() < 0.7 else ""
        local = (
            f"{first}.{last}",
            f"{first}{last}",
            f"{first[0]}{last}",
            f"{last}.{first}",
            f"{first}_{last}",
        )
        return f"{local[shape]}{number}@{self._domain.draw(self.source)}"

    def _phone(self) -> str:
        area = self._area.draw(self.source)
        if self.source.random() < 0.8:
            return f"+55{area}9{self.source.randrange(60_000_000, 99_999_999)}"
        return f"+55{area}{self.source.randrange(20_000_000, 59_999_999)}"

    def _document(self, *, company: bool) -> str:
        if company:
            digits = [self.source.randrange(10) for _ in range(8)] + [0, 0, 0, 1]
            for _ in range(2):
                weights = [2 + place % 8 for place in range(len(digits))][::-1]
                digits.append(_check_digit(digits, weights))
        else:
            digits = [self.source.randrange(10) for _ in range(9)]
            for _ in range(2):
                digits.append(_check_digit(digits, range(len(digits) + 1, 1, -1)))
        return "".join(map(str, digits))

    def _how_many(self, some: float, second: float) -> int:
        return 0 if self.source.random() > some else 1 + (self.source.random() < second)


class _Weighted:
    """Draws by weight: `random.choices` with its sums made once."""

    def __init__(self, values: Sequence[str], weights: Sequence[float]) -> None:
        self._values = values
        self._sums = list(accumulate(weights))

    def draw(self, source: random.Random) -> str:
        """One value."""
        return source.choices(self._values, cum_weights=self._sums)[0]


def _with_tail(
    common: str, rare: int, endings: Sequence[str], source: random.Random
) -> tuple[list[str], list[float]]:
    """Common names with their shares, and rare ones by Zipf's law for the rest of a thousand."""
    names, weights = _shares(common)
    shares = dict(zip(names, weights, strict=True))
    tail: dict[str, float] = {}
    while len(tail) < rare:
        syllables = source.choices(_SYLLABLES.split(), k=source.choice((1, 2, 2, 3)))
        name = "".join([*syllables, source.choice(endings)]).capitalize()
        if name not in shares:
            tail.setdefault(name, 1 / (len(tail) + 20))
    left = max(1000 - sum(shares.values()), 150) / sum(tail.values())
    return [*shares, *tail], [*shares.values(), *(share * left for share in tail.values())]


def _shares(text: str) -> tuple[list[str], list[float]]:
    pairs = [item.split(":") for item in text.split()]
    return [value for value, _ in pairs], [float(share) for _, share in pairs]


def _check_digit(digits: Sequence[int], weights: Sequence[int] | range) -> int:
    total = sum(digit * weight for digit, weight in zip(digits, weights, strict=True))
    return -total % 11 % 10


def _misspelt(name: str, source: random.Random) -> str:
    place = source.randrange(1, len(name) - 1)
    return name[: place - 1] + name[place] + name[place - 1] + name[place + 1 :]


def _ascii(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).lower()
    return "".join(char for char in folded if char.isascii() and (char.isalnum() or char == " "))
