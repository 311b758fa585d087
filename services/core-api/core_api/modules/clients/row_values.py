"""From the texts of a spreadsheet's row to what the commands on clients take."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final

from core_api.folding import fold
from core_api.masking import mask_document, mask_email, mask_phone
from core_api.modules.clients.columns import CUSTOM, joined
from core_api.modules.clients.contacts.addresses import normalise_cep, uf_of_cep
from core_api.modules.clients.contacts.normalising import normalise_phone
from core_api.modules.clients.lost_zeros import CNPJ_LENGTH, whole_cep, whole_document
from core_api.modules.clients.models import Client, ClientKind

Texts = Mapping[str, Sequence[str]]
"""Field → what its columns hold, in their order. Fields that no column holds are absent."""

_ADDRESS: Final = ("cep", "uf", "city", "street", "number", "complement", "district")
_SEPARATORS: Final = re.compile(r"[;,|\n]")
_KINDS: Final = MappingProxyType(
    dict.fromkeys(
        ("person", "pessoa", "pf", "f", "fisica", "pessoa fisica", "individual"), ClientKind.PERSON
    )
    | dict.fromkeys(
        ("company", "empresa", "pj", "j", "juridica", "pessoa juridica", "organization"),
        ClientKind.COMPANY,
    )
)


@dataclass(frozen=True, slots=True)
class RowRules:
    """How rows are to be understood."""

    kind: ClientKind = ClientKind.PERSON
    """Of who has neither a kind nor a CNPJ."""
    clear_blanks: bool = False
    """Whether an empty cell empties the field of a client that exists; else it says nothing."""


def rules_of(kind: str, *, clear_blanks: bool) -> RowRules:
    """For other contexts, which know kinds by their names."""
    return RowRules(ClientKind(kind), clear_blanks)


def values_of(texts: Texts, rules: RowRules, client: Client | None, document: str | None) -> Any:
    """The body of a POST (`client` is None) or of a PATCH, yet to be validated.

    `document`: the client's number, in the clear.
    """
    values: dict[str, Any] = {}
    for field in ("name", "external_id"):
        _put_single(values, field, texts, client, rules)
    _put_kind(values, texts, rules, client)
    _put_document(values, texts, rules, client)
    _put_contacts(values, texts, rules, client, ("email", "other_emails", "emails", "address"))
    _put_contacts(values, texts, rules, client, ("phone", "other_phones", "phones", "number"))
    _put_tags(values, texts, rules, client)
    _put_address(values, texts, rules, client)
    _put_custom(values, texts, rules, client)
    if client is not None:
        _drop_masked(values, client, document)
    return values


def _first(texts: Texts, field: str) -> str:
    """In one line: a cell with line breaks is still one name, or one street."""
    return next((" ".join(text.split()) for text in texts.get(field, ()) if text), "")


def _says_nothing(text: object, client: Client | None, rules: RowRules) -> bool:
    return not text and (client is None or not rules.clear_blanks)


def _put_single(
    values: dict[str, Any], field: str, texts: Texts, client: Client | None, rules: RowRules
) -> None:
    text = _first(texts, field)
    if field in texts and not _says_nothing(text, client, rules):
        values[field] = text  # what may not be empty says so itself


def _put_kind(values: dict[str, Any], texts: Texts, rules: RowRules, client: Client | None) -> None:
    text = _first(texts, "kind")
    if text:
        values["kind"] = _KINDS.get(fold(text).strip(), text)
    elif client is None:
        number = re.sub(r"\W", "", whole_document(_first(texts, "document"), None))
        values["kind"] = ClientKind.COMPANY if len(number) == CNPJ_LENGTH else rules.kind


def _put_document(
    values: dict[str, Any], texts: Texts, rules: RowRules, client: Client | None
) -> None:
    text = _first(texts, "document")
    if "document" in texts and not _says_nothing(text, client, rules):
        said = client is not None or _first(texts, "kind")  # not only assumed of the whole file
        kind = values.get("kind", client and client.kind) if said else None
        values["document"] = whole_document(text, kind) or None


def _put_contacts(
    values: dict[str, Any],
    texts: Texts,
    rules: RowRules,
    client: Client | None,
    names: tuple[str, str, str, str],
) -> None:
    single, others, many, key = names
    first, *more = [text for text in texts.get(single, ()) if text] or [""]
    more += [part for text in texts.get(others, ()) for part in _parts(text)]
    if others in texts or more:
        wanted = [*([first] if first else []), *more]
        if _says_nothing(wanted, client, rules):
            return
        if not more and not rules.clear_blanks and client is not None:
            values[single] = first  # others it may have stay
            return
        values[many] = _entries(wanted, key, [] if client is None else getattr(client, many))
    elif single in texts and not _says_nothing(first, client, rules):
        values[single] = first or None


def _entries(
    wanted: Sequence[str], key: str, current: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The list of a client's contacts, the first wanted being the primary one. Those that are
    there already keep label and place: a file does not have them."""
    places = {entry[key]: (index, entry["label"]) for index, entry in enumerate(current)}
    found = []
    for position, text in enumerate(wanted):
        place, label = places.get(_comparable(text, key), (len(current) + position, None))
        found.append((place, {key: text, "label": label, "primary": position == 0}))
    return [entry for _, entry in sorted(found, key=itemgetter(0))]


