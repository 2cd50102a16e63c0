"""memory and kept results: jobs painted frugally, and prompts that are remembered after they were left"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("frugal", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("prompts", sa.Column("left_at", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("prompts", "left_at")
    op.drop_column("jobs", "frugal")
