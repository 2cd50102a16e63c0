"""What machines did and what that has cost, when it is older than it is kept."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Table, delete, select

from wake_service.machines.intervals import month_start
from wake_service.machines.model import MachineState
from wake_service.store.store import Transaction
from wake_service.store.tables import ledger, machines, shares, standing, wakes


def forget(tx: Transaction, ended_before: float, limit: int) -> int:
    """Deletes wakes, machines that are gone, and costs that ended by then (epoch seconds); at most `limit` of each at once.

    Costs go by whole calendar months (UTC): a month of which a part is still kept shows all of it, and the month that a budget
    is for is never cut. Returns the most that went of one kind: as many as `limit` means that there may be more.
    """
    month = month_start(ended_before)
    gone = (machines.c.state == MachineState.GONE) & (machines.c.since <= ended_before)
    went = (
        _delete(tx, wakes, wakes.c.requested_at <= ended_before, limit),
        _delete(tx, machines, gone, limit),
        _delete(tx, ledger, ledger.c.to_at <= month, limit),
        _delete(tx, shares, shares.c.at < month, limit),
    )
    day = datetime.fromtimestamp(month, UTC).date().isoformat()
    tx.conn.execute(delete(standing).where(standing.c.day < day))  # a few rows a day
    return max(went)


def _delete(tx: Transaction, table: Table, old: ColumnElement[bool], limit: int) -> int:
    ids = select(table.c.id).where(old).limit(limit)
    return tx.conn.execute(delete(table).where(table.c.id.in_(ids))).rowcount
