"""What an admin can set: environment variables `WAKEBRUSH_*` first, then one file, `wakebrush.toml` in the data folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from wake_service.errors import SetupError

DEFAULT_PORT = 7717
DEFAULT_GATEWAY_PORT = 7718
MICROS = 1_000_000


def default_data_folder() -> Path:
    """The user's own data folder for Wakebrush (docs/wire.md, "Finding a service on this computer")."""
    return platformdirs.user_data_path("wakebrush", appauthor=False)


def _split(value: Any) -> Any:
    return shlex.split(value) if isinstance(value, str) else value


def _unless_forever(value: Any) -> Any:
    return None if value == "forever" else value


class Settings(BaseSettings):
    """Everything the service can be told. Money in whole currency units, times in seconds, sizes in bytes or pixels."""

    model_config = SettingsConfigDict(env_prefix="WAKEBRUSH_", extra="forbid")

    data: Path = Field(default_factory=default_data_folder, description="Folder of database, pictures and machines")
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(DEFAULT_PORT, ge=0, le=65535, description="0 lets the system choose")

    gateway_host: str | None = Field(None, description="Address of the gateway for ComfyUI clients; default: as `host`")
    gateway_port: int = Field(DEFAULT_GATEWAY_PORT, ge=0, le=65535, description="0 lets the system choose")
    gateway_url: str | None = Field(
        None, description="How clients reach the gateway from outside (https://comfy.studio.example); default: as they say it"
    )
    gateway_max_body_bytes: int = Field(104_857_600, ge=1024, description="Larger bodies are refused, as ComfyUI does")
    gateway_hold_seconds: float = Field(
        600, gt=0, description="How long a call that needs a machine waits for one to wake before it is answered with 503"
    )
    gateway_sockets_per_token: int = Field(64, ge=1, description="Event sockets that one token may have open")
    gateway_path_nodes: list[str] = Field(
        default_factory=list, description="Node classes that may take file paths on machines that several artists share"
    )
    isolation: Literal["shared", "per_artist"] = Field(
        "shared", description="per_artist: a machine serves one artist at a time and is wiped before the next"
    )

    public_url: str | None = Field(
        None,
        pattern="^https?://[^#?]+$",
        description="How artists reach the service from elsewhere (https://wakebrush.studio.example)",
    )
    plugin_folder: Path | None = Field(None, description="Folder with the plugin's zip that artists are offered")

    provider: Literal["process", "ec2"] = Field("process", description="Where the machines are: on this computer, or in EC2")

    comfyui_folder: Path | None = Field(None, description="A ComfyUI checkout to run instead of the practice engine")
    comfyui_python: Path | None = Field(None, description="The Python that runs it; default: its own venv, else `python3`")
    comfyui_workspace: Path | None = Field(None, description="A comfy-cli workspace, instead of the two above")
    engine_args: Annotated[list[str], NoDecode, BeforeValidator(_split)] = Field(
        default_factory=list, description="More arguments for ComfyUI"
    )
    practice_args: Annotated[list[str], NoDecode, BeforeValidator(_split)] = Field(
        default_factory=list, description="More arguments for the practice engine"
    )
    styles_file: Path | None = Field(None, description="TOML file of styles; default: the practice styles, or one per checkpoint")

    idle_seconds: float = Field(1800, gt=0, description="How long a machine stays awake after its last work")
    wish_seconds: float = Field(300, gt=0, description='How long "I am about to paint" keeps a machine awake')
    wake_deadline_seconds: float = Field(900, gt=0, description="A wake that takes longer has failed")
    stop_deadline_seconds: float = Field(120, gt=0, description="A stop that takes longer is forced")
    wake_estimate_seconds: float | None = Field(
        None,
        gt=0,
        description="What a wake takes, until some were measured; default: 5 (practice), 20 (ComfyUI) or 90 (EC2)",
    )

    price_per_hour: float = Field(0.0, ge=0, description="What an hour of the machine costs")
    currency: str = Field("USD", pattern="^[A-Z]{3}$")
    month_budget: float | None = Field(None, ge=0, description="The default team's budget for a calendar month (UTC)")

    max_pixels: int = Field(16_777_216, ge=4096, description="Largest picture accepted or made (4096 x 4096)")
    max_blob_bytes: int = Field(100_000_000, ge=1024)
    max_count: int = Field(10, ge=1, le=10)
    max_unfinished_jobs: int = Field(500, ge=1, description="Per artist")
    keep_events_days: float = Field(7, gt=0)
    keep_results_days: Annotated[Annotated[float, Field(gt=0)] | None, BeforeValidator(_unless_forever)] = Field(
        90, description='Pictures of finished jobs, and what they started from; "forever" keeps them'
    )
    keep_history_days: float = Field(400, gt=0, description="Finished jobs without pictures, wakes, and what they cost")
    quota_bytes: int | None = Field(None, ge=0, description="What one artist's uploads and pictures may take; default: no limit")
    min_free_bytes: int = Field(64_000_000, ge=0, description="Uploads and jobs are refused when the disk has less left")

    pool_maximum: int = Field(1, ge=1, description="Machines that may be awake at once")
    max_uptime_seconds: float = Field(43_200, gt=0, description="A machine awake for so long is drained, whoever uses it")
    longest_job_seconds: float = Field(3600, gt=0, description="How long draining may take before it is stopped all the same")
    max_hold_seconds: float = Field(14_400, gt=0, description='The longest "keep awake"')
    curfew: str | None = Field(None, description='When nothing may run: "Fri 22:00 - Mon 07:00"')
    curfew_exceptions: list[str] = Field(
        default_factory=list, description='Days on which it does not hold: ["2026-12-18 .. 2026-12-20 delivery week"]'
    )
    timezone: str = Field("UTC", description="The time zone of the curfew")
    reaper_seconds: float = Field(60, gt=0, description="How often the cloud's own list is checked against the leases")

    aws_region: str = Field("us-east-1", description="AWS region of the machines")
    aws_deployment: str = Field("wakebrush", pattern="^[a-z][a-z0-9-]{0,31}$", description="Name that all our things there bear")
    aws_endpoint: str | None = Field(None, description="Another address than Amazon's own, for a rehearsal")
    aws_launch_template: str | None = Field(None, description="What new machines are made from; default: the stack's own")
    aws_security_group: str | None = Field(None, description="Where the service opens the way for itself; default: the stack's")
    aws_bucket: str | None = Field(None, description="S3 bucket for pictures; default: the data folder")
    aws_bucket_key: str | None = Field(
        None, description="KMS key that pictures in the bucket are encrypted with; default: S3's own"
    )
    aws_guard_port: int = Field(8443, ge=1, le=65535, description="Port of the guard on every machine")
    aws_capacity_file: Path | None = Field(None, description="TOML file: what to try when all machines of a kind are taken")
    aws_prices_file: Path | None = Field(None, description="TOML file of prices that differ from the ones we know")

    trusted_proxies: str = Field("127.0.0.1,::1", description="Whose X-Forwarded-* headers are believed")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        folder = init_settings().get("data") or env_settings().get("data") or default_data_folder()
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(folder) / "wakebrush.toml")

    @property
    def practice(self) -> bool:
        """Whether the machine runs the practice engine."""
        return self.comfyui_folder is None and self.comfyui_workspace is None

    @property
    def first_wake_estimate(self) -> float:
        """Seconds a wake is thought to take until wakes were measured.

        On a computer of today 5 for the practice engine, 20 for ComfyUI. In EC2 90 from a stopped machine: measured in public
        (daemonology.net, ec2-boot-bench, 2021, c5.xlarge) are about 30 s from the order until Linux is reached; a GPU's driver
        and ComfyUI with its libraries, read from a network disk, are taken for twice that. Three wakes of one's own replace it.
        """
        if self.wake_estimate_seconds:
            return self.wake_estimate_seconds
        return 90.0 if self.provider == "ec2" else 5.0 if self.practice else 20.0

    @property
    def price_micros_per_hour(self) -> int:
        """Price in millionths of the currency unit."""
        return round(self.price_per_hour * MICROS)

    @property
    def month_budget_micros(self) -> int | None:
        """Budget in millionths of the currency unit."""
        return None if self.month_budget is None else round(self.month_budget * MICROS)


def load(**given: Any) -> Settings:
    """Settings from arguments (those not None), environment and file. Raises SetupError that names each wrong one."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
        raise SetupError("These settings cannot be used: " + "; ".join(lines)) from error
    except ValueError as error:
        raise SetupError(f"wakebrush.toml cannot be read: {error}") from error
