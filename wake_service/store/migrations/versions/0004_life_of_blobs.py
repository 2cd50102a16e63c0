"""life of blobs: which checksums may have bytes, and which pictures a job starts from"""

import json
import time

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROWS_AT_ONCE = 1000


def upgrade() -> None:
    blob_bytes = op.create_table(
        "blob_bytes",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("touched_at", sa.Float(), nullable=False),
        sa.Column("leaving", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob_bytes")),
    )
    job_inputs = op.create_table(
        "job_inputs",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("artist_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "sha256", name=op.f("pk_job_inputs")),
    )
    op.create_index("ix_job_inputs_artist_id_sha256", "job_inputs", ["artist_id", "sha256"], unique=False)
    op.create_index("ix_blob_grants_sha256", "blob_grants", ["sha256"], unique=False)
    finished = sa.text("finished_at IS NOT NULL")
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at"], sqlite_where=finished, postgresql_where=finished)
    _take_over(blob_bytes, job_inputs)


def _take_over(blob_bytes: sa.Table, job_inputs: sa.Table) -> None:
    """What is stored already has bytes; what jobs start from stands in their requests."""
    conn = op.get_bind()
    blobs = sa.table("blobs", sa.column("sha256"))
    known = sa.select(blobs.c.sha256, sa.literal(time.time()), sa.false())
    conn.execute(blob_bytes.insert().from_select(["sha256", "touched_at", "leaving"], known))
    jobs = sa.table("jobs", sa.column("place"), sa.column("id"), sa.column("artist_id"), sa.column("request"))
    last = -1
    while rows := conn.execute(sa.select(jobs).where(jobs.c.place > last).order_by(jobs.c.place).limit(_ROWS_AT_ONCE)).all():
        last = rows[-1].place
        used = [(row.id, row.artist_id, sha256) for row in rows for sha256 in sorted(_inputs(json.loads(row.request)))]
        if used:
            values = [{"job_id": job_id, "artist_id": artist_id, "sha256": sha256} for job_id, artist_id, sha256 in used]
            conn.execute(job_inputs.insert(), values)


def _inputs(request: dict[str, object]) -> set[str]:
    return {str(request[name]) for name in ("image", "mask") if request.get(name)}


def downgrade() -> None:
    op.drop_index("ix_jobs_finished_at", table_name="jobs")
    op.drop_index("ix_blob_grants_sha256", table_name="blob_grants")
    op.drop_index("ix_job_inputs_artist_id_sha256", table_name="job_inputs")
    op.drop_table("job_inputs")
    op.drop_table("blob_bytes")
