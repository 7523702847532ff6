/**
 * The files of a log as a router leaves them, at rest or killed, of which one is harmed: a scene for what is read of them, told and
 * mended after that.
 */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import {
  type LocalLog,
  type LogInspection,
  type LogReader,
  openSqliteLog,
  type Recorded,
} from '../../eventlog/index.ts';
import { answerOf, archiveLog, LocalHistory, sourcesOf } from '../../src/history/index.ts';
import { Past } from '../history/past.ts';
import { type Harm, type Harmable, type Harmed, harmed } from '../support/harm.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';
import { longEvent } from '../support/torn-page.ts';
import { lastChangeIn } from '../support/write-ahead-log.ts';

/** What was written: all of it, or with the first events in an archive. */
export type Written = {
  readonly events: readonly Recorded[];
  readonly currents: ReadonlyMap<string, unknown>;
  readonly names: readonly string[];
};

const MAIN = 'events.db';
const ARCHIVED = 9;
export const NOW = 1_700_000_000_000;

export class HarmedFiles implements Harmable {
  readonly kind: Harmed;
  readonly written: Written;
  readonly #place: TempDirectory;
  readonly #files: ReadonlyMap<string, Buffer>;
  readonly #harmed: string;

  /** `begins`: with a base, where the first events are in an archive. */
  static async make(kind: Harmed, begins: 'anew' | 'archived' = 'anew'): Promise<HarmedFiles> {
    await using live = await tempDirectory();
    const directory = join(live.path, 'data');
    const log = openSqliteLog({ directory, now: () => NOW });
    const past = new Past(log);
    await began(past);
    if (begins === 'archived') await archived(log, directory, join(live.path, 'archive.db'));
    // All of that is in the file, and the rest beside it.
    log.writeBack(0);
    await wentOn(past);
    const written = writtenIn(log.reader);
    if (kind === 'file') await log.close();
    const main = basename(realpathSync(join(directory, MAIN)));
    const names = kind === 'file' ? [main] : [main, `${main}-wal`];
    const files = new Map(names.map((name) => [name, readFileSync(join(directory, name))] as const));
    await log.close();
    return new HarmedFiles(kind, await tempDirectory(), files, written);
  }

  private constructor(
    kind: Harmed,
    place: TempDirectory,
    files: ReadonlyMap<string, Buffer>,
    written: Written,
  ) {
    this.kind = kind;
    this.written = written;
    this.#place = place;
    this.#files = files;
    this.#harmed = [...files.keys()].at(-1)!;
  }

  get path(): string {
    return join(this.#place.path, 'data');
  }

  get bytes(): number {
    return this.#files.get(this.#harmed)!.length;
  }

  get lastChangeAt(): number {
    return this.kind === 'file' ? this.bytes : lastChangeIn(this.#files.get(this.#harmed)!, 4096);
  }

  /** In place of what was there. Undefined: unharmed. */
  lay(harm: Harm | undefined): void {
    rmSync(this.path, { recursive: true, force: true });
    mkdirSync(this.path);
    for (const [name, bytes] of this.#files)
      writeFileSync(
        join(this.path, name),
        name === this.#harmed && harm !== undefined ? harmed(bytes, harm) : bytes,
      );
    const [main = MAIN] = this.#files.keys();
    if (main !== MAIN) symlinkSync(main, join(this.path, MAIN));
  }

  /** The databases and write-ahead logs that are there now but for the lock, and where the link leads. */
  found(): Record<string, string> {
    const names = readdirSync(this.path).filter((name) => /^(?!lock).*\.db(?:-wal)?$/.test(name));
    const files = names.map((name) => [name, textAt(join(this.path, name))] as const);
    // A reader leaves an empty write-ahead log.
    return Object.fromEntries(files.filter(([, text]) => text !== ''));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place[Symbol.asyncDispose]();
  }
}

function textAt(path: string): string {
  return lstatSync(path).isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path, 'latin1');
}

async function began(past: Past): Promise<void> {
  for (let pool = 0; pool < 4; pool++)
    await past.happen([`pool-p${pool}`, { type: 'PoolCreated', data: { settings: {} } }]);
  for (let host = 0; host < 12; host++) await past.happen(domain(host, 'DomainCreated', host));
  const backends = Array.from({ length: 110 }, (_, id) => ({
    type: 'BackendAdded' as const,
    data: { id: `b${id}` as never, backend: { address: `10.0.0.${id}:80` } },
  }));
  await past.happen(...backends.map((event) => ['pool-p0', event] as const));
  await past.happen(['domain-long.example', longEvent('p1')]);
}

async function wentOn(past: Past): Promise<void> {
  for (let host = 0; host < 8; host++) await past.happen(domain(host, 'DomainChanged', host + 1));
  await past.happen(['domain-d9.example', { type: 'DomainRemoved', data: {} }]);
  for (let host = 20; host < 28; host++) await past.happen(domain(host, 'DomainCreated', host));
  await past.happen(domain(9, 'DomainCreated', 1), ['pool-p3', { type: 'PoolRemoved', data: {} }]);
  const quarantined = { id: 'b7' as never, cause: 'connect_refused', untilMs: NOW + 5000 } as const;
  await past.happen(['pool-p0', { type: 'BackendQuarantined', data: quarantined }]);
}

function domain(host: number, type: 'DomainCreated' | 'DomainChanged', pool: number) {
  const event = { type, data: { settings: { pool: `p${pool % 4}` as never } } };
  return [`domain-d${host}.example`, event] as const;
}

function writtenIn(reader: LogReader & LogInspection): Written {
  const currents = new Map<string, unknown>();
  reader.snapshotOfCurrents((current) => currents.set(current.stream, current));
  return { events: reader.read({ limit: 10_000 }), currents, names: namesIn(reader) };
}

async function archived(log: LocalLog, directory: string, file: string): Promise<void> {
  const sources = sourcesOf(directory, () => NOW);
  const history = new LocalHistory(sources);
  try {
    await answerOf(archiveLog({ history, directory, log: () => log }, { before: ARCHIVED + 1, file }));
  } finally {
    sources.close();
  }
}

/** As their index has them, which no checksum seals. */
export function namesIn(reader: LogReader): readonly string[] {
  const names: string[] = [];
  reader.domainNames((streams) => void names.push(...streams.split('\n')));
  return names;
}