def _comparable(text: str, key: str) -> str:
    try:
        return normalise_phone(text) if key == "number" else text.strip().lower()
    except ValueError:
        return text


def _put_tags(values: dict[str, Any], texts: Texts, rules: RowRules, client: Client | None) -> None:
    if client is not None and list(texts.get("tags", ())) == [joined(client.tags)]:
        return  # as exported: a tag may hold what separates them
    tags = [part for text in texts.get("tags", ()) for part in _parts(text)]
    if "tags" in texts and not _says_nothing(tags, client, rules):
        values["tags"] = tags


def _put_address(
    values: dict[str, Any], texts: Texts, rules: RowRules, client: Client | None
) -> None:
    """The primary address; others stay."""
    given = {name: _first(texts, name) for name in _ADDRESS if name in texts}
    entries = [] if client is None else client.addresses
    current = next((entry for entry in entries if entry["primary"]), {})
    if not any(given.values()):
        if current and rules.clear_blanks and given:
            rest = [entry for entry in entries if not entry["primary"]]
            values["addresses"] = [
                entry | {"primary": position == 0} for position, entry in enumerate(rest)
            ]
        return
    said = {name: text for name, text in given.items() if text or rules.clear_blanks}
    address = _whole({**current, **said}) | {"primary": True}
    if current:
        values["addresses"] = [address if entry["primary"] else entry for entry in entries]
    else:
        values["addresses"] = [address]


def _whole(address: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty; with what a spreadsheet has taken away, and the state of the CEP."""
    known = {name: value for name, value in address.items() if value}
    uf = known.get("uf", "")
    if "cep" in known:
        known["cep"] = whole_cep(known["cep"], uf)
        with suppress(ValueError):
            uf = uf or uf_of_cep(normalise_cep(known["cep"]))
    return known | ({"uf": uf} if uf else {})


def _put_custom(
    values: dict[str, Any], texts: Texts, rules: RowRules, client: Client | None
) -> None:
    given = {
        field.removeprefix(CUSTOM): next((text for text in texts[field] if text), None)
        for field in texts
        if field.startswith(CUSTOM)
    }
    said = {key: text for key, text in given.items() if not _says_nothing(text, client, rules)}
    if said:
        values["custom_fields"] = said


def _drop_masked(values: dict[str, Any], client: Client, document: str | None) -> None:
    """What an export has masked comes back as it was: it says nothing."""
    current = {
        "document": document and mask_document(document),
        "email": client.email and mask_email(client.email),
        "phone": client.phone and mask_phone(client.phone),
    }
    for field, masked in current.items():
        if masked and values.get(field) == masked:
            del values[field]


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _SEPARATORS.split(text) if part.strip()]
