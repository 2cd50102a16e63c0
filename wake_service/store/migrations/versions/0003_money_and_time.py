"""money and time: wakes by kind of machine up to the first step, who shares a wake, what stands there while all sleeps"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("wakes") as wakes:
        wakes.add_column(sa.Column("first_step_at", sa.Float(), nullable=True))
        wakes.add_column(sa.Column("pool", sa.String(length=64), nullable=True))
        wakes.add_column(sa.Column("instance_type", sa.String(length=32), nullable=True))
        wakes.add_column(sa.Column("zone", sa.String(length=32), nullable=True))
        wakes.add_column(sa.Column("spot", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("ledger") as ledger:
        ledger.add_column(sa.Column("wake_id", sa.String(length=36), nullable=True))
    op.create_index("ix_ledger_wake_id", "ledger", ["wake_id"])
    op.create_index("ix_ledger_to_at", "ledger", ["to_at"])
    op.create_table(
        "shares",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("wake_id", sa.String(length=36), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=True),
        sa.Column("artist_id", sa.String(length=36), nullable=True),
        sa.Column("job_id", sa.String(length=36), nullable=True),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
    )
    for column in ("wake_id", "at", "job_id"):
        op.create_index(f"ix_shares_{column}", "shares", [column])
    op.create_table(
        "standing",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "what", name=op.f("pk_standing")),
    )


def downgrade() -> None:
    op.drop_table("standing")
    op.drop_table("shares")
    op.drop_index("ix_ledger_to_at", "ledger")
    op.drop_index("ix_ledger_wake_id", "ledger")
    with op.batch_alter_table("ledger") as ledger:
        ledger.drop_column("wake_id")
    with op.batch_alter_table("wakes") as wakes:
        for name in ("spot", "zone", "instance_type", "pool", "first_step_at"):
            wakes.drop_column(name)
