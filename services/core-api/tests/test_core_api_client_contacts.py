"""Several e-mails, phones and addresses of a client, exactly one of each the primary one."""

from typing import Any

import pytest
from core_api_factories import CLIENTS, Person, make_client
from core_api_records import Records

from core_api.modules.clients.contacts.addresses import Uf, cep_is_of
from core_api.modules.clients.contacts.normalising import normalise_phone, phone_display

PAULISTA = {"cep": "01310100", "uf": "sp", "city": "São Paulo", "street": "Avenida Paulista"}


def addresses_of(client: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(entry["address"], entry["primary"]) for entry in client["emails"]]


async def test_lists_are_kept_in_order_and_the_first_is_primary(ana: Person) -> None:
    client = await make_client(
        ana,
        emails=[{"address": "A@Example.com", "label": "casa"}, {"address": "b@example.com"}],
        phones=[{"number": "11 3333-4444"}, {"number": "+351 211 234 567", "primary": True}],
        addresses=[PAULISTA | {"number": "1578", "district": "Bela Vista"}],
    )

    assert addresses_of(client) == [("a@example.com", True), ("b@example.com", False)]
    assert client["email"] == "a@example.com"
    assert [(p["number"], p["display"], p["primary"]) for p in client["phones"]] == [
        ("+551133334444", "(11) 3333-4444", False),
        ("+351211234567", "+351 21 123 4567", True),
    ]
    assert client["phone"] == "+351211234567"
    (address,) = client["addresses"]
    assert address == {
        "cep": "01310-100",
        "uf": "SP",
        "city": "São Paulo",
        "street": "Avenida Paulista",
        "number": "1578",
        "complement": None,
        "district": "Bela Vista",
        "label": None,
        "primary": True,
    }
    assert await ana.seen(f"{CLIENTS}/{client['id']}") == client


async def test_singular_fields_are_the_primary_ones(ana: Person) -> None:
    client = await make_client(ana, email="a@example.com", phone="(11) 98765-4321")

    assert addresses_of(client) == [("a@example.com", True)]
    assert [entry["number"] for entry in client["phones"]] == ["+5511987654321"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"email": "c@example.com"}, [("c@example.com", True), ("b@example.com", False)]),
        ({"email": "b@example.com"}, [("a@example.com", False), ("b@example.com", True)]),
        ({"email": None}, [("b@example.com", True)]),
        ({"emails": []}, []),
        ({"emails": [{"address": "d@example.com"}]}, [("d@example.com", True)]),
        ({"name": "Outra"}, [("a@example.com", True), ("b@example.com", False)]),
    ],
)
async def test_change_keeps_list_and_primary_in_step(
    ana: Person, change: dict[str, Any], expected: list[tuple[str, bool]]
) -> None:
    emails = [{"address": "a@example.com"}, {"address": "b@example.com"}]
    client = await make_client(ana, emails=emails)

    changed = (await ana.patch(f"{CLIENTS}/{client['id']}", change)).json()["data"]

    assert addresses_of(changed) == expected
    assert changed["email"] == next((a for a, is_primary in expected if is_primary), None)
    assert await ana.seen(f"{CLIENTS}/{client['id']}") == changed


async def test_change_of_the_primary_one_is_named_once(ana: Person, records: Records) -> None:
    client = await make_client(ana, email="a@example.com")
    path = f"{CLIENTS}/{client['id']}"

    await ana.patch(path, {"email": "b@example.com"})
    await ana.patch(path, {"emails": [{"address": "b@example.com"}, {"address": "c@example.com"}]})

    changed = [row["changed"] for row in await records.audit("client.updated")]
    assert changed == [["email"], ["emails"]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"emails": [{"address": "x"}]}, "E-mail inválido. Confira o endereço."),
        (
            {"emails": [{"address": "a@b.test"}, {"address": "A@b.test", "label": "x"}]},
            "Há um contato repetido na lista. Deixe cada um uma vez.",
        ),
        (
            {"phones": [{"number": f"11 9876{n}-4321", "primary": True} for n in range(2)]},
            "Marque só um como principal.",
        ),
        (
            {"phones": [{"number": "98765-4321"}]},
            "Telefone inválido. Informe DDD e número, por exemplo (11) 98765-4321.",
        ),
        (
            {"email": "a@b.test", "emails": [{"address": "c@b.test"}]},
            "email e emails não dizem o mesmo. Envie só um dos dois.",
        ),
        (
            {"addresses": [PAULISTA | {"cep": "0131010"}]},
            "CEP inválido. Informe os 8 dígitos, por exemplo 01310-100.",
        ),
        (
            {"addresses": [PAULISTA | {"uf": "RJ"}]},
            "O CEP 01310-100 não é de RJ. Confira os dois.",
        ),
    ],
)
async def test_bad_contacts_are_refused_in_one_line(
    ana: Person, given: dict[str, Any], message: str
) -> None:
    created = await ana.post(CLIENTS, {"name": "Júlia"} | given)
    client = await make_client(ana)
    changed = await ana.patch(f"{CLIENTS}/{client['id']}", given | {"name": "Não"})

    for answer in (created, changed):
        assert answer.status_code == 422, answer.text
        assert [detail["message"] for detail in answer.json()["details"]] == [message]
    assert (await ana.seen(f"{CLIENTS}/{client['id']}"))["name"] == client["name"]


