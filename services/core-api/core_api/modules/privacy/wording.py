"""What things are called to the people who read them, in Portuguese."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core_api.modules.privacy.kinds import (
    IdentityLevel,
    RefusalGround,
    RequestStatus,
    RequestType,
    StepKind,
)

TYPE_NAMES: Final[Mapping[RequestType, str]] = MappingProxyType(
    {
        RequestType.CONFIRMATION: "confirmação de tratamento",
        RequestType.ACCESS: "acesso aos dados",
        RequestType.CORRECTION: "correção",
        RequestType.ANONYMIZATION: "anonimização",
        RequestType.BLOCKING: "bloqueio",
        RequestType.ERASURE: "exclusão",
        RequestType.PORTABILITY: "portabilidade",
        RequestType.SHARING: "informação sobre compartilhamento",
        RequestType.CONSENT_CONSEQUENCES: "consequências de não consentir",
        RequestType.REVOCATION: "revogação de consentimento",
        RequestType.OPPOSITION: "oposição",
    }
)
TYPE_EXPLAINED: Final[Mapping[RequestType, str]] = MappingProxyType(
    {
        RequestType.CONFIRMATION: "Saber se tratamos dados seus.",
        RequestType.ACCESS: "Receber uma cópia dos dados seus que temos, de onde vieram e para que "
        "são usados.",
        RequestType.CORRECTION: "Corrigir dados incompletos, errados ou desatualizados.",
        RequestType.ANONYMIZATION: "Tirar dos seus dados tudo o que permite saber de quem são.",
        RequestType.BLOCKING: "Suspender o uso dos seus dados, sem apagá-los.",
        RequestType.ERASURE: "Apagar os seus dados. O que a lei manda guardar fica, e você é "
        "informado do que ficou e por quê.",
        RequestType.PORTABILITY: "Receber os seus dados em um formato que outro serviço possa ler.",
        RequestType.SHARING: "Saber com quem os seus dados foram compartilhados.",
        RequestType.CONSENT_CONSEQUENCES: "Saber o que acontece se você não autorizar o uso dos "
        "seus dados.",
        RequestType.REVOCATION: "Cancelar autorizações que você deu.",
        RequestType.OPPOSITION: "Opor-se a um uso dos seus dados que não depende da sua "
        "autorização.",
    }
)
STATUS_NAMES: Final[Mapping[RequestStatus, str]] = MappingProxyType(
    {
        RequestStatus.RECEIVED: "recebido",
        RequestStatus.IDENTITY_PENDING: "aguardando a conferência da identidade",
        RequestStatus.IN_PROGRESS: "em andamento",
        RequestStatus.WAITING_FOR_SUBJECT: "aguardando resposta do titular",
        RequestStatus.EXECUTING: "em execução",
        RequestStatus.COMPLETED: "concluído",
        RequestStatus.REFUSED: "recusado",
        RequestStatus.CANCELLED: "cancelado",
    }
)
LEVEL_NAMES: Final[Mapping[IdentityLevel, str]] = MappingProxyType(
    {
        IdentityLevel.NONE: "nenhum",
        IdentityLevel.BASIC: "básico",
        IdentityLevel.STRONG: "forte",
    }
)
STEP_TITLES: Final[Mapping[StepKind, str]] = MappingProxyType(
    {
        StepKind.OPENED: "Pedido do titular aberto",
        StepKind.IDENTITY_CHECKED: "Identidade conferida",
        StepKind.REPRESENTATIVE_NAMED: "Representante indicado",
        StepKind.CLARIFICATION_ASKED: "Esclarecimento pedido ao titular",
        StepKind.CLARIFIED: "Pedido retomado",
        StepKind.EXTENDED: "Prazo prorrogado",
        StepKind.MESSAGE_RECORDED: "Mensagem sobre o pedido",
        StepKind.MESSAGE_DELIVERY: "Entrega de mensagem atualizada",
        StepKind.DEADLINE_WARNED: "Prazo do pedido se aproxima",
        StepKind.DEADLINE_MISSED: "Prazo do pedido vencido",
        StepKind.EXECUTION_STARTED: "Execução do pedido iniciada",
        StepKind.COMPLETED: "Pedido concluído",
        StepKind.REFUSED: "Pedido recusado",
        StepKind.CANCELLED: "Pedido cancelado",
    }
)
GROUND_NAMES: Final[Mapping[RefusalGround, str]] = MappingProxyType(
    {
        RefusalGround.NOT_THE_CONTROLLER: "não somos o agente de tratamento destes dados "
        "(LGPD, art. 18, § 4º, I)",
        RefusalGround.IMPOSSIBLE_AT_ONCE: "há razões de fato ou de direito que impedem a adoção "
        "imediata da providência (LGPD, art. 18, § 4º, II)",
        RefusalGround.LEGAL_OBLIGATION: "cumprimento de obrigação legal ou regulatória "
        "(LGPD, art. 16, I)",
        RefusalGround.RESEARCH: "estudo por órgão de pesquisa (LGPD, art. 16, II)",
        RefusalGround.LAWFUL_TRANSFER: "transferência a terceiro, na forma da lei "
        "(LGPD, art. 16, III)",
        RefusalGround.ANONYMISED_OWN_USE: "uso exclusivo do controlador, com dados anonimizados "
        "(LGPD, art. 16, IV)",
        RefusalGround.EXERCISE_OF_RIGHTS: "exercício regular de direitos em processo "
        "(LGPD, art. 7º, VI)",
        RefusalGround.TRADE_SECRET: "segredo comercial e industrial (LGPD, arts. 18, V, e 19, II)",
        RefusalGround.NO_PERSONAL_DATA: "não há dado pessoal a tratar (LGPD, art. 12)",
        RefusalGround.IDENTITY_NOT_PROVEN: "a identidade de quem pede não foi comprovada "
        "(LGPD, art. 18, § 1º)",
        RefusalGround.REPRESENTATION_NOT_PROVEN: "a representação do titular não foi comprovada "
        "(LGPD, art. 18, § 3º)",
        RefusalGround.LAW_DOES_NOT_APPLY: "a lei não se aplica a este tratamento (LGPD, art. 4º)",
    }
)
