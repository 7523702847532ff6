/** The SQL of a log in SQLite. */
import type Database from 'better-sqlite3';
import type { ChainedEvent, StoredEvent } from '../events/stored-event.ts';
import type { Base, StoredCommand, StoredSnapshot, Tip } from '../log-reader.ts';
import type { StreamName } from '../names.ts';
import type { SealedState } from '../replay/cached-state.ts';

export type StateRow = SealedState;
/** An owner's row beside the last version of its stream. A removed owner has no row; one that never existed has neither. */
export type StateNow = {
  readonly last: number | null;
  readonly version: number | null;
  readonly state: string;
  readonly checksum: number;
};
type SnapshotRow = StoredSnapshot & { readonly checksum: number };
/** The stream to which a row belongs, as its index in the list, from 0; a fraction stands for an empty name. */
type Asked = { readonly asked: number };

const EVENT = `position, stream, version, type, schema_version AS schemaVersion, data, metadata,
  recorded_at_ms AS recordedAtMs, checksum`;
const CHAINED = `${EVENT}, lower(hex(hash)) AS hash`;
const STATE = 'stream, version, state, checksum';
const LAST_POSITION = 'coalesce((SELECT max(position) FROM events), (SELECT position FROM base), 0)';
// If all events of a stream are archived, the base knows its version.
const LAST_VERSION = `coalesce((SELECT max(version) FROM events WHERE stream = +@stream),
  (SELECT version FROM base_states WHERE stream = +@stream))`;
// Of the stream of a row `c`: it has events, or is in the base.
const IS_KNOWN = `(EXISTS (SELECT 1 FROM events e WHERE e.stream = c.stream AND e.version = 1 AND e.position > 0)
  OR EXISTS (SELECT 1 FROM base_states b WHERE b.stream = c.stream))`;
// A list of streams as one JSON text, with an empty name before each. A seek that starts on the last page of a tree does
// not descend from its root (sqlite3BtreeIndexMoveto), as a lookup of one stream does, and would miss damage on the way; a
// seek that starts on the first page does.
const ASKED = '(SELECT (key - 1) / 2.0 AS asked, value AS name FROM json_each(?))';
const STATE_NOW = `${LAST_VERSION} AS last, c.version, c.state, c.checksum
  FROM (SELECT 1) LEFT JOIN currents c ON c.stream = +@stream`;

// `+?` instead of `?` wherever rows are ordered or limited: if the planner may look at a parameter's value, SQLite plans
// anew at each execution (ENABLE_STAT4), 13 µs instead of 4.
/** @internal */
export type ReadStatements = ReturnType<typeof readStatements>;

