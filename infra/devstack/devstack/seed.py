"""Sample data, made the way people make it: uploads, clients, tickets, a consent, all through the
gateway. Running it again adds nothing: titles, addresses, subjects and codes are recognised.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from devstack.errors import DevstackError
from devstack.gateway_client import GatewayClient, logged_in
from devstack.settings import StackSettings

_SAMPLES: Final = Path(__file__).parent / "samples"
_INGESTION_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class SampleClient:
    """Somebody invented, with the question they came with."""

    kind: str
    name: str
    email: str
    phone: str
    subject: str
    description: str
    priority: str


@dataclass(frozen=True, slots=True)
class SampleOrganization:
    """What one organization starts with."""

    slug: str
    admin: str
    titles: dict[str, str]  # file name → title
    clients: tuple[SampleClient, ...]
    categories: tuple[str, ...]
    service: dict[str, Any]  # the purpose tickets are worked on for, also by the assistant
    purpose: dict[str, Any]  # the one that somebody consents to


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a run added."""

    documents: int = 0
    clients: int = 0
    tickets: int = 0

    def __add__(self, other: "Seeded") -> "Seeded":
        return Seeded(
            self.documents + other.documents,
            self.clients + other.clients,
            self.tickets + other.tickets,
        )


_NEWS = {
    "code": "novidades-por-email",
    "name": "Novidades por e-mail",
    "description": "Enviar novidades e avisos por e-mail.",
    "legal_basis": "consent",
    "notice_text": (
        "Usamos seu endereço de e-mail para enviar novidades. "
        "Você pode retirar o consentimento quando quiser."
    ),
    "locale": "pt-BR",
}

_SERVICE = {
    "code": "atendimento",
    "name": "Atendimento",
    "description": "Receber, classificar e responder os chamados de quem procura a organização.",
    "notice_text": (
        "Usamos os dados que você informa para responder aos seus chamados. O assistente ajuda a "
        "classificar e a preparar a resposta; quem responde é uma pessoa."
    ),
    "locale": "pt-BR",
    "assistant_may_use": True,
}

ORGANIZATIONS: Final = (
    SampleOrganization(
        slug="aurora",
        admin="ana",
        titles={
            "iptu.md": "IPTU: descontos e parcelamento",
            "certidoes.md": "Certidões municipais",
            "coleta-de-residuos.md": "Coleta de lixo, recicláveis e entulho",
            "alvara-de-funcionamento.md": "Alvará de funcionamento",
            "poda-de-arvores.txt": "Poda e retirada de árvores",
            "atendimento-e-ouvidoria.html": "Atendimento e ouvidoria",
        },
        clients=(
            SampleClient(
                "person",
                "Lívia Montenegro",
                "livia.montenegro@cliente.example",
                "+55 11 90000-0001",
                "Parcelamento do IPTU",
                "Gostaria de saber em quantas parcelas posso pagar o IPTU deste ano.",
                "normal",
            ),
            SampleClient(
                "person",
                "Otávio Salgueiro",
                "otavio.salgueiro@cliente.example",
                "+55 11 90000-0002",
                "Galho encostado na rede elétrica",
                "Há um galho encostado nos fios em frente à minha casa e ele solta faíscas.",
                "urgent",
            ),
            SampleClient(
                "company",
                "Padaria Flor do Campo Ltda.",
                "contato@flordocampo.example",
                "+55 11 4000-0003",
                "Renovação do alvará",
                "Perdemos o prazo de renovação do alvará. Qual é a multa?",
                "high",
            ),
        ),
        categories=("IPTU e tributos", "Árvores e poda", "Alvarás e licenças", "Certidões"),
        service=_SERVICE | {"legal_basis": "public_policy"},
        purpose=_NEWS,
    ),
    SampleOrganization(
        slug="boreal",
        admin="beto",
        titles={
            "planos-e-precos.md": "Planos de internet residencial",
            "instalacao.md": "Instalação",
            "suporte-tecnico.md": "Suporte técnico",
            "faturas-e-pagamentos.md": "Faturas e pagamentos",
            "cancelamento.md": "Cancelamento",
            "privacidade.txt": "Privacidade e dados pessoais",
        },
        clients=(
            SampleClient(
                "person",
                "Noemi Carvalhal",
                "noemi.carvalhal@cliente.example",
                "+55 21 90000-0004",
                "Luz vermelha no roteador",
                "Minha internet caiu e o roteador está com a luz vermelha acesa.",
                "high",
            ),
            SampleClient(
                "company",
                "Ateliê Pedra Azul ME",
                "contato@pedraazul.example",
                "+55 21 4000-0005",
                "Mudança de plano",
                "Queremos mudar para o plano mais rápido. Há algum custo?",
                "low",
            ),
        ),
        categories=("Internet sem conexão", "Planos e mudança", "Faturas e pagamentos"),
        service=_SERVICE | {"legal_basis": "contract"},
        purpose=_NEWS,
    ),
)


