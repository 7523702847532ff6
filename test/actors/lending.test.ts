/** The log while it is lent: who is told that it is wanted back, and what becomes of what was written meanwhile. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Borrower, keyOf, type Rejection } from '../../actors/index.ts';
import { type Happened, happenedOf, LogUnavailable, type SwitchyardEvent } from '../../eventlog/index.ts';
import { append, backendAdded, poolOf, WEB, write } from '../eventlog/appends.ts';
import { pool, type Scene, startSystem } from '../support/system.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const BY = { author: 'test' };

let scene: Scene;
beforeEach(async () => {
  scene = await startSystem();
});
afterEach(() => scene.system.stop());

const NOTHING: readonly Happened[] = [];

/** Has the log until it is wanted by somebody else, and writes nothing. */
class Guest implements Borrower {
  readonly heard: string[] = [];
  /** What was said of each of its appends. */
  readonly said: (Rejection | undefined)[] = [];
  readonly #wanted = Promise.withResolvers<void>();

  async *writes(): AsyncGenerator<Happened> {
    await this.#wanted.promise;
    yield* NOTHING;
  }

  inForce(settled: Promise<Rejection | undefined>): void {
    void settled.then((rejection) => this.said.push(rejection));
  }

  wanted(by: string): void {
    this.heard.push(by);
    this.#wanted.resolve();
  }
}

async function wrote(stream: typeof WEB, version: number, event: SwitchyardEvent): Promise<Happened> {
  const appended = await scene.system.log.append(append([write(stream, version, [event])]));
  if (appended.type !== 'appended') throw new Error(`expected an append, found ${appended.type}`);
  return happenedOf(appended.events);
}

const put = (name: string) => scene.system.desk.ask({ type: 'PutPool', pool: pool(name), settings: {} }, BY);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const backends = (name: string) => scene.ledger.pool(keyOf(name))?.stats().rows.length;

describe('a log that is lent', () => {
  it('is wanted back by a command, which is carried out after it', async () => {
    const { desk } = scene.system;
    await put('before');
    const guest = new Guest();
    const lent = desk.lend(guest);
    await turn();
    expect(guest.heard).toEqual([]);
    const answered = put('web');
    expect(guest.heard).toEqual(['command']);
    await lent;
    expect(await answered).toMatchObject({ type: 'done', position: 2 });
  });

  it('is wanted back by who looks, and by who borrows it next, but not by who has it', async () => {
    const { desk } = scene.system;
    const [first, second] = [new Guest(), new Guest()];
    const all = [desk.lend(first)];
    await turn();
    all.push(desk.lend(first));
    await turn();
    expect(first.heard).toEqual([]);
    all.push(desk.lend(second));
    expect(first.heard).toEqual(['other']);
    await turn();
    expect(second.heard).toEqual([]);
    const looked = desk.look(async ({ position }) => position);
    expect(second.heard).toEqual(['other']);
    await Promise.all(all);
    expect(await looked).toBe(0);
  });

  it('is wanted at once where somebody came before its turn did', async () => {
    const { desk } = scene.system;
    for (const [by, come] of [
      ['command', () => put('web')],
      ['other', () => desk.look(async () => {})],
    ] as const) {
      const held = Promise.withResolvers<void>();
      const alone = desk.alone(() => held.promise);
      const guest = new Guest();
      const all = [desk.lend(guest), come(), alone];
      await turn();
      expect(guest.heard).toEqual([]);
      held.resolve();
      await Promise.all(all);
      expect(guest.heard).toEqual([by]);
    }
  });

  it('has in force what was written, also by who failed before he told of it', async () => {
    await put('web');
    const failing = new (class extends Guest {
      override async *writes() {
        yield await wrote(WEB, 1, backendAdded('web.1'));
        expect([this.said, backends('web')]).toEqual([[undefined], 1]);
        await wrote(WEB, 2, backendAdded('web.2'));
        throw new Error('lost');
      }
    })();
    await expect(scene.system.desk.lend(failing)).rejects.toThrow('lost');
    expect(backends('web')).toBe(2);
    expect(scene.published.flat().map(({ position }) => position)).toEqual([1, 2, 3]);
  });

  it('is as it was where who has it fails before he wrote, and is not lent by a desk that is shut', async () => {
    const { desk } = scene.system;
    const failing = new (class extends Guest {
      override async *writes() {
        yield* NOTHING;
        throw new Error('lost');
      }
    })();
    await expect(desk.lend(failing)).rejects.toThrow('lost');
    await desk.shut(new LogUnavailable('log_closed', 'another has it'));
    await expect(desk.lend(new Guest())).rejects.toThrow('another has it');
    await desk.reopen();
    expect(await put('web')).toMatchObject({ type: 'done', position: 1 });
  });

  it('is written on where an owner cannot be told, which is said', async () => {
    await scene.system.stop();
    scene = await startSystem(undefined, new VirtualClock());
    await put('web');
    await put('api');
    for (let crash = 0; crash < 31; crash++) await scene.system.sabotage('pool:web');
    const guest = new (class extends Guest {
      override async *writes() {
        yield await wrote(WEB, 1, backendAdded('web.1'));
        yield await wrote(poolOf('api'), 1, backendAdded('api.1'));
      }
    })();
    await scene.system.desk.lend(guest);
    expect(guest.said).toMatchObject([{ type: 'owner_unavailable' }, undefined]);
    expect(backends('api')).toBe(1);
  });
});
