import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evolveOwner, keyOf } from '../../actors/index.ts';
import {
  createMemoryLog,
  EventUnreadable,
  happenedOf,
  type Json,
  type LocalLog,
  LogUnavailable,
  packNames,
  type Recorded,
  type StreamName,
  type SwitchyardEvent,
} from '../../eventlog/index.ts';
import { Publisher, Table, type TableSource } from '../../src/workers/index.ts';
import { NameIndex } from '../../src/workers/table/name-index.ts';
import { fromAnotherThread } from '../support/packed.ts';
import { backend, pool } from '../support/system.ts';

type Owner = { state: Json; version: number };

/** A log whose every append is published to a table that reads it and to one that was told everything. */
class Stage {
  readonly log: LocalLog = createMemoryLog({ now: () => 0 });
  readonly publisher = new Publisher();
  readonly lazy = new Table();
  readonly told = new Table();
  readonly passivated: string[] = [];
  busy = false;
  mayWarn = false;
  warnings = 0;
  /** The log cannot be read just now. */
  isAway = false;
  #isHeard = true;
  isLevel = true;
  /** What the main thread does while the table waits for it. */
  next: () => void = () => {};
  pauses = 0;
  activations = 0;
  readonly #owners = new Map<string, Owner>();
  #appends = 0;

  constructor() {
    const { reader } = this.log;
    const activate = reader.activate.bind(reader);
    this.publisher.enrol({
      // Of a bulk only the names come, so of every second of these.
      receive: ({ packed, events }) =>
        packed === undefined ? this.lazy.apply(events) : this.lazy.applyPacked(packed),
    });
    this.publisher.enrol({ receive: ({ events }) => this.told.apply(events) });
    const source: TableSource = {
      names: new NameIndex(this.publisher.names.shared),
      reader: Object.assign(reader, {
        activate: (stream: StreamName) => {
          this.activations += 1;
          if (this.isAway) throw new LogUnavailable('log_failed', 'the log is away');
          return activate(stream);
        },
      }),
      isLevel: () => this.isLevel,
      pause: () => {
        this.pauses += 1;
        this.next();
      },
      warn: (error) => {
        if (!this.mayWarn) throw error;
        this.warnings += 1;
      },
      isBusy: () => this.busy,
      passivated: ({ name }) => this.passivated.push(name),
      reopened: () => source,
    };
    this.lazy.loadFrom(source);
    this.log.onAppended((happened) => {
      if (!this.#isHeard) return;
      const isPacked = this.#appends % 2 === 0;
      this.publisher.publish(isPacked ? fromAnotherThread(happened.events) : happened);
    });
  }

  async record(...happened: (readonly [string, SwitchyardEvent])[]): Promise<void> {
    const writes = new Map<string, { expected: number; events: SwitchyardEvent[]; owner: Owner }>();
    for (const [stream, event] of happened) {
      const before = writes.get(stream)?.owner ?? this.#owners.get(stream) ?? { state: null, version: 0 };
      const version = before.version + 1;
      const state = evolveOwner(stream as StreamName, before.state, { ...event, version }) as unknown as Json;
      const write = writes.get(stream) ?? { expected: before.version, events: [], owner: before };
      writes.set(stream, { ...write, events: [...write.events, event], owner: { state, version } });
    }
    this.#appends += 1;
    await this.log.append({
      commandId: `c${this.#appends}`,
      digest: 'd',
      author: 'test',
      answer: null,
      writes: [...writes].map(([stream, { expected, events, owner }]) => {
        this.#owners.set(stream, owner);
        return { stream: stream as StreamName, expected, events, current: owner.state };
      }),
    });
  }

  /** Each an append of its own that nobody is told of. */
  unheard(...happened: (readonly [string, SwitchyardEvent])[]): Promise<readonly Recorded[]> {
    return this.#untold(async () => {
      for (const each of happened) await this.record(each);
    });
  }

  /** One append that nobody is told of. */
  unheardTogether(...happened: (readonly [string, SwitchyardEvent])[]): Promise<readonly Recorded[]> {
    return this.#untold(() => this.record(...happened));
  }

  async #untold(work: () => Promise<void>): Promise<readonly Recorded[]> {
    const from = (await this.log.position()) + 1;
    this.#isHeard = false;
    await work();
    this.#isHeard = true;
    return this.log.read({ from });
  }

  exists(stream: string): boolean {
    return (this.#owners.get(stream)?.state ?? null) !== null;
  }

  sleep(sweeps = 62): void {
    for (let sweep = 0; sweep < sweeps; sweep += 1) this.lazy.sweep();
  }
}