async def seed(settings: StackSettings) -> Seeded:
    """Bring both organizations to their starting point; returns what had been missing."""
    added = await asyncio.gather(*(_seed_one(settings, sample) for sample in ORGANIZATIONS))
    return sum(added, Seeded())


async def _seed_one(settings: StackSettings, sample: SampleOrganization) -> Seeded:
    async with logged_in(settings, sample.admin) as api:
        uploaded = await _upload_missing(api, sample)
        await _desk(api, sample)
        clients = tickets = 0
        for person in sample.clients:
            client_id, is_new = await _client(api, person)
            clients += is_new
            tickets += await _ticket(api, client_id, person)
        if clients:
            await _consent(api, sample)
        await wait_until_indexed(api, uploaded)
        return Seeded(len(uploaded), clients, tickets)


async def _upload_missing(api: GatewayClient, sample: SampleOrganization) -> list[str]:
    known = await api.get("/rag/documents", limit=100)
    titles = {entry["title"] for entry in known if entry["status"] != "failed"}
    uploaded = []
    for name, title in sample.titles.items():
        if title not in titles:
            content = (_SAMPLES / sample.slug / name).read_bytes()
            document = await api.upload("/rag/documents", name, content, title=title)
            uploaded.append(document["id"])
    return uploaded


async def _client(api: GatewayClient, person: SampleClient) -> tuple[str, bool]:
    for found in await api.get("/clients/search", q=person.email):
        if found["name"] == person.name:
            return str(found["id"]), False
    body = {field: getattr(person, field) for field in ("kind", "name", "email", "phone")}
    created = await api.post("/clients", body | {"tags": ["exemplo"]})
    return str(created["id"]), True


async def _ticket(api: GatewayClient, client_id: str, person: SampleClient) -> int:
    known = await api.get("/tickets", client_id=client_id)
    if any(entry["subject"] == person.subject for entry in known):
        return 0
    body = {field: getattr(person, field) for field in ("subject", "description", "priority")}
    await api.post("/tickets", body | {"client_id": client_id, "channel": "web"})
    return 1


async def _desk(api: GatewayClient, sample: SampleOrganization) -> None:
    """What tickets are sorted into, and the purpose that lets the assistant do it."""
    await _purpose(api, sample.service)
    known = {category["name"] for category in await api.get("/categories")}
    for name in sample.categories:
        if name not in known:
            await api.post("/categories", {"name": name})


async def _purpose(api: GatewayClient, wanted: dict[str, Any]) -> Any:
    purposes = await api.get("/consent-purposes")
    known = next((each for each in purposes if each["code"] == wanted["code"]), None)
    return known or await api.post("/consent-purposes", wanted)


async def _consent(api: GatewayClient, sample: SampleOrganization) -> None:
    purpose = await _purpose(api, sample.purpose)
    client_id, _ = await _client(api, sample.clients[0])
    decision: dict[str, Any] = {
        "purpose_code": purpose["code"],
        "decision": "granted",
        "channel": "web",
        "notice_version": purpose["notice_version"],
    }
    await api.post(f"/clients/{client_id}/consents", decision)


async def wait_until_indexed(api: GatewayClient, documents: list[str]) -> None:
    """Return when the worker finished them. Raises DevstackError with the cause of a failure."""
    deadline = time.monotonic() + _INGESTION_SECONDS
    for document_id in documents:
        while True:
            document = await api.get(f"/rag/documents/{document_id}")
            if document["status"] == "indexed":
                break
            if document["status"] in ("failed", "cancelled"):
                reason = document.get("error_message") or document["status"]
                raise DevstackError(f"The sample {document['title']!r} was not indexed: {reason}")
            if time.monotonic() > deadline:
                raise DevstackError(
                    f"The sample {document['title']!r} was not indexed within "
                    f"{_INGESTION_SECONDS:.0f} s; see cogep logs worker-svc"
                )
            await asyncio.sleep(0.1)
