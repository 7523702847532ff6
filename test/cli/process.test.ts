/** What is asked of the running process: its actors, its log's health, and that a part of it may fail. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ActorInfo } from '../../actors/index.ts';
import { answeredBy, scene } from '../admin/scene.ts';
import { command } from './command.ts';

const run = (line: string, address: string) => command([...line.split(' '), '--admin', address]);

const sinceMs = Date.parse('2026-01-31T14:03:00Z');
const actors: readonly ActorInfo[] = [
  { id: 'root', kind: 'supervisor', state: 'running', restarts: 0, sinceMs },
  { id: 'pools', kind: 'supervisor', state: 'running', restarts: 0, sinceMs, parent: 'root' },
  {
    id: 'pool:web',
    kind: 'pool',
    state: 'parked',
    restarts: 4,
    sinceMs,
    parent: 'pools',
    lastError: { message: 'boom\u001b[0m', atMs: sinceMs },
  },
  { id: 'admin', kind: 'admin', state: 'running', restarts: 0, sinceMs, parent: 'root' },
];

describe('actors', () => {
  it('is a tree for people and a list for machines, over all pages', async () => {
    const pages = { '': { actors: actors.slice(0, 2), next: '0.0' }, '0.0': { actors: actors.slice(2) } };
    const page = ({ after = '' }: { after?: string }) => pages[after as keyof typeof pages];
    await using stage = await scene({ actors: page });
    expect((await run('actors', stage.address)).out.split('\n')).toEqual([
      'ACTOR         KIND        STATE    RESTARTS  SINCE                     LAST ERROR',
      'root          supervisor  running  0         2026-01-31T14:03:00.000Z  -',
      '  pools       supervisor  running  0         2026-01-31T14:03:00.000Z  -',
      '    pool:web  pool        parked   4         2026-01-31T14:03:00.000Z  boom\ufffd[0m',
      '  admin       admin       running  0         2026-01-31T14:03:00.000Z  -',
      '',
    ]);
    expect(JSON.parse((await run('actors --json', stage.address)).out)).toHaveLength(4);
  });
});

describe('verify', () => {
  it('is false, with status 1, where there are findings', async () => {
    const finding = {
      type: 'chain_broken',
      position: 7,
      stream: 'pool-web',
      expected: 'hash a',
      found: 'hash b',
    };
    const verification = { ok: false, events: 9, streams: 2, findings: [finding], cut: false };
    await using stage = await scene({ history: answeredBy(verification) });
    expect(await run('verify', stage.address)).toEqual({
      code: 1,
      out: 'chain_broken at position 7 of pool-web: expected hash a, found hash b\n9 events checked, 1 finding\n',
      err: '',
    });
    const asked = await run('verify --json', stage.address);
    expect({ code: asked.code, ok: JSON.parse(asked.out).ok }).toEqual({ code: 1, ok: false });
  });

  it('names what is damaged in the journal', async () => {
    const journal = { span: null, gaps: 0, damaged: ['segment-00000001.db: expected a segment, found none'] };
    const verification = { ok: false, events: 9, streams: 2, findings: [], cut: false, journal };
    await using stage = await scene({ history: answeredBy(verification) });
    expect(await run('verify', stage.address)).toMatchObject({
      code: 1,
      out: 'damaged in the journal: segment-00000001.db: expected a segment, found none\n9 events checked, 0 findings\n',
    });
  });

  it('shows how far it is on a terminal alone, and never to machines', async () => {
    const steps = [250, 500].map((done) => ({ progress: { checking: 'events', done, of: 1000 } }));
    const history = answeredBy({ ok: true, events: 1000 }, steps);
    // Slower than what a line stands for on a terminal.
    const slowly: typeof history = {
      ...history,
      async *pour(...asked) {
        for (const lines = history.pour(...asked); ; ) {
          const turn = await lines.next();
          await wait(150);
          if (turn.done === true) return turn.value;
          yield turn.value;
        }
      },
    };
    await using stage = await scene({ history: slowly });
    const at = ['verify', '--admin', stage.address];
    const out = '1000 events, all as written\n';
    expect(await command(at)).toEqual({ code: 0, out, err: '' });
    const { err, ...seen } = await command(at, { tty: true });
    expect(seen).toEqual({ code: 0, out });
    const [before, first, second, ...more] = err.split('\r\x1b[K');
    expect([before, first, second]).toEqual(['', 'checking the file', 'checking the events: 250 of 1000']);
    expect(more.at(-1)).toBe('');
    expect((await command([...at, '--json'], { tty: true })).err).toBe('');
  });

  it('says so where the answer does not come', async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    onTestFinished(() => void server.close());
    expect(await run('verify', `127.0.0.1:${port}`)).toMatchObject({
      code: 1,
      err: 'switchyard: expected an answer, found none: the router ended, or was told to\n',
    });
  });
});

describe('chaos', () => {
  it('reaches the actor, at once or at a point', async () => {
    const wishes: unknown[] = [];
    await using stage = await scene({
      chaos: (wish) => {
        wishes.push(wish);
        return wish.crash === 'pool:web' ? 'done' : 'unknown';
      },
    });
    expect(await run('chaos pool:web', stage.address)).toEqual({
      code: 0,
      out: 'pool:web was made to fail\n',
      err: '',
    });
    expect((await run('chaos pool:web --at before-append', stage.address)).code).toBe(0);
    expect(wishes).toEqual([{ crash: 'pool:web' }, { crash: 'pool:web', at: 'before-append' }]);
    expect(await run('chaos pool:none', stage.address)).toMatchObject({
      code: 1,
      err: expect.stringContaining('pool:none'),
    });
  });

  it('is refused by a router that was started without it', async () => {
    await using stage = await scene();
    expect(await run('chaos pool:web', stage.address)).toEqual({
      code: 1,
      out: '',
      err: `switchyard: the router at ${stage.address} was started without --chaos\n`,
    });
  });
});
