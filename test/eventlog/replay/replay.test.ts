import { describe, expect, it } from 'vitest';
import {
  createMemoryLog,
  fold,
  type Json,
  type LocalLog,
  replay,
  type StreamName,
  stateOf,
} from '../../../eventlog/index.ts';
import {
  append,
  domainChanged,
  domainCreated,
  domainRemoved,
  EXAMPLE,
  poolCreated,
  WEB,
  write,
} from '../appends.ts';
import { everything } from '../projections.ts';

const now = () => 1_700_000_000_000;
const counting = { initial: 0, evolve: (count: number) => count + 1 };

async function filled(changes: number): Promise<LocalLog> {
  const log = createMemoryLog({ now });
  await log.append(append([write(WEB, 0, [poolCreated()])]));
  for (let version = 0; version < changes; version += 50) {
    const events = Array.from({ length: 50 }, (_, index) =>
      version + index === 0 ? domainCreated() : domainChanged(`p${version + index}`),
    );
    const state = { settings: { pool: `p${version + 49}` }, version: version + 50 };
    await log.append(append([write(EXAMPLE, version, events, state)]));
  }
  return log;
}

async function foldOf(log: LocalLog, stream: StreamName, to: number): Promise<Json> {
  return fold(everything, await log.readStream(stream, { to, limit: 10_000 }));
}

describe('replay', () => {
  it('folds the whole log, or the part of it up to a position', async () => {
    const log = await filled(2500);
    expect(await replay(log, counting)).toBe(2501);
    expect(await replay(log, counting, 1700)).toBe(1700);
    expect(await replay(log, counting, 9999)).toBe(2501);
    expect(await replay(createMemoryLog({ now }), counting)).toBe(0);
  });
});

describe('the state of an owner', () => {
  it('at any version is the fold of so many events', async () => {
    const log = await filled(350);
    for (const version of [1, 99, 100, 101, 250, 349, 350]) {
      expect(await stateOf(log, EXAMPLE, everything, version)).toEqual({
        version,
        state: await foldOf(log, EXAMPLE, version),
      });
    }
    expect(await stateOf(log, EXAMPLE, everything)).toEqual({
      version: 350,
      state: await foldOf(log, EXAMPLE, 350),
    });
    expect(await stateOf(log, EXAMPLE, everything, 999)).toMatchObject({ version: 350 });
  });

  it('is the initial one before the first event and without events', async () => {
    const log = await filled(50);
    expect(await stateOf(log, EXAMPLE, everything, 0)).toEqual({ state: null, version: 0 });
    expect(await stateOf(log, 'pool-none' as StreamName, everything)).toEqual({ state: null, version: 0 });
  });

  it('needs no more events than lie after its last snapshot', async () => {
    const log = await filled(450);
    let read = 0;
    const counted = {
      version: log.version.bind(log),
      snapshot: log.snapshot.bind(log),
      readStream: async (...options: Parameters<LocalLog['readStream']>) => {
        const events = await log.readStream(...options);
        read += events.length;
        return events;
      },
    };
    await stateOf(counted, EXAMPLE, everything);
    expect(read).toBe(50);
  });

  it('begins anew after a removal', async () => {
    const log = await filled(50);
    await log.append(append([write(EXAMPLE, 50, [domainRemoved()], null)]));
    expect(await stateOf(log, EXAMPLE, everything)).toEqual({ state: null, version: 51 });
  });
});