const put = (stage: Stage, host: string, to: string) =>
  [
    `domain-${host}`,
    {
      type: stage.exists(`domain-${host}`) ? 'DomainChanged' : 'DomainCreated',
      data: { settings: { pool: pool(to) } },
    },
  ] as const;
const gone = (host: string) => [`domain-${host}`, { type: 'DomainRemoved', data: {} }] as const;
const created = (name: string) => [`pool-${name}`, { type: 'PoolCreated', data: { settings: {} } }] as const;
const added = (name: string, id: string) =>
  [
    `pool-${name}`,
    { type: 'BackendAdded', data: { id: backend(id), backend: { address: '127.0.0.1:1' } } },
  ] as const;

/** A pool with one backend, and a domain that was asked for. */
async function heldWeb(): Promise<Stage> {
  const stage = new Stage();
  await stage.record(created('web'), added('web', 'w.1'), put(stage, 'a.test', 'web'));
  expect(view(stage.lazy, 'a.test')?.ids).toEqual(['w.1']);
  return stage;
}

/** A pool that somebody waits for, and that cannot be read for a while. */
async function awayWeb() {
  const stage = await heldWeb();
  const waiting = stage.lazy.lookup('a.test')?.pool?.backends;
  stage.busy = true;
  stage.mayWarn = true;
  stage.lazy.distrust();
  const domain = stage.lazy.lookup('a.test');
  stage.isAway = true;
  expect(domain?.pool).toMatchObject({ name: 'web', unavailable: true });
  return { stage, domain, waiting };
}

function view(table: Table, host: string) {
  const domain = table.lookup(host);
  if (domain === undefined) return undefined;
  const ids = [...(domain.pool?.backends.values() ?? [])].map(({ id }) => id).toSorted();
  return { name: domain.name, settings: domain.settings, pool: domain.pool?.name, ids };
}