/** @internal What it returns cannot be named in a declaration. */
export function readStatements(db: Database.Database) {
  return {
    position: db.prepare<[], number>(`SELECT ${LAST_POSITION}`).pluck(),
    version: db.prepare<[{ readonly stream: string }], number>(`SELECT ${LAST_VERSION}`).pluck(),
    positionOf: db
      .prepare<[string, number], number>('SELECT position FROM events WHERE stream = ? AND version = ?')
      .pluck(),
    tip: db.prepare<[], Tip>(
      `SELECT position, lower(hex(hash)) AS hash, recorded_at_ms AS recordedAtMs FROM events
       ORDER BY position DESC LIMIT 1`,
    ),
    base: db.prepare<[], Base>(
      `SELECT position, lower(hex(hash)) AS hash, recorded_at_ms AS recordedAtMs, lower(hex(digest)) AS digest
       FROM base`,
    ),
    baseState: db.prepare<[string], StateRow>(`SELECT ${STATE} FROM base_states WHERE stream = ?`),
    baseStates: db.prepare<[string, number], StateRow>(
      `SELECT ${STATE} FROM base_states WHERE stream > +? ORDER BY stream LIMIT +?`,
    ),
    events: db.prepare<[number, number, number], StoredEvent>(
      `SELECT ${EVENT} FROM events WHERE position BETWEEN +? AND +? ORDER BY position LIMIT +?`,
    ),
    eventsOf: db.prepare<[string, number, number, number], StoredEvent>(
      `SELECT ${EVENT} FROM events WHERE stream = +? AND version BETWEEN +? AND +? ORDER BY version LIMIT +?`,
    ),
    chainedEvents: db.prepare<[number, number], ChainedEvent>(
      `SELECT ${CHAINED} FROM events WHERE position >= +? ORDER BY position LIMIT +?`,
    ),
    chainedEventsOf: db.prepare<[string, number, number], ChainedEvent>(
      `SELECT ${CHAINED} FROM events WHERE stream = +? AND version >= +? ORDER BY version LIMIT +?`,
    ),
    // `+position`: otherwise SQLite would walk the index of positions and sort everything.
    chainedEventsByStream: db.prepare<[string, number, number, number], ChainedEvent>(
      `SELECT ${CHAINED} FROM events WHERE (stream, version) > (+?, +?) AND +position <= +?
       ORDER BY stream, version LIMIT +?`,
    ),
    // As `positionOf` for each event of a page: a call per event takes ten times as long.
    indexedAt: db
      .prepare<[number, number], number | null>(
        `SELECT (SELECT i.position FROM events i WHERE i.stream = e.stream AND i.version = e.version)
         FROM events e WHERE e.position >= +? ORDER BY e.position LIMIT +?`,
      )
      .pluck(),
    streamsAt: db
      .prepare<[number, number], string>(
        `SELECT stream FROM events WHERE position >= +? ORDER BY position LIMIT +?`,
      )
      .pluck(),
    streams: db
      .prepare<[{ readonly after: string; readonly limit: number }], string>(
        `SELECT stream FROM (
           SELECT * FROM (SELECT DISTINCT stream FROM events WHERE stream > +@after ORDER BY stream LIMIT +@limit)
           UNION
           SELECT * FROM (SELECT stream FROM base_states WHERE stream > +@after ORDER BY stream LIMIT +@limit)
         ) ORDER BY stream LIMIT +@limit`,
      )
      .pluck(),
    // A snapshot folds this stream only if its last event is still the same in the chain.
    snapshots: db.prepare<[string, number], SnapshotRow>(
      `SELECT s.stream, s.version, s.position, lower(hex(s.hash)) AS hash, s.state, s.checksum
       FROM snapshots s JOIN events e
         ON e.stream = s.stream AND e.version = s.version AND e.position = s.position AND e.hash = s.hash
       WHERE s.stream = +? AND s.version <= +? ORDER BY s.version DESC`,
    ),
    // SQLite knows the length of a text without reading it.
    sizeOfCurrents: db.prepare<[number], { rows: number; bytes: number }>(
      `SELECT count(*) AS rows, coalesce(sum(octet_length(state)), 0) AS bytes
       FROM (SELECT state FROM currents LIMIT +?)`,
    ),
    storedSnapshots: db.prepare<[string, number, number], SnapshotRow>(
      `SELECT stream, version, position, lower(hex(hash)) AS hash, state, checksum
       FROM snapshots WHERE stream = +? AND version > +? ORDER BY version LIMIT +?`,
    ),
    current: db.prepare<[string], StateRow>(`SELECT ${STATE} FROM currents WHERE stream = ?`),
    // A list is passed as one JSON text: a call per stream takes three to ten times as long. Rows come in the order of the
    // list, here with their places, since most streams that a bulk asks for do not exist. Without the `LIMIT -1`, SQLite
    // would look up the version twice.
    statesOf: db.prepare<[string], StateNow & { readonly place: number }>(
      `SELECT s.place, s.last, c.version, c.state, c.checksum
       FROM (SELECT key AS place, value AS stream, ${LAST_VERSION.replaceAll('+@stream', 'value')} AS last
             FROM json_each(?) LIMIT -1) s
         LEFT JOIN currents c ON c.stream = s.stream
       WHERE s.last IS NOT NULL OR c.version IS NOT NULL`,
    ),
    versionsOf: db
      .prepare<[string], number | null>(
        `SELECT ${LAST_VERSION.replaceAll('+@stream', 's.value')} FROM json_each(?) s`,
      )
      .pluck(),
    absentAmong: db
      .prepare<[string], StreamName>(
        `SELECT s.value FROM json_each(?) s WHERE NOT EXISTS (SELECT 1 FROM currents c WHERE c.stream = s.value)`,
      )
      .pluck(),
    // Each of these looks up its rows by key, stream after stream, as the statements for one stream do. Without an ORDER
    // BY: it would read all events of all streams before the limit applies.
    eventsOfOwners: db.prepare<[string, number], ChainedEvent & Asked>(
      `SELECT asked, ${CHAINED} FROM ${ASKED} CROSS JOIN events ON stream = name AND version >= 1
       LIMIT +?`,
    ),
    basesOfOwners: db.prepare<[string], StateRow & Asked>(
      `SELECT asked, ${STATE} FROM ${ASKED} CROSS JOIN base_states ON stream = name`,
    ),
    currentsOfOwners: db.prepare<[string], StateRow & Asked>(
      `SELECT asked, ${STATE} FROM ${ASKED} CROSS JOIN currents ON stream = name`,
    ),
    snapshotsOfOwners: db.prepare<[string], SnapshotRow & Asked>(
      `SELECT asked, stream, version, position, lower(hex(hash)) AS hash, state, checksum
       FROM ${ASKED} CROSS JOIN snapshots ON stream = name`,
    ),
    rowsOf: db.prepare<[string, number], { stream: string; version: number; isKnown: 0 | 1 }>(
      `SELECT stream, version, ${IS_KNOWN} AS isKnown
       FROM (SELECT stream, version FROM currents WHERE stream > +? ORDER BY stream LIMIT +?) c`,
    ),
    activation: db.prepare<[{ readonly stream: string }], StateNow & { readonly position: number }>(
      `SELECT ${LAST_POSITION} AS position, ${STATE_NOW}`,
    ),
    // The index of domains by pool contains all names and little else; as one text they need one call.
    domainNames: db.prepare<[string, string, number], { streams: string | null; pool: string }>(
      `SELECT group_concat(stream, char(10)) AS streams, max(pool) AS pool FROM (
         SELECT pool, stream FROM currents INDEXED BY domains_of_pool
         WHERE pool IS NOT NULL AND (pool, stream) > (?, ?) ORDER BY pool, stream LIMIT ?)`,
    ),
    currents: db.prepare<[string, string, number], StateRow>(
      `SELECT ${STATE} FROM currents WHERE stream > +? AND stream < +? ORDER BY stream LIMIT +?`,
    ),
    // A removed owner has no row and needs none. For all others the index of streams and versions is enough.
    outOfDate: db
      .prepare<[], StreamName>(
        `SELECT s.stream FROM (SELECT stream, max(version) AS version FROM events GROUP BY stream) s
           LEFT JOIN currents c ON c.stream = s.stream
         WHERE c.version IS NOT s.version AND NOT (c.stream IS NULL AND (
           SELECT e.type FROM events e WHERE e.stream = s.stream AND e.version = s.version
         ) IN ('DomainRemoved', 'PoolRemoved'))
         UNION ALL
         SELECT b.stream FROM base_states b LEFT JOIN currents c ON c.stream = b.stream
         WHERE b.state <> 'null' AND NOT EXISTS (SELECT 1 FROM events e WHERE e.stream = b.stream)
           AND c.version IS NOT b.version`,
      )
      .pluck(),
    allCurrents: db.prepare<[], StateRow>(`SELECT ${STATE} FROM currents ORDER BY stream`),
    // A domain whose routes name more pools has all of them in the column, between blanks; there are few such domains.
    domainsOf: db
      .prepare<[{ readonly pool: string; readonly limit: number }], string>(
        `SELECT stream FROM currents WHERE pool = +@pool
         UNION ALL
         SELECT stream FROM currents WHERE pool > ' ' AND pool < '!' AND instr(pool, ' ' || @pool || ' ') > 0
         ORDER BY stream LIMIT +@limit`,
      )
      .pluck(),
    commands: db.prepare<[string, string, string, number], StoredCommand>(
      `SELECT command_id AS commandId, digest, position, answer FROM commands
       WHERE command_id >= +? AND command_id < +? AND command_id > +? ORDER BY command_id LIMIT +?`,
    ),
    command: db.prepare<[string], StoredCommand>(
      'SELECT command_id AS commandId, digest, position, answer FROM commands WHERE command_id = ?',
    ),
  };
}

