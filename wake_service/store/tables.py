"""All tables. Moments are epoch seconds (UTC); money is millionths of the currency unit; an artist's rows name their owner."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from wake_service.store.people_tables import artists as artists
from wake_service.store.people_tables import invitations as invitations
from wake_service.store.people_tables import metadata as metadata
from wake_service.store.people_tables import teams as teams
from wake_service.store.people_tables import tokens as tokens

#: SQLite gives rowids only to INTEGER keys; elsewhere 64 bits are wanted.
_BigId = BigInteger().with_variant(Integer, "sqlite")

streams = Table(
    "streams",
    metadata,
    Column("artist_id", ForeignKey("artists.id"), primary_key=True),
    Column("stream_id", String(36), nullable=False),
    Column("seq", BigInteger, nullable=False),
    #: Events up to and including this one were deleted.
    Column("forgotten", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("artist_id", String(36), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("type", String(32), nullable=False),
    Column("at", Float, nullable=False, index=True),
    Column("job_id", String(36)),
    Column("machine_id", String(64)),
    Column("data", Text, nullable=False),
)

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(32), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
)

blob_grants = Table(
    "blob_grants",
    metadata,
    Column("artist_id", ForeignKey("artists.id"), primary_key=True),
    Column("sha256", ForeignKey("blobs.sha256"), primary_key=True),
    Column("pinned_until", Float, nullable=False),
    Index("ix_blob_grants_sha256", "sha256"),
)

blob_bytes = Table(
    "blob_bytes",
    metadata,
    #: Every checksum under which the blob store may hold bytes: written before they are, deleted once they are gone.
    Column("sha256", String(64), primary_key=True),
    Column("touched_at", Float, nullable=False),
    #: The sweeper is removing the bytes: nobody may rely on them.
    Column("leaving", Boolean, nullable=False),
)

#: Bytes that are on their way into the blob store; until they are there, these are the ones that count.
blob_journal = Table("blob_journal", metadata, Column("sha256", String(64), primary_key=True), Column("data", LargeBinary))

jobs = Table(
    "jobs",
    metadata,
    #: Order of arrival: the place in the queue.
    Column("place", _BigId, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("artist_id", ForeignKey("artists.id"), nullable=False),
    Column("team_id", ForeignKey("teams.id"), nullable=False),
    Column("pool", String(64), nullable=False),
    #: By which of the service's faces it came: `v1` (docs/wire.md), or one of the gateway's (docs/gateway.md).
    Column("face", String(8), nullable=False, server_default=text("'v1'")),
    Column("state", String(16), nullable=False),
    Column("waiting_for", String(16)),
    Column("stage", String(16)),
    Column("attempt", Integer, nullable=False),
    #: A machine ran out of memory over it: it is painted in the way that needs less.
    Column("frugal", Boolean, nullable=False, server_default=false()),
    #: Below 0: before its artist's others.
    Column("front", Integer, nullable=False, server_default=text("0")),
    #: Rises with every change; a change is made only to the version it was decided on.
    Column("version", Integer, nullable=False),
    Column("idempotency_key", Text),
    Column("request_hash", String(64), nullable=False),
    Column("request", Text, nullable=False),
    Column("machine_id", String(64)),
    Column("claim_owner", String(36)),
    Column("claim_token", String(36)),
    Column("claim_expires_at", Float),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("error", Text),
    Column("cost_micros", BigInteger, nullable=False),
    UniqueConstraint("artist_id", "idempotency_key"),
    Index("ix_jobs_artist_id_place", "artist_id", "place"),
    Index("ix_jobs_artist_id_face_place", "artist_id", "face", "place"),
    Index("ix_jobs_state", "state"),
    #: Finished ones only, so that accepting a job does not pay for it.
    Index(
        "ix_jobs_finished_at",
        "finished_at",
        sqlite_where=text("finished_at IS NOT NULL"),
        postgresql_where=text("finished_at IS NOT NULL"),
    ),
)

job_inputs = Table(
    "job_inputs",
    metadata,
    Column("job_id", String(36), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("artist_id", String(36), nullable=False),
    Index("ix_job_inputs_artist_id_sha256", "artist_id", "sha256"),
)

prompts = Table(
    "prompts",
    metadata,
    #: What the engine calls it; committed before it is sent.
    Column("prompt_id", String(36), primary_key=True),
    Column("job_id", String(36), nullable=False, index=True),
    Column("picture", Integer, nullable=False),
    Column("machine_id", String(64), nullable=False),
    Column("boot", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    #: Since when nobody waits for it at its engine; it is known as long as its job, for its machine may have kept a result.
    Column("left_at", Float),
)

results = Table(
    "results",
    metadata,
    Column("job_id", String(36), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("artist_id", ForeignKey("artists.id"), nullable=False),
    Column("sha256", ForeignKey("blobs.sha256"), nullable=False, index=True),
    Column("media_type", String(32), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    #: Up to 2**64 - 1, which no integer column holds.
    Column("seed", String(20), nullable=False),
    Column("created_at", Float, nullable=False),
)

machines = Table(
    "machines",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("pool", String(64), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("stage", String(16)),
    Column("generation", BigInteger, nullable=False),
    Column("since", Float, nullable=False),
    Column("boot", Text),
    Column("address", Text),
    Column("lease_until", Float, nullable=False),
    Column("retry_at", Float, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("message", Text),
    Column("engine", Text),
    Column("price_micros_per_hour", BigInteger, nullable=False),
    Column("instance_type", String(32)),
    Column("zone", String(32)),
    Column("spot", Boolean, nullable=False, server_default=false()),
    Column("hold_until", Float, nullable=False, server_default="0"),
    Column("held_by", Text),
    Column("awake_since", Float),
    Column("notice", String(16)),
    Column("no_capacity", Boolean, nullable=False, server_default=false()),
    Column("stuck", Boolean, nullable=False, server_default=false()),
)

#: Whose files may lie on a machine that serves one artist at a time; no artist: it was wiped. One that is not here is anybody's.
tenants = Table("tenants", metadata, Column("machine_id", String(64), primary_key=True), Column("artist_id", String(36)))

wakes = Table(
    "wakes",
    metadata,
    Column("id", _BigId, primary_key=True, autoincrement=True),
    Column("machine_id", String(64), nullable=False, index=True),
    Column("requested_at", Float, nullable=False),
    Column("starting_at", Float),
    Column("booting_at", Float),
    Column("engine_at", Float),
    Column("ready_at", Float),
    #: When the first job on the machine had its first sampling step: the artist sees something.
    Column("first_step_at", Float),
    Column("pool", String(64)),
    Column("instance_type", String(32)),
    Column("zone", String(32)),
    Column("spot", Boolean, nullable=False, server_default=false()),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", _BigId, primary_key=True, autoincrement=True),
    Column("machine_id", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("team_id", String(36), index=True),
    Column("artist_id", String(36)),
    Column("job_id", String(36)),
    Column("from_at", Float, nullable=False),
    Column("to_at", Float),
    Column("price_micros_per_hour", BigInteger, nullable=False),
    #: The same from a start to the stop that ended it.
    Column("wake_id", String(36), index=True),
    Index("ix_ledger_machine_id_to_at", "machine_id", "to_at"),
    Index("ix_ledger_to_at", "to_at"),
)

shares = Table(
    "shares",
    metadata,
    Column("id", _BigId, primary_key=True, autoincrement=True),
    Column("wake_id", String(36), index=True),
    #: The end of the wake: the month in which it counts.
    Column("at", Float, nullable=False, index=True),
    Column("team_id", String(36)),
    Column("artist_id", String(36)),
    Column("job_id", String(36), index=True),
    #: Below zero: taken from who carried it. All of a wake add up to zero.
    Column("micros", BigInteger, nullable=False),
)

standing = Table(
    "standing",
    metadata,
    #: A day in UTC, "2026-11-25", and what stood there: disks, snapshots, addresses.
    Column("day", String(10), primary_key=True),
    Column("what", String(200), primary_key=True),
    Column("micros", BigInteger, nullable=False),
)

catalogues = Table(
    "catalogues",
    metadata,
    Column("pool", String(64), primary_key=True),
    Column("object_info", LargeBinary, nullable=False),
    Column("as_of", Float, nullable=False),
)

workflows = Table(
    "workflows",
    metadata,
    Column("job_id", String(36), primary_key=True),
    Column("artist_id", String(36), nullable=False),
    #: JSON of the graph as its client sent it, before anything was rewritten for an engine.
    Column("graph", LargeBinary, nullable=False),
    #: `extra_data` without its secrets, which are never stored.
    Column("extra", Text, nullable=False),
    #: Whose socket hears of it; none: all sockets of its artist.
    Column("client_id", Text),
    #: Its place among its artist's own: the lowest runs first.
    Column("number", Float, nullable=False),
    #: Ids of the output nodes that are to run, as the queue shows them.
    Column("targets", Text, nullable=False),
    Column("node_errors", Text, nullable=False),
    #: What the history shows: outputs by node id, `meta`, and the messages of its life.
    Column("outputs", Text, nullable=False),
    Column("meta", Text, nullable=False),
    Column("messages", Text, nullable=False),
    Column("labels", Text),
    #: Its end was sent to its client.
    Column("told", Boolean, nullable=False, server_default=false()),
    #: Deleted from the history by its artist.
    Column("hidden", Boolean, nullable=False, server_default=false()),
)

#: An artist's folders as ComfyUI shows them. `folder` is `input`, `output` or `temp`; `subfolder` has neither a leading nor a
#: trailing slash. Bytes are blobs.
files = Table(
    "files",
    metadata,
    Column("artist_id", ForeignKey("artists.id"), primary_key=True),
    Column("folder", String(8), primary_key=True),
    Column("subfolder", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sha256", ForeignKey("blobs.sha256"), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("at", Float, nullable=False),
    #: Which job made it, in which node.
    Column("job_id", String(36)),
    Column("node_id", Text),
    Index("ix_files_job_id", "job_id", "at"),
)

comfy_settings = Table(
    "comfy_settings", metadata, Column("artist_id", String(36), primary_key=True), Column("document", Text, nullable=False)
)

userdata = Table(
    "userdata",
    metadata,
    Column("artist_id", String(36), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
)

assets = Table(
    "assets",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("artist_id", ForeignKey("artists.id"), nullable=False),
    Column("sha256", ForeignKey("blobs.sha256"), nullable=False, index=True),
    Column("blake3", String(64), nullable=False),
    Column("file_path", Text, nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    #: JSON list.
    Column("tags", Text, nullable=False),
    #: Which job made it, in which node; none: it was uploaded.
    Column("job_id", String(36), index=True),
    Column("node_id", Text),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Index("ix_assets_artist_id_blake3", "artist_id", "blake3"),
)

_STILL_OPEN = text("acknowledged_at IS NULL")
tasks = Table(
    "tasks",
    metadata,
    Column("job_id", String(36), primary_key=True),
    Column("artist_id", String(36), nullable=False),
    #: What its client calls it.
    Column("task_id", Text, nullable=False),
    #: How often its result was handed out, and when it is handed out again unless it is acknowledged before.
    Column("deliveries", Integer, nullable=False, server_default="0"),
    Column("redeliver_at", Float),
    Column("acknowledged_at", Float),
    UniqueConstraint("artist_id", "task_id"),
    #: Of those that are done there are many.
    Index("ix_tasks_open", "artist_id", sqlite_where=_STILL_OPEN, postgresql_where=_STILL_OPEN),
)
