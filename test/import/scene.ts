/** A log in a directory, its desk, and the thread of imports over both. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'vitest';
import { asleepOver, type Command, RoutingDesk } from '../../actors/index.ts';
import {
  type LocalLog,
  openSqliteLog,
  type PoolName,
  poolStream,
  type Recorded,
  verify,
} from '../../eventlog/index.ts';
import { type ChunkResult, ImportThread } from '../../src/import/index.ts';
import { projectionOf } from '../../src/projection.ts';
import { startChild } from '../support/start-child.ts';

export const POOL = '{"pool":"web","backends":{"web.1":{"address":"127.0.0.1:9001"}}}\n';
// Its own event, and that of its backend.
export const POOL_EVENTS = 2;

export function domains(count: number, name = 'd'): string {
  const lines = Array.from(
    { length: count },
    (_, index) => `{"domain":"${name}${index}.example.com","pool":"web"}\n`,
  );
  return lines.join('');
}

export type ImportScene = AsyncDisposable & {
  readonly log: LocalLog;
  readonly file: string;
  readonly put: (command: Command) => ReturnType<RoutingDesk['ask']>;
  /** `size` undefined: as the thread sees fit. */
  readonly imported: (text: string, size?: number) => Promise<ChunkResult[]>;
  readonly backendsOf: (pool: string) => Promise<object>;
  /** Listeners were told every event once, in order, and the log is whole. */
  readonly expectWhole: () => Promise<void>;
};

export async function importScene(directory: string): Promise<ImportScene> {
  const log = openSqliteLog({ directory, now: () => 1000 });
  const told: Recorded[] = [];
  log.onAppended(({ events }) => told.push(...events));
  const desk = new RoutingDesk({
    log,
    owners: asleepOver(log),
    published: async () => {},
    newCommandId: randomUUID,
  });
  const imports = new ImportThread({ directory, desk: () => desk, listeners: () => [] });
  const running = await startChild(imports);
  return {
    log,
    file: join(directory, 'events.db'),
    put: (command) => desk.ask(command, { author: 'me' }),
    imported: async (text, size) => {
      const found: ChunkResult[] = [];
      for await (const result of imports.import(pieces(text), { size, by: { author: 'bulk' } }))
        found.push(result);
      return found;
    },
    backendsOf: async (pool) => {
      const { state } = (await log.current(poolStream(pool as PoolName)))!;
      return (state as { readonly backends: object }).backends;
    },
    expectWhole: async () => {
      const position = await log.position();
      expect(told.map((event) => event.position)).toEqual(
        Array.from({ length: position }, (_, index) => index + 1),
      );
      expect(await verify(log.reader, projectionOf)).toMatchObject({ ok: true, findings: [] });
    },
    [Symbol.asyncDispose]: async () => {
      await running.stop('shutdown');
      await log.close();
    },
  };
}

async function* pieces(text: string, size = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
