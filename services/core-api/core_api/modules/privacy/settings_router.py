"""How requests of data subjects are counted and checked, over HTTP."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import Input, absent, changes
from core_api.modules.privacy.exceptions import PolicyAgainstLaw
from core_api.modules.privacy.kinds import DeadlineUnit, IdentityLevel, RequestType
from core_api.modules.privacy.policies import PolicyService, policies_of, settings_of
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["privacy"])

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]


def _latest_last(days: list[int]) -> list[int]:
    return sorted(set(days), reverse=True)


WarningDays = Annotated[
    list[Annotated[int, Field(ge=1, le=90)]], Field(max_length=5), AfterValidator(_latest_last)
]


class PrivacySettingsUpdate(Input):
    """What changes. A field left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_small_agent": True}]})

    is_small_agent: bool = absent()


class PrivacySettingsRead(BaseModel):
    """What holds for all requests of the organization."""

    model_config = ConfigDict(from_attributes=True)

    is_small_agent: bool = Field(
        description="Res. CD/ANPD 2/2022: deadlines are doubled, and the simplified answer has "
        "15 days"
    )
    version: int = Field(description="Goes up with every change; also the `ETag`")


class PrivacyPolicyPut(Input):
    """How requests of one type are counted and checked."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "correction",
                    "days": 10,
                    "unit": "business_days",
                    "extension_days": 10,
                    "identity_required": "basic",
                    "warning_days": [5, 2],
                }
            ]
        }
    )

    type: RequestType
    days: int = Field(ge=0, le=90, description="0 with `at_once`")
    unit: DeadlineUnit
    extension_days: int = Field(ge=0, le=90, description="0: no extension")
    identity_required: IdentityLevel
    warning_days: WarningDays = Field(
        default=[5, 2], description="So many days before the deadline somebody is warned"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.unit is DeadlineUnit.AT_ONCE) != (self.days == 0):
            raise ValueError("O prazo imediato tem zero dias; os outros têm pelo menos um.")
        return self

    @property
    def values(self) -> dict[str, Any]:
        """The columns."""
        return self.model_dump(exclude={"type"})


class PrivacyPolicyRead(BaseModel):
    """How requests of one type are counted and checked, not yet doubled."""

    model_config = ConfigDict(from_attributes=True)

    type: RequestType
    days: int = Field(examples=[15])
    unit: DeadlineUnit
    extension_days: int = Field(examples=[15])
    identity_required: IdentityLevel
    warning_days: list[int] = Field(examples=[[5, 2]])
    version: int = Field(description="Goes up with every change; also the `ETag`")


@router.get("/privacy-settings", summary="Show the privacy settings")
async def get_privacy_settings(
    actor: Reader, tx: ReadTx, response: Response
) -> Success[PrivacySettingsRead]:
    """What holds for all requests of data subjects, with the version as `ETag`."""
    settings = await settings_of(tx, actor.organization_id)
    return versioned(actor, response, PrivacySettingsRead.model_validate(settings))


@router.patch("/privacy-settings", summary="Change the privacy settings")
async def change_privacy_settings(
    given: PrivacySettingsUpdate,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PrivacySettingsRead]:
    """Changes the fields that are sent. Requests that are open keep their deadlines."""
    settings = await PolicyService(tx, actor).change_settings(changes(given), seen_version)
    return versioned(actor, response, PrivacySettingsRead.model_validate(settings))


@router.get("/privacy-policies", summary="List the policies of requests")
async def list_privacy_policies(actor: Reader, tx: ReadTx) -> Success[list[PrivacyPolicyRead]]:
    """One for each type: deadline, extension, identity check, warnings."""
    policies = await policies_of(tx, actor.organization_id)
    return success(actor, [PrivacyPolicyRead.model_validate(policy) for policy in policies])


@router.put(
    "/privacy-policies",
    summary="Set the policy of a type",
    responses=raises(PolicyAgainstLaw(days=15)),
)
async def put_privacy_policy(
    given: PrivacyPolicyPut,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PrivacyPolicyRead]:
    """The whole policy. Confirmation and access are never slower than the law has them (LGPD
    Art. 19). Requests that are open keep what they came in with."""
    policy = await PolicyService(tx, actor).put(given.type, given.values, seen_version)
    return versioned(actor, response, PrivacyPolicyRead.model_validate(policy))
