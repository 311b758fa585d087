"""What core-api reads from the environment, beside what every service reads."""

from dataclasses import dataclass

from chassis.settings import SealingSettings, ServiceAppSettings


@dataclass(frozen=True, kw_only=True)
class CoreApiSettings(ServiceAppSettings):
    """All of core-api's settings."""

    sealing: SealingSettings
