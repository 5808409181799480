"""What the service is told by its environment."""

import re
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_SECRETS = Path("/run/secrets")  # where containers have them
_KEY = re.compile(r"[!-~]{16,}")


class ServiceSettings(BaseSettings):
    """Settings of the service, each from the variable `PUSH_PROPENSITY_<NAME>`.

    In a container also from the secret `push_propensity_<name>`.
    """

    model_config = SettingsConfigDict(
        env_prefix="PUSH_PROPENSITY_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    api_key: SecretStr = Field(
        description="Required: the key that callers send, of 16 characters at least; several with "
        "commas between.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on. Default: 127.0.0.1.")
    port: int = Field(8000, ge=0, le=65_535, description="The port to listen on. Default: 8000.")
    workers: int = Field(1, ge=1, le=256, description="Processes that answer. Default: 1.")
    timeout_seconds: float = Field(
        10, gt=0, description="How long a body may take to come, and a call to wait. Default: 10."
    )
    allow_fit: bool = Field(False, description="Whether there is POST /fit. Default: false.")

    @field_validator("api_key")
    @classmethod
    def _check_keys(cls, keys: SecretStr) -> SecretStr:
        if all(_KEY.fullmatch(key) for key in _split(keys)):
            return keys
        raise ValueError("each key must have at least 16 characters, printable ASCII")

    @property
    def api_keys(self) -> tuple[bytes, ...]:
        """The keys that are accepted."""
        return tuple(key.encode() for key in _split(self.api_key))


def _split(keys: SecretStr) -> list[str]:
    return [key.strip() for key in keys.get_secret_value().split(",")]
