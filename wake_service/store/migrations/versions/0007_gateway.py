"""gateway: graphs that ComfyUI clients bring, their artists' files and settings, assets, tasks of the queue service"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("face", sa.String(length=8), server_default=sa.text("'v1'"), nullable=False))
    op.create_index("ix_jobs_artist_id_face_place", "jobs", ["artist_id", "face", "place"], unique=False)
    op.create_table(
        "workflows",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("artist_id", sa.String(length=36), nullable=False),
        sa.Column("graph", sa.LargeBinary(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("number", sa.Float(), nullable=False),
        sa.Column("targets", sa.Text(), nullable=False),
        sa.Column("node_errors", sa.Text(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=False),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.Column("messages", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=True),
        sa.Column("told", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hidden", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_workflows")),
    )
    _files()
    _assets()
    op.create_table(
        "tasks",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("artist_id", sa.String(length=36), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("deliveries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("redeliver_at", sa.Float(), nullable=True),
        sa.Column("acknowledged_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("artist_id", "task_id", name=op.f("uq_tasks_artist_id")),
    )
    still_open = sa.text("acknowledged_at IS NULL")
    op.create_index("ix_tasks_open", "tasks", ["artist_id"], sqlite_where=still_open, postgresql_where=still_open)


def _files() -> None:
    op.create_table(
        "files",
        sa.Column("artist_id", sa.String(length=36), nullable=False),
        sa.Column("folder", sa.String(length=8), nullable=False),
        sa.Column("subfolder", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=True),
        sa.Column("node_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["artist_id"], ["artists.id"], name=op.f("fk_files_artist_id")),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_files_sha256")),
        sa.PrimaryKeyConstraint("artist_id", "folder", "subfolder", "name", name=op.f("pk_files")),
    )
    op.create_index("ix_files_sha256", "files", ["sha256"], unique=False)
    op.create_index("ix_files_job_id", "files", ["job_id", "at"], unique=False)
    op.create_table(
        "comfy_settings",
        sa.Column("artist_id", sa.String(length=36), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("artist_id", name=op.f("pk_comfy_settings")),
    )
    op.create_table(
        "userdata",
        sa.Column("artist_id", sa.String(length=36), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("modified_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("artist_id", "path", name=op.f("pk_userdata")),
    )


def _assets() -> None:
    op.create_table(
        "assets",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("artist_id", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("blake3", sa.String(length=64), nullable=False),
        sa.Column("file_path", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=True),
        sa.Column("node_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["artist_id"], ["artists.id"], name=op.f("fk_assets_artist_id")),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_assets_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
    )
    op.create_index("ix_assets_artist_id_blake3", "assets", ["artist_id", "blake3"], unique=False)
    op.create_index("ix_assets_sha256", "assets", ["sha256"], unique=False)
    op.create_index("ix_assets_job_id", "assets", ["job_id"], unique=False)


def downgrade() -> None:
    for table in ("tasks", "assets", "userdata", "comfy_settings", "files", "workflows"):
        op.drop_table(table)
    op.drop_index("ix_jobs_artist_id_face_place", table_name="jobs")
    op.drop_column("jobs", "face")
