"""The store of models that the settings describe."""

from __future__ import annotations

from pathlib import Path

from wake_service.clock import Clock
from wake_service.models.folder_store import FolderModels
from wake_service.models.store import ModelStore
from wake_service.settings import Settings


def open_store(settings: Settings, clock: Clock) -> ModelStore | None:
    """The bucket, where there is one; else, for machines that are processes here, their ComfyUI's own models. None: machines in
    a cloud whose settings name no bucket."""
    if settings.provider == "process":
        return FolderModels(_folder(settings))
    if settings.aws_bucket is None:
        return None
    from wake_service.aws.clients import Aws  # boto3 is there only where AWS is used
    from wake_service.models.s3_store import S3Models

    aws = Aws(settings.aws_region, clock, endpoint=settings.aws_endpoint)
    return S3Models(aws, settings.aws_bucket, key_id=settings.aws_bucket_key)


def _folder(settings: Settings) -> Path:
    if settings.comfyui_folder is not None:
        return settings.comfyui_folder.expanduser() / "models"
    if settings.comfyui_workspace is not None:
        workspace = settings.comfyui_workspace.expanduser()
        inner = workspace / "ComfyUI"
        return (inner if (inner / "main.py").is_file() else workspace) / "models"
    return settings.data / "models"
