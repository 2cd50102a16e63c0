"""the order among an artist's own jobs, and who keeps a machine awake"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("front", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("machines", sa.Column("held_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("machines", "held_by")
    op.drop_column("jobs", "front")
