"""machines in a cloud: their kind, holds, how long they have been up, and what their cloud says of them"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("machines") as machines:
        machines.add_column(sa.Column("instance_type", sa.String(length=32), nullable=True))
        machines.add_column(sa.Column("zone", sa.String(length=32), nullable=True))
        machines.add_column(sa.Column("spot", sa.Boolean(), nullable=False, server_default=sa.false()))
        machines.add_column(sa.Column("hold_until", sa.Float(), nullable=False, server_default="0"))
        machines.add_column(sa.Column("awake_since", sa.Float(), nullable=True))
        machines.add_column(sa.Column("notice", sa.String(length=16), nullable=True))
        machines.add_column(sa.Column("no_capacity", sa.Boolean(), nullable=False, server_default=sa.false()))
        machines.add_column(sa.Column("stuck", sa.Boolean(), nullable=False, server_default=sa.false()))
    # A machine that is up has been so since its last change at least.
    op.execute("UPDATE machines SET awake_since = since WHERE state NOT IN ('asleep', 'gone')")


def downgrade() -> None:
    with op.batch_alter_table("machines") as machines:
        for name in ("stuck", "no_capacity", "notice", "awake_since", "hold_until", "spot", "zone", "instance_type"):
            machines.drop_column(name)