@pytest.mark.parametrize("uf", ["XX", "", None, "São", "estado"])
async def test_unknown_state_is_refused(ana: Person, uf: str | None) -> None:
    answer = await ana.post(CLIENTS, {"name": "J", "addresses": [PAULISTA | {"uf": uf}]})

    assert answer.status_code == 422
    assert [(each["field"], each["message"]) for each in answer.json()["details"]] == [
        (
            "body.addresses.0.uf",
            "UF desconhecida. Informe a sigla ou o nome do estado, por exemplo SP.",
        )
    ]


@pytest.mark.parametrize("uf", ["sp", " SP ", "São Paulo", "SAO PAULO", "Estado de São  Paulo"])
async def test_a_state_goes_by_its_name_too(ana: Person, uf: str) -> None:
    client = await make_client(ana, addresses=[PAULISTA | {"uf": uf}])

    assert [address["uf"] for address in client["addresses"]] == ["SP"]


async def test_an_address_may_lack_its_cep(ana: Person) -> None:
    client = await make_client(ana, addresses=[{"uf": "AM", "city": "Manaus", "cep": " "}])

    assert [(each["cep"], each["city"]) for each in client["addresses"]] == [(None, "Manaus")]
    read = await ana.seen(f"{CLIENTS}/{client['id']}")
    assert read["addresses"] == client["addresses"]


async def test_the_same_said_twice_is_accepted(ana: Person) -> None:
    client = await make_client(ana, email="a@b.test", emails=[{"address": "A@B.test"}])

    assert addresses_of(client) == [("a@b.test", True)]


async def test_lists_have_an_end(ana: Person) -> None:
    emails = [{"address": f"a{number}@b.test"} for number in range(21)]

    assert (await ana.post(CLIENTS, {"name": "J", "emails": emails})).status_code == 422


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("(11) 98765-4321", "+5511987654321"),
        ("11987654321", "+5511987654321"),
        ("+55 11 98765-4321", "+5511987654321"),
        ("011 3333-4444", "+551133334444"),
        ("0800 123 4567", "+558001234567"),
        ("+1 202-555-0123", "+12025550123"),
        ("0055 11 98765-4321", "+5511987654321"),
        ("00351 211 234 567", "+351211234567"),
        ("00 15 1 202-555-0123", "+12025550123"),
        ("0 15 11 98765-4321", "+5511987654321"),
        ("\u202a+55 11 98765\u20114321\u202c", "+5511987654321"),
    ],
)
def test_phones_are_read_in_any_notation(text: str, number: str) -> None:
    assert normalise_phone(text) == number
    assert normalise_phone(phone_display(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "98765-4321",
        "190",
        "+55",
        "1" * 20,
        "11 98765-4321 r. 5",
        "٠١١٩٨٧٦٥٤٣٢١x",
        "(20) 98765-4321",  # long enough, and nobody's
        "(11) 08765-4321",
        "+1 000-555-0123",
    ],
)
def test_what_cannot_be_dialled_is_no_phone(text: str) -> None:
    with pytest.raises(ValueError, match="Telefone inválido"):
        normalise_phone(text)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+5511987654321", "(11) 98765-4321"),
        ("+551133334444", "(11) 3333-4444"),
        ("+12025550123", "+1 202-555-0123"),
        ("33334444", "33334444"),
    ],
)
def test_phones_are_shown_as_people_write_them(number: str, shown: str) -> None:
    assert phone_display(number) == shown


def test_every_cep_belongs_to_one_state_at_most() -> None:
    for prefix in range(1000, 100_000, 50):
        owners = [uf for uf in Uf if cep_is_of(f"{prefix:05d}-000", uf)]
        assert len(owners) <= 1, (prefix, owners)