// Rows of a bulk written by one call: one call per row takes half as long again, and more rows per call gain nothing.
export const AT_ONCE = 10;

const insertEvents = (rows: number) =>
  `INSERT INTO events (position, stream, version, type, schema_version, data, metadata, recorded_at_ms, checksum, hash)
   VALUES ${times(rows, '(?, ?, ?, ?, ?, ?, ?, ?, ?, unhex(?))')}`;
const addCurrents = (rows: number) =>
  `INSERT INTO currents (stream, version, state, checksum, pool) VALUES ${times(rows, '(?, ?, ?, ?, ?)')}
   ON CONFLICT (stream) DO NOTHING`;

// What such rows have in common is bound once: binding is a seventh of the work of a bulk.
const EVENTS_ALIKE = `INSERT INTO events (position, stream, version, type, schema_version, data, metadata, recorded_at_ms, checksum, hash)
   VALUES ${times(
     AT_ONCE,
     '(@position + ROW, ?, @version, @type, @schemaVersion, ?, @metadata, @recordedAtMs, ?, unhex(?))',
   )}`;
const CURRENTS_ALIKE = `INSERT INTO currents (stream, version, state, checksum, pool)
   VALUES ${times(AT_ONCE, '(?, @version, ?, ?, ?)')} ON CONFLICT (stream) DO NOTHING`;

