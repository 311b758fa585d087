"""What would apply to a ticket that does not exist."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.inputs import Input, Tags
from core_api.modules.sla.clock import Entry, EntryKind, Metric, due_at
from core_api.modules.sla.ledger import Ledger
from core_api.modules.sla.policies import Policies, Routing
from core_api.modules.sla.schemas import Priority
from shared_schemas.ids import OrganizationId


class PreviewRequest(Input):
    """What the ticket would be like."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"priority": "urgent", "client_tags": ["vip"]}]}
    )

    priority: Priority = Field(default="normal", description="The ticket's priority")
    category_id: UUID | None = Field(default=None, description="The ticket's category")
    client_id: UUID | None = Field(default=None, description="Whose tags decide; or name the tags")
    client_tags: Tags | None = Field(default=None, description="The tags of its client")
    at: AwareDatetime | None = Field(default=None, description="When it begins, if not now")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.client_id is not None and self.client_tags is not None:
            raise ValueError("Informe o cliente ou as etiquetas, não os dois.")
        return self


class PreviewTarget(BaseModel):
    """One target that would bind."""

    metric: Metric
    target_seconds: int = Field(examples=[1800])
    due_at: datetime | None = Field(description="Null: the calendar never comes that far")


class PreviewRead(BaseModel):
    """What would apply; no policy and no targets when nothing would."""

    policy_id: UUID | None
    policy_name: str | None = Field(examples=["Urgentes"])
    revision: int | None
    targets: list[PreviewTarget]


async def preview(
    tx: AsyncSession, organization_id: OrganizationId, given: PreviewRequest
) -> PreviewRead:
    """Asks the policies in force, and counts as the ledger would if nothing happened."""
    policies, ledger = Policies(tx, organization_id), Ledger(tx, organization_id)
    routing = Routing(
        priority=given.priority,
        category_id=given.category_id,
        client_id=given.client_id,
        client_tags=frozenset(given.client_tags) if given.client_tags is not None else None,
    )
    (policy,) = await policies.choose(await policies.book(), [routing])
    if policy is None:
        return PreviewRead(policy_id=None, policy_name=None, revision=None, targets=[])
    calendars = await ledger.calendars([policy.calendar])
    at = given.at or utc_now()
    return PreviewRead(
        policy_id=policy.revision.id,
        policy_name=policy.name,
        revision=policy.revision.revision,
        targets=[
            PreviewTarget(
                metric=metric,
                target_seconds=int(terms.target.total_seconds()),
                due_at=due_at([Entry(kind=EntryKind.START, at=at, terms=terms)], calendars),
            )
            for metric, terms in policy.offer().terms.items()
            if terms.target is not None
        ],
    )
