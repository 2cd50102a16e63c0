"""The tables of people and of what lets them in; the others are in tables.py, which hands these on."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, MetaData, String, Table, Text, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

teams = Table(
    "teams",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", Text, nullable=False),
    Column("month_budget_micros", BigInteger),
    Column("created_at", Float, nullable=False),
    #: Separated by spaces; see accounts/bars.py.
    Column("barred_classes", Text, nullable=False, server_default=text("''")),
)

artists = Table(
    "artists",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False, index=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("artist_id", ForeignKey("artists.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
)

#: Codes that pair a computer; a row goes when it is used.
invitations = Table(
    "invitations",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("artist", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("token_days", Float),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)