/** `ROW` is replaced by the row's number, from 0. */
function times(rows: number, values: string): string {
  return Array.from({ length: rows }, (_, row) => values.replace('ROW', String(row))).join(', ');
}

/** What consecutive events have in common; `position` is that of the first. */
export type Alike = Pick<
  ChainedEvent,
  'position' | 'version' | 'type' | 'schemaVersion' | 'metadata' | 'recordedAtMs'
>;

/** @internal */
export type WriteStatements = ReturnType<typeof writeStatements>;

/** @internal What it returns cannot be named in a declaration. */
export function writeStatements(db: Database.Database) {
  return {
    begin: db.prepare<[]>('BEGIN IMMEDIATE'),
    commit: db.prepare<[]>('COMMIT'),
    rollback: db.prepare<[]>('ROLLBACK'),
    insertEvent: db.prepare<unknown[]>(insertEvents(1)),
    insertEvents: db.prepare<unknown[]>(insertEvents(AT_ONCE)),
    insertAlike: db.prepare<[unknown[], Alike]>(EVENTS_ALIKE),
    insertCommand: db.prepare<[string, string, number, string]>(
      'INSERT INTO commands (command_id, digest, position, answer) VALUES (?, ?, ?, ?)',
    ),
    putSnapshot: db.prepare<[string, number, number, string, string, number]>(
      `INSERT OR REPLACE INTO snapshots (stream, version, position, hash, state, checksum)
       VALUES (?, ?, ?, unhex(?), ?, ?)`,
    ),
    layBase: db.prepare<[number, string, number, string]>(
      'INSERT INTO base (position, hash, recorded_at_ms, digest) VALUES (?, unhex(?), ?, unhex(?))',
    ),
    insertBaseState: db.prepare<[string, number, string, number]>(
      'INSERT INTO base_states (stream, version, state, checksum) VALUES (?, ?, ?, ?)',
    ),
    addCurrent: db.prepare<unknown[]>(addCurrents(1)),
    addCurrents: db.prepare<unknown[]>(addCurrents(AT_ONCE)),
    addAlike: db.prepare<[unknown[], { readonly version: number }]>(CURRENTS_ALIKE),
    changeCurrent: db.prepare<[number, string, number, string | null, string]>(
      'UPDATE currents SET version = ?, state = ?, checksum = ?, pool = ? WHERE stream = ?',
    ),
    removeCurrent: db.prepare<[string]>('DELETE FROM currents WHERE stream = ?'),
    removeSnapshots: db.prepare<[string]>('DELETE FROM snapshots WHERE stream = ?'),
    // In one statement: of a damaged name that is no text, no text is the same.
    removeStrays: db.prepare<[]>(`DELETE FROM currents AS c WHERE NOT ${IS_KNOWN}`),
    removeStraySnapshots: db.prepare<[]>(`DELETE FROM snapshots AS c WHERE NOT ${IS_KNOWN}`),
  };
}