describe('a table that reads who is asked for', () => {
  it('reads anew what it holds when an event did not reach it', async () => {
    const stage = new Stage();
    await stage.record(created('web'), added('web', 'w.1'), put(stage, 'a.test', 'web'));
    view(stage.lazy, 'a.test');
    const before = stage.activations;
    const held = stage.lazy.lookup('a.test')?.pool?.backends;
    const next = { stream: 'domain-z.test', version: 1, type: 'DomainRemoved', data: {} };
    stage.lazy.apply([{ ...next, position: stage.lazy.position + 1 } as unknown as Recorded]);
    view(stage.lazy, 'a.test');
    expect(stage.activations).toBe(before);
    stage.lazy.apply([{ ...next, position: stage.lazy.position + 2 } as unknown as Recorded]);
    expect(view(stage.lazy, 'a.test')).toMatchObject({ name: 'a.test', pool: 'web', ids: ['w.1'] });
    expect(stage.activations).toBeGreaterThan(before);
    expect(stage.lazy.lookup('a.test')?.pool?.backends).toBe(held);
  });

  it('serves nobody from what was so before an event that did not reach it', async () => {
    const stage = await heldWeb();
    await stage.record(created('api'));
    const key = keyOf('web');
    expect(stage.lazy.pool(key)).toBe(stage.lazy.lookup('a.test')?.pool);
    const [, next] = await stage.unheard(put(stage, 'a.test', 'api'), added('api', 'a.1'));
    stage.lazy.apply([next!]);
    expect(stage.lazy.pool(key)).toBeUndefined();
    expect(view(stage.lazy, 'a.test')).toMatchObject({ pool: 'api', ids: ['a.1'] });
  });

  it('reads anew what it holds when a bulk did not reach it', async () => {
    const stage = await heldWeb();
    const [missed, next] = await stage.unheard(added('web', 'w.2'), put(stage, 'z.test', 'web'));
    stage.lazy.applyPacked(packNames([next!]));
    expect(view(stage.lazy, 'a.test')?.ids).toEqual(['w.1', 'w.2']);
    expect(stage.lazy.position).toBe(missed!.position + 1);
  });

  it('looks again where one name was looked for before a change and the next after it', async () => {
    const stage = new Stage();
    await stage.record(created('web'));
    await stage.record(put(stage, '*.test', 'web'));
    const events = await stage.unheardTogether(put(stage, 'a.test', 'web'), gone('*.test'));
    // Once it has seen in the log that the second is gone.
    stage.next = () => stage.publisher.publish(happenedOf(events));
    expect(view(stage.lazy, 'a.test')).toMatchObject({ name: 'a.test' });
    expect(stage.pauses).toBe(1);
  });

  it('waits where it was told of a change that the names do not know yet', async () => {
    const stage = new Stage();
    await stage.record(created('web'));
    await stage.record(put(stage, 'a.test', 'web'));
    const events = await stage.unheardTogether(gone('a.test'), put(stage, '*.test', 'web'));
    stage.lazy.apply(events);
    stage.isLevel = false;
    stage.next = () => {
      stage.publisher.names.apply(happenedOf(events), () => 0);
      stage.isLevel = true;
    };
    expect(view(stage.lazy, 'a.test')).toMatchObject({ name: '*.test' });
    expect(stage.pauses).toBe(1);
  });

  it('waits for names that are being changed, but not for ever', async () => {
    const stage = await heldWeb();
    const [event] = await stage.unheard(put(stage, '*.test', 'web'));
    stage.publisher.names.apply(happenedOf([event!]), () => {
      expect(stage.lazy.lookup('b.example')).toBeUndefined();
      expect(stage.pauses).toBeGreaterThan(0);
      return 0;
    });
  });

  it('follows whom it holds through a bulk that it was told the names of, and no further', async () => {
    const stage = await heldWeb();
    const [second, third] = await stage.unheard(added('web', 'w.2'), added('web', 'w.3'));
    stage.lazy.applyPacked(packNames([second!]));
    expect(view(stage.lazy, 'a.test')?.ids).toEqual(['w.1', 'w.2']);
    stage.lazy.applyPacked(packNames([third!]));
    expect(view(stage.lazy, 'a.test')?.ids).toEqual(['w.1', 'w.2', 'w.3']);
    // The pool's.
    expect(stage.activations).toBe(1);
  });

  it.each([
    ['a state that was kept, where much happened to one at once', 300, 0],
    ['its events, where that is a few', 50, 50],
  ])('follows whom it holds by %s', async (_, many, read) => {
    const stage = await heldWeb();
    const backends = Array.from({ length: many }, (_, index) => added('web', `b.${index}`));
    const events = await stage.unheardTogether(...backends);
    const { reader } = stage.log;
    const readStream = reader.readStream.bind(reader);
    let found = 0;
    Object.assign(reader, {
      readStream: (...asked: Parameters<typeof readStream>) => {
        const events = readStream(...asked);
        found += events.length;
        return events;
      },
    });
    stage.lazy.applyPacked(packNames(events));
    expect(found).toBe(read);
    expect(view(stage.lazy, 'a.test')?.ids).toHaveLength(many + 1);
    expect(stage.activations).toBe(1);
  });

  it('follows whom it holds no further than it was told, though a later state was kept', async () => {
    const stage = await heldWeb();
    const backends = Array.from({ length: 300 }, (_, index) => added('web', `b.${index}`));
    const events = await stage.unheardTogether(...backends);
    await stage.unheardTogether(...Array.from({ length: 100 }, (_, index) => added('web', `c.${index}`)));
    stage.lazy.applyPacked(packNames(events));
    expect(view(stage.lazy, 'a.test')?.ids).toHaveLength(301);
    expect(stage.activations).toBe(1);
  });

  it.each<[string, (event: Recorded) => readonly Recorded[], warnings: number]>([
    [
      'cannot be read',
      ({ position, stream }) => {
        throw new EventUnreadable(position, stream, 'as on a damaged page');
      },
      1,
    ],
    ['was archived', () => [], 0],
    ['was archived, and others came', (event) => [{ ...event, version: event.version + 1 }], 0],
  ])('reads anew whom it cannot follow since what happened %s', async (_, readStream, warnings) => {
    const stage = await heldWeb();
    stage.mayWarn = true;
    const [second] = await stage.unheard(added('web', 'w.2'));
    const { reader } = stage.log;
    const sound = reader.readStream.bind(reader);
    Object.assign(reader, { readStream: () => readStream(second!) });
    stage.lazy.applyPacked(packNames([second!]));
    Object.assign(reader, { readStream: sound });
    await stage.record(added('web', 'w.3'));
    expect(view(stage.lazy, 'a.test')?.ids).toEqual(['w.1', 'w.2', 'w.3']);
    expect(stage.warnings).toBe(warnings);
  });

  it('waits for what was published of whom it reads, but not for ever', async () => {
    const stage = new Stage();
    await stage.record(created('web'), put(stage, 'a.test', 'web'));
    await stage.unheard(added('web', 'w.1'));
    expect(view(stage.lazy, 'a.test')?.ids).toEqual(['w.1']);
    expect(stage.pauses).toBeGreaterThan(0);
  });

  it.each(['told in full', 'told the names of'])(
    'has whom it had lost as it is now, once something happened to it that it was %s',
    async (how) => {
      const stage = new Stage();
      const tell = (events: readonly Recorded[]) => {
        if (how === 'told in full') stage.lazy.apply(events);
        else stage.lazy.applyPacked(packNames(events));
      };
      await stage.record(created('web'), added('web', 'w.1'), put(stage, 'a.test', 'web'));
      for (const stream of ['domain-a.test', 'pool-web']) stage.lazy.markUnreadable(stream as StreamName);
      tell(await stage.unheard(put(stage, 'a.test', 'web')));
      expect(stage.lazy.lookup('a.test')?.pool).toMatchObject({ unavailable: true });
      tell(await stage.unheard(added('web', 'w.2')));
      expect(view(stage.lazy, 'a.test')?.ids).toEqual(['w.1', 'w.2']);
    },
  );

  it('makes an owner of its events where its row is damaged', async () => {
    const stage = new Stage();
    stage.mayWarn = true;
    await stage.record(created('web'), added('web', 'w.1'), put(stage, 'a.test', 'web'));
    await stage.record(added('web', 'w.2'));
    Object.assign(stage.log.reader, {
      activate: (stream: StreamName) => {
        throw new EventUnreadable(1, stream, 'as of a damaged row');
      },
    });
    expect(view(stage.lazy, 'a.test')).toMatchObject({ pool: 'web', ids: ['w.1', 'w.2'] });
  });

  it('reads an owner once, whatever is asked of it, and nothing for a name that is not there', async () => {
    const stage = new Stage();
    await stage.record(created('web'), added('web', 'w.1'));
    // A bulk, of which only names come.
    await stage.record(put(stage, 'a.test', 'web'), put(stage, '*.test', 'web'));
    for (let time = 0; time < 3; time += 1) {
      expect(view(stage.lazy, 'a.test')).toMatchObject({ name: 'a.test', pool: 'web', ids: ['w.1'] });
      expect(view(stage.lazy, 'b.test')).toMatchObject({ name: '*.test' });
      expect(view(stage.lazy, 'b.example')).toBeUndefined();
    }
    expect([stage.activations, stage.lazy.size]).toEqual([3, { domains: 2, pools: 1 }]);
    expect(stage.pauses).toBe(0);
  });

  it('has a domain that just changed from what it was told, unless more happened than it was told', async () => {
    const stage = await heldWeb();
    // Every second append is of a bulk.
    await stage.record(created('api'), added('api', 'a.1'));
    await stage.record(put(stage, 'told.test', 'web'), put(stage, 'then-bulk.test', 'web'));
    await stage.record(put(stage, 'then-bulk.test', 'api'), put(stage, 'bulk.test', 'web'));
    const activations = (host: string, to: string) => {
      const before = stage.activations;
      expect(view(stage.lazy, host)).toMatchObject({ name: host, pool: to });
      return stage.activations - before;
    };
    expect(activations('told.test', 'web')).toBe(0);
    expect(activations('bulk.test', 'web')).toBe(1);
    // And its pool.
    expect(activations('then-bulk.test', 'api')).toBe(2);
  });

  it('remembers the last that it was told of, and no more of them than a thousand', async () => {
    const stage = new Stage();
    await stage.record(created('web'));
    await stage.record(created('api'));
    const hosts = Array.from({ length: 1001 }, (_, index) => `d${index}.test`);
    await stage.record(...hosts.map((host) => put(stage, host, 'web')));
    for (const host of hosts) view(stage.lazy, host);
    // The pool, and the first domain.
    expect(stage.activations).toBe(2);
  });

  it('lets go sooner of what is not used where it holds very many', async () => {
    const stage = new Stage();
    const hosts = Array.from({ length: 4100 }, (_, index) => `d${index}.test`);
    await stage.record(created('web'), ...hosts.map((host) => put(stage, host, 'web')));
    for (const host of hosts) stage.lazy.lookup(host);
    expect(stage.lazy.size.domains).toBe(hosts.length);
    for (let second = 0; second < 8; second += 1) {
      stage.sleep(1);
      view(stage.lazy, 'd7.test');
    }
    expect(stage.lazy.size).toEqual({ domains: 1, pools: 1 });
  });

  it('lets go of what is not used, and keeps what is, and the pool of whoever waits', async () => {
    const stage = new Stage();
    await stage.record(created('web'), put(stage, 'a.test', 'web'), put(stage, 'b.test', 'web'));
    stage.lazy.lookup('a.test');
    const held = stage.lazy.lookup('b.test')?.pool;
    for (let minute = 0; minute < 2; minute += 1) {
      stage.sleep(40);
      stage.lazy.lookup('a.test');
    }
    expect(stage.lazy.size.domains).toBe(1);
    expect(stage.passivated).toEqual(['web']);
    expect(stage.lazy.lookup('a.test')?.pool).not.toBe(held);
    stage.busy = true;
    const waiting = stage.lazy.lookup('a.test')?.pool;
    stage.sleep();
    expect(stage.lazy.size).toEqual({ domains: 0, pools: 1 });
    await stage.record(added('web', 'w.2'));
    expect(waiting?.backends.size).toBe(1);
  });

  it('lets go of what it doubts, unless somebody waits for it', async () => {
    const stage = await heldWeb();
    const held = stage.lazy.lookup('a.test')?.pool?.backends;
    stage.busy = true;
    stage.lazy.distrust();
    stage.sleep(1);
    expect(stage.lazy.lookup('a.test')?.pool?.backends).toBe(held);
    stage.busy = false;
    stage.lazy.distrust();
    stage.sleep(1);
    expect(stage.passivated).toEqual(['web']);
    expect(stage.lazy.lookup('a.test')?.pool?.backends).not.toBe(held);
  });

  it('lets whoever waits for a pool see what came to it after a while in which it could not be read', async () => {
    const { stage, domain, waiting } = await awayWeb();
    stage.isAway = false;
    await stage.unheard(added('web', 'w.2'));
    stage.sleep(1);
    expect(domain?.pool?.backends).toBe(waiting);
    expect(waiting?.size).toBe(2);
  });

  it('keeps what it has read again before the sweep after it could not be read', async () => {
    const { stage, waiting } = await awayWeb();
    stage.lazy.distrust();
    stage.isAway = false;
    expect(stage.lazy.lookup('a.test')?.pool?.backends).toBe(waiting);
    stage.sleep(1);
    expect(stage.lazy.lookup('a.test')?.pool?.backends).toBe(waiting);
  });

  it('keeps the wildcard that is asked for, and its pool', async () => {
    const stage = new Stage();
    await stage.record(created('web'), put(stage, '*.test', 'web'));
    const [held, pool] = [stage.lazy.lookup('a.test'), stage.lazy.lookup('a.test')?.pool];
    for (let minute = 0; minute < 2; minute += 1) {
      stage.sleep(40);
      expect(stage.lazy.lookup('a.test')).toBe(held);
      expect(held?.pool).toBe(pool);
    }
  });

  it('answers at any moment as one that was told everything', async () => {
    const hosts = ['a.test', 'b.test', '*.test', '*.b.test', '*', 'x.b.test'];
    const pools = ['web', 'api'];
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          put: fc.constantFrom(...hosts),
          to: fc.constantFrom(...pools),
          also: fc.constantFrom(...hosts),
        }),
      },
      { weight: 2, arbitrary: fc.record({ gone: fc.constantFrom(...hosts) }) },
      { weight: 2, arbitrary: fc.record({ backend: fc.nat(30), of: fc.constantFrom(...pools) }) },
      {
        weight: 5,
        arbitrary: fc.record({
          ask: fc.constantFrom('a.test', 'b.test', 'c.test', 'x.b.test', 'y.b.test', 'other'),
        }),
      },
      { weight: 1, arbitrary: fc.record({ sleep: fc.constant(true) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const stage = new Stage();
        await stage.record(...pools.map(created));
        let ids = 0;
        for (const taken of steps) {
          if ('put' in taken) {
            const swap =
              taken.also !== taken.put && stage.exists(`domain-${taken.also}`) ? [gone(taken.also)] : [];
            await stage.record(put(stage, taken.put, taken.to), ...swap);
          } else if ('gone' in taken) {
            if (stage.exists(`domain-${taken.gone}`)) await stage.record(gone(taken.gone));
          } else if ('backend' in taken) await stage.record(added(taken.of, `b.${ids++}`));
          else if ('ask' in taken) expect(view(stage.lazy, taken.ask)).toEqual(view(stage.told, taken.ask));
          else stage.sleep();
        }
        for (const host of ['a.test', 'b.test', 'c.test', 'x.b.test', 'y.b.test', 'other']) {
          expect(view(stage.lazy, host)).toEqual(view(stage.told, host));
        }
      }),
      { numRuns: 100 },
    );
  });
});
