"""From where the Model Context Protocol may be spoken to us."""

from typing import Annotated, Any, Final

from mcp.server.transport_security import TransportSecuritySettings
from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from chassis.settings import SettingsGroup

_LOCAL: Final = ("localhost", "127.0.0.1", "[::1]")


class McpSettings(SettingsGroup):
    """Names this service is called by. A page that made its own name point here is turned away."""

    hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=_LOCAL, validation_alias="MCP_ALLOWED_HOSTS"
    )
    # Pages whose scripts may; programs send no Origin.
    origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), validation_alias="CORS_ORIGINS"
    )

    @field_validator("hosts", "origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(each.strip().rstrip("/") for each in value.split(",") if each.strip())
        return value

    def security(self) -> TransportSecuritySettings:
        """Each name with any port, and pages of these names."""
        names = [name for host in self.hosts for name in (host, f"{host}:*")]
        own = [f"{scheme}://{name}" for scheme in ("http", "https") for name in names]
        return TransportSecuritySettings(
            enable_dns_rebinding_protection=True,
            allowed_hosts=names,
            allowed_origins=[*self.origins, *own],
        )
