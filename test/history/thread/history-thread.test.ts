import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChildEnd, Running } from '../../../actors/index.ts';
import { type LocalLog, openSqliteLog } from '../../../eventlog/index.ts';
import { answerOf, HistoryThread } from '../../../src/history/index.ts';
import { eventually, pause } from '../../support/eventually.ts';
import { readProc } from '../../support/proc.ts';
import { startChild } from '../../support/start-child.ts';
import { type TempDirectory, tempDirectory } from '../../support/temp-directory.ts';
import { withPools } from '../past.ts';

describe('the thread of history', () => {
  let directory: TempDirectory;
  let log: LocalLog;
  let history: HistoryThread;
  let ends: ChildEnd[];
  let running: Running;

  beforeEach(async () => {
    directory = await tempDirectory();
    log = openSqliteLog({ directory: directory.path, now: () => 1000 });
    await withPools(log, 20);
    history = new HistoryThread({ directory: directory.path, flush: async () => true });
    ends = [];
    await start();
  });

  afterEach(async () => {
    await running.stop('shutdown');
    await log.close();
    await directory[Symbol.asyncDispose]();
  });

  async function start(): Promise<void> {
    running = await startChild(history, ends);
  }

  async function stateAt(position: number): Promise<{ position: number; pools: object }> {
    let text = '';
    for await (const piece of history.pour('state', { at: { type: 'position', position } })) text += piece;
    return JSON.parse(text);
  }

  it('answers what was at a position', async () => {
    const { position, pools } = await stateAt(7);
    expect(position).toBe(7);
    expect(Object.keys(pools)).toHaveLength(7);
  });

  it.runIf(process.platform === 'linux')(
    "gives way to those who are served: its own priority is lower, and no one else's",
    async () => {
      await stateAt(1);
      const nices = new Map(
        readdirSync('/proc/self/task').flatMap((thread): [string, number][] => {
          const stat = readProc(`/proc/self/task/${thread}/stat`);
          if (stat === undefined) return [];
          const [, name = ''] = /\((.*)\)/.exec(stat) ?? [];
          // proc(5): nice is the 19th field, the 17th after the name.
          return [[name, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])]];
        }),
      );
      expect(nices.get('history')).toBe(Math.min(19, getPriority() + 10));
      nices.delete('history');
      expect(new Set(nices.values())).toEqual(new Set([getPriority()]));
    },
  );

  it('says in the words of the asker what makes no sense', async () => {
    await expect(stateAt(21)).rejects.toMatchObject({
      name: 'Unanswerable',
      word: 'invalid_query',
      message: 'at: expected a position up to 20, the end of the log, found 21',
    });
  });

  it('goes when nobody has asked for long, without a word to its supervisor, and answers the next question', async () => {
    await running.stop('shutdown');
    history = new HistoryThread({ directory: directory.path, flush: async () => true, idleMs: 20 });
    await start();
    for (const position of [3, 5]) {
      expect((await stateAt(position)).position).toBe(position);
      await eventually(() => !history.isBorn, 'the thread to go');
    }
    expect(ends).toEqual([]);
  });

  it('is told to its supervisor when it is lost, and its question is asked again in its next life', async () => {
    await stateAt(1);
    running.crash?.(new Error('as a bug would'));
    const asked = stateAt(5);
    await eventually(() => ends.length === 1, 'the end of the thread');
    expect(ends[0]).toMatchObject({ type: 'crashed', error: { message: 'as a bug would' } });
    await start();
    expect((await asked).position).toBe(5);
  });

  it('answers a hundred questions, some at once and the rest in turn, and refuses what is more', async () => {
    const asked = await Promise.allSettled(Array.from({ length: 100 }, (_, index) => stateAt(index % 20)));
    const answered = asked.filter(({ status }) => status === 'fulfilled');
    const refused = asked.filter(
      (ended) => ended.status === 'rejected' && ended.reason.word === 'history_busy',
    );
    expect([answered.length, refused.length]).toEqual([72, 28]);
    expect((await stateAt(3)).position).toBe(3);
  });

  it('lets go of a question that nobody wants answered any more', async () => {
    const abort = new AbortController();
    const pieces = history.pour('state', {}, abort.signal);
    abort.abort(new Error('gone'));
    await expect(pieces.next()).rejects.toThrow('gone');
    expect((await stateAt(2)).position).toBe(2);
  });

  it('asks nothing for somebody who left while the thread was being restarted', async () => {
    await stateAt(1);
    running.crash?.(new Error('as a bug would'));
    await eventually(() => ends.length === 1, 'the end of the thread');
    const abort = new AbortController();
    const asked = history.pour('state', {}, abort.signal).next();
    await pause(20);
    abort.abort(new Error('gone'));
    await start();
    await expect(asked).rejects.toThrow('gone');
  });

  it('has nobody wait who is gone', async () => {
    const open = Array.from({ length: 8 }, () => history.pour('state', {}));
    for (const pieces of open) await pieces.next();
    const abort = new AbortController();
    const waiting = Array.from({ length: 64 }, () => history.ask('verify', {}, abort.signal));
    await expect(stateAt(1)).rejects.toMatchObject({ word: 'history_busy' });
    abort.abort(new Error('gone'));
    for (const asked of waiting) await expect(asked).rejects.toThrow('gone');
    const next = stateAt(2);
    for (const pieces of open) await pieces.return(undefined);
    expect((await next).position).toBe(2);
  });

  it('answers who is to change something by it beside those who only want to know, and has as many places as before', async () => {
    const open = Array.from({ length: 8 }, () => history.pour('state', {}));
    for (const pieces of open) await pieces.next();
    let isAnswered = false;
    const waiting = stateAt(2).then(() => {
      isAnswered = true;
    });
    const back = { to: { type: 'position', position: 19 }, scope: undefined } as const;
    expect(await history.ask('restoration', back)).toMatchObject({ at: 20, found: 1 });
    expect(await history.ask('undone', { position: 20 })).toMatchObject({ at: 20, isOfSettings: true });
    await pause(100);
    expect(isAnswered).toBe(false);
    const [first, ...others] = open;
    await first?.return(undefined);
    await waiting;
    for (const pieces of others) await pieces.return(undefined);
    expect((await stateAt(3)).position).toBe(3);
  });

  it('answers a long question with one answer, or with lines that end with it', async () => {
    const answer = await history.ask('verify', {});
    expect(answer).toMatchObject({ ok: true, events: 20, streams: 20 });
    expect(await answerOf(history.pour('verify', {}))).toEqual(answer);
  });

  it('tells the reader of an answer when the thread is lost between two pieces of it', async () => {
    const pieces = history.pour('state', {});
    await pieces.next();
    running.crash?.(new Error('as a bug would'));
    await eventually(() => ends.length === 1, 'the end of the thread');
    await start();
    await expect(pieces.next()).rejects.toMatchObject({ word: 'history_unavailable' });
    expect((await stateAt(2)).position).toBe(2);
  });

  it('leaves no question open when it stops', async () => {
    await stateAt(1);
    const asked = expect(stateAt(20)).rejects.toMatchObject({ word: 'history_unavailable' });
    await running.stop('kill');
    await asked;
  });
});
