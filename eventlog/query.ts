/**
 * Read-only SQL over tables whose rows are produced on demand: one SELECT, in an otherwise empty database in memory,
 * with limits on rows, their size, and time.
 */
import Database from 'better-sqlite3';

export type QueryValue = null | number | string;

export type QueryTable = {
  readonly name: string;
  readonly columns: readonly string[];
  /** Hidden columns that a query may set, in the order of the arguments of `rows`: `FROM name(first, second)`. */
  readonly parameters: readonly string[];
  readonly rows: (...given: readonly unknown[]) => Iterable<readonly QueryValue[]>;
};

export type QueryBounds = {
  readonly rows: number;
  /** In all values together. */
  readonly characters: number;
  readonly ms: number;
};

export type QueryAnswer = {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly QueryValue[])[];
  /** There are more rows than these. */
  readonly truncated: boolean;
};

/** The query cannot be answered; the message is for whoever wrote it. */
export class QueryRefused extends Error {
  override readonly name = 'QueryRefused';
}

// Blanks and comments, which may stand before the first word.
const BEFORE = /^(?:\s|--[^\n]*\n|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)*/.source;
const READS = new RegExp(`${BEFORE}(?:select|with|values|explain)\\b`, 'i');
const EXPLAINS = new RegExp(`${BEFORE}explain\\b`, 'i');
// A query that counts for ever cannot be stopped from outside, and no view needs one. It need not contain the word; its
// plan shows it.
const RECURSION = 'RECURSIVE STEP';
// After how many rows the clock is read.
const CLOCK_EVERY = 256;

/** `breathe`: called between rows of the answer, to let other work run; an error that it throws ends the query. */
export async function runQuery(
  sql: string,
  tables: readonly QueryTable[],
  bounds: QueryBounds,
  breathe: () => Promise<void>,
): Promise<QueryAnswer> {
  const db = new Database(':memory:');
  try {
    const untilMs = performance.now() + bounds.ms;
    const inTime = () => {
      if (performance.now() > untilMs)
        throw new QueryRefused(
          `expected an answer within ${bounds.ms} ms, found none; narrow it with since and until`,
        );
    };
    for (const table of tables) define(db, table, inTime);
    return await answered(prepared(db, sql), bounds, inTime, breathe);
  } catch (error) {
    if (error instanceof Database.SqliteError) throw new QueryRefused(advised(error.message, tables));
    throw error;
  } finally {
    db.close();
  }
}

/** SQLite knows what is missing, but not where to look it up. */
function advised(message: string, tables: readonly QueryTable[]): string {
  if (message.startsWith('no such table'))
    return `${message}; there are ${tables.map(({ name }) => name).join(', ')}`;
  if (message.startsWith('no such column'))
    return `${message}; SELECT * FROM … LIMIT 1 shows the columns of a view`;
  return message;
}

function prepared(db: Database.Database, sql: string): Database.Statement {
  if (!READS.test(sql)) throw new QueryRefused('expected one SELECT, found something else');
  let statement: Database.Statement;
  try {
    statement = db.prepare(sql);
  } catch (error) {
    if (error instanceof RangeError) throw new QueryRefused('expected one statement, found several');
    throw error;
  }
  if (!statement.reader || !statement.readonly)
    throw new QueryRefused('expected a statement that reads, found one that does not');
  if (!EXPLAINS.test(sql) && isRecursive(db, sql))
    throw new QueryRefused('expected a query without RECURSIVE, found one that is recursive');
  return statement;
}

function isRecursive(db: Database.Database, sql: string): boolean {
  const plan = db.prepare<[], { readonly detail: string }>(`EXPLAIN QUERY PLAN ${sql}`);
  return withValues(() => plan.all()).some(({ detail }) => detail === RECURSION);
}

async function answered(
  statement: Database.Statement,
  most: Pick<QueryBounds, 'rows' | 'characters'>,
  inTime: () => void,
  breathe: () => Promise<void>,
): Promise<QueryAnswer> {
  const columns = statement.columns().map(({ name }) => name);
  const rows: QueryValue[][] = [];
  let characters = 0;
  for (const raw of rowsOf(statement)) {
    if (rows.length === most.rows) return { columns, rows, truncated: true };
    const row = raw.map(plain);
    for (const value of row) characters += typeof value === 'string' ? value.length : 1;
    if (characters > most.characters) {
      if (rows.length > 0) return { columns, rows, truncated: true };
      throw new QueryRefused(
        `expected rows of at most ${most.characters} characters, found one of ${characters}`,
      );
    }
    rows.push(row);
    if (rows.length % CLOCK_EVERY !== 0) continue;
    inTime();
    await breathe();
  }
  return { columns, rows, truncated: false };
}

function rowsOf(statement: Database.Statement): IterableIterator<unknown[]> {
  return withValues(() => statement.raw().safeIntegers().iterate() as IterableIterator<unknown[]>);
}

function withValues<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    // For placeholders with a number or a name, the binding throws a TypeError.
    if (error instanceof RangeError || error instanceof TypeError)
      throw new QueryRefused('expected values, found a place for one (?)');
    throw error;
  }
}

/** Values that every JSON reader can represent: many round an integer beyond 2^53, so that becomes text, as infinities do. */
function plain(value: unknown): QueryValue {
  if (value === null || typeof value === 'string') return value;
  if (typeof value === 'bigint' && isSafe(value)) return Number(value);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return Buffer.isBuffer(value) ? value.toString('hex') : String(value);
}

function isSafe(value: bigint): boolean {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
}

function define(db: Database.Database, table: QueryTable, inTime: () => void): void {
  db.table(table.name, {
    columns: [...table.columns],
    parameters: [...table.parameters],
    directOnly: true,
    *rows(...given: unknown[]) {
      let count = 0;
      for (const row of table.rows(...given)) {
        if (count++ % CLOCK_EVERY === 0) inTime();
        yield row as QueryValue[];
      }
    },
  });
}
