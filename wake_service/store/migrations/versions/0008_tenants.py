"""whose files may lie on a machine that serves one artist at a time"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("artist_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("machine_id", name=op.f("pk_tenants")),
    )
