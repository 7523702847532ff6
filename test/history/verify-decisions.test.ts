import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { LocalHistory, roomOf, sourcesOf } from '../../src/history/index.ts';
import { type DecisionsVerified, verifyJournal } from '../../src/history/verify-decisions.ts';
import { runCommand } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { RecordedWorld } from './recorded-world.ts';

const BACKENDS = {
  'web.1': { address: '127.0.0.1:9001', maxConcurrency: 1 },
  'web.2': { address: '127.0.0.1:9002', maxConcurrency: 1 },
};
// The byte of a checkpoint that says the policy.
const POLICY = 1;

const SPOILT_TURN = 550;

/** Twelve seconds of a request every 10 ms, a checkpoint each second. Position 4 is from when half of them were over. */
async function busy(directory: string, isSpoilt = false): Promise<{ halfMs: number }> {
  await using world = new RecordedWorld(directory, 1, 7);
  const settings = { policy: 'round-robin' } as const;
  await world.create(settings, BACKENDS);
  const halfMs = world.nowMs + 6000;
  for (let turn = 0; turn < 1200; turn++) {
    if (world.nowMs === halfMs) await world.happen({ type: 'PoolChanged', data: { settings } });
    world.ask();
    world.pass(10);
    if (turn % 2 === 1) for (let each = 0; each < 2; each++) world.finish('finished');
    world.turn();
    if (turn % 100 !== 50) continue;
    world.checkpoint((state) => {
      if (isSpoilt && turn === SPOILT_TURN) state[POLICY] = 2;
    });
  }
  return { halfMs };
}

async function verified(directory: string, wish: object = {}): Promise<DecisionsVerified> {
  const past = sourcesOf(directory, Date.now);
  try {
    return (await new LocalHistory(past).ask('replay', wish)) as DecisionsVerified;
  } finally {
    past.close();
  }
}

describe('decisions made again', () => {
  it('are those of the time that is asked for, with what led there', async () => {
    await using directory = await tempDirectory();
    const { halfMs } = await busy(directory.path);
    const decisions = async (wish: object) => {
      const found = await verified(directory.path, wish);
      expect(found).toMatchObject({ ok: true, runs: 1, pools: 1, differences: [], gaps: [] });
      return found.decisions;
    };
    const [half, fourth, first] = [
      { type: 'time', ms: halfMs },
      { type: 'position', position: 4 },
      { type: 'position', position: 0 },
    ];
    expect(await decisions({})).toBe(1200);
    expect(await decisions({ from: first })).toBe(1200);
    expect(await decisions({ to: half })).toBe(600);
    expect(await decisions({ to: fourth })).toBe(600);
    expect(await decisions({ to: { type: 'time', ms: halfMs + 3000 } })).toBe(900);
    const rest = await decisions({ from: half });
    expect([rest >= 600, rest < 900]).toEqual([true, true]);
    expect(await decisions({ from: fourth })).toBe(rest);
    // What happened at a base's position is archived, and when it was is not.
    const archive = ['archive', `${directory.path}.old`, '--before', '5', '--data', directory.path];
    expect(await runCommand(archive)).toMatchObject({ code: 0 });
    await rm(`${directory.path}.old`);
    expect(await decisions({ from: fourth })).toBe(rest);
  });

  it('are told where they are others than recorded, by the names of backends', async () => {
    await using directory = await tempDirectory();
    const { halfMs } = await busy(directory.path, true);
    const difference = { pool: 'web', run: '2023-11-14T22:13:20.000Z' };
    const another = {
      ...difference,
      at: '2023-11-14T22:13:25.520Z',
      ticket: 1109,
      op: 'checkout',
      thread: 1,
      cause: 'another backend is picked',
      decided: { word: 'leased', backend: 'web.2' },
      recorded: { word: 'leased', backend: 'web.1' },
    };
    const found = await verified(directory.path);
    expect(found.ok).toBe(false);
    expect(found.differences).toMatchObject([
      { ...difference, op: 'checkpoint', cause: 'the state is another one than the checkpoint’s' },
      another,
    ]);
    expect(found.differences[1]).toStrictEqual(another);
    const from = new Date(halfMs + 2000).toISOString();
    const told = await runCommand(['replay', '--data', directory.path, '--from', from]);
    expect(told.code).toBe(1);
    expect(told.output).toContain('another backend is picked: decided leased web.2, recorded leased web.1\n');
  });

  it('are not said to be all as recorded if some are gone', async () => {
    await using directory = await tempDirectory();
    await busy(directory.path);
    const told = async () => (await runCommand(['replay', '--data', directory.path])).output;
    expect(await told()).toMatch(/ 0 operations skipped, .*\nall decided as recorded\n/);
    const db = new Database(join(directory.path, 'journal/segment-00000001.db'));
    for (const table of ['blocks', 'contents']) db.exec(`DELETE FROM ${table} WHERE block = 300`);
    db.close();
    expect(await told()).toMatch(/^pool web: the journal does not have tickets \d+ to \d+\n/);
    expect(await told()).toMatch(
      / [1-9]\d* operations skipped, .*\nall but those skipped decided as recorded\n/,
    );
  });

  it('are no more made once nobody wants to know', async () => {
    await using directory = await tempDirectory();
    await busy(directory.path);
    const past = sourcesOf(directory.path, Date.now);
    const leaving = new AbortController();
    const steps = verifyJournal({}, roomOf(past.sources(), leaving.signal));
    expect((await steps.next()).value).toEqual({ at: expect.stringMatching(/^2023-11-14T22:13:2/) });
    leaving.abort();
    await expect(steps.next()).rejects.toThrow('aborted');
    past.close();
  });
});
