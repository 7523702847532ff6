/** Who is awake, who is woken, and who need not be. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, type Command, keyOf, type Lease, type PoolLedger } from '../../../actors/index.ts';
import { createMemoryLog, type PoolName } from '../../../eventlog/index.ts';
import { append, backendAdded, domainOf, WEB, write } from '../../eventlog/appends.ts';
import { domain, pool, type Scene, startSystem } from '../../support/system.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const BY = { author: 'test' };
const web = pool('web');
const PUT_WEB: Command = { type: 'PutPool', pool: web, settings: {} };

let scene: Scene;
beforeEach(async () => {
  scene = await startSystem(undefined, new VirtualClock());
});
afterEach(() => scene.system.stop());

const ask = (command: Command) => scene.system.desk.ask(command, BY);
const hosts = (count: number) => Array.from({ length: count }, (_, at) => domain(`d${at}.test`));
const putDomain = (host: string, to = 'web', maxInFlight = 0): Command => ({
  type: 'PutDomain',
  host: domain(host),
  settings: { ...(maxInFlight > 0 && { maxInFlight }), pool: pool(to) },
});
const together = (commands: readonly Command[], digest: string): Promise<Answer> =>
  scene.system.desk.carryOut(() => ({ type: 'commands', commands }), BY, digest);
const state = async (host: string) => {
  const [row] = await scene.system.log.statesOf([domainOf(host)]);
  return row?.state;
};

describe('a change of very many', () => {
  it('wakes nobody, and those who are awake know of it', async () => {
    const { owners } = scene.system;
    await ask(PUT_WEB);
    await ask(putDomain('d7.test'));
    expect(owners.domains.size).toBe(1);
    const first = await together(
      hosts(150).map((host) => putDomain(host)),
      'first',
    );
    expect(first).toMatchObject({ type: 'done', changed: 149, position: 151 });
    const limits = hosts(150).map((host, at) => putDomain(host, 'web', at % 2));
    expect(await together(limits, 'second')).toMatchObject({ type: 'done', changed: 75 });
    expect([...owners.domains.names()]).toEqual(['d7.test']);
    const limited = { settings: { maxInFlight: 1, pool: 'web' }, version: 2 };
    expect([await state('d7.test'), await state('d9.test')]).toEqual([limited, limited]);
    expect(await state('d8.test')).toEqual({ settings: { pool: 'web' }, version: 1 });
    expect(owners.domains.lookup('d7.test')?.known).toEqual({ state: limited, version: 2 });
    expect(await ask(putDomain('d7.test', 'web', 1))).toMatchObject({ type: 'done', changed: 0 });
  });
});

describe('a look at very many', () => {
  it('sees all that there are, or those it asks for, and nobody who is gone', async () => {
    const { desk } = scene.system;
    await ask(PUT_WEB);
    await together(
      hosts(2100).map((host) => putDomain(host)),
      'many',
    );
    await ask({ type: 'RemoveDomain', host: domain('d5.test') });
    const sizes = await desk.look(async (now) => {
      const [all, some] = [await now.everything(), await now.owners(hosts(1200).map(domainOf))];
      return [all.domains.size, all.pools.size, some.domains.size, some.pools.size];
    });
    expect(sizes).toEqual([2099, 1, 1199, 0]);
  });
});

describe('more domains at once than stay awake', () => {
  it('are all decided, and a thousand stay awake, the last that were asked among them', async () => {
    const { owners } = scene.system;
    await ask(PUT_WEB);
    const answers = await Promise.all(hosts(1200).map((host) => ask(putDomain(host))));
    expect(answers.filter(({ type }) => type !== 'done')).toEqual([]);
    expect(owners.domains.size).toBe(1000);
    for (const host of ['d0.test', 'new.test'])
      expect(await ask(putDomain(host, 'web', 5))).toMatchObject({ type: 'done', changed: 1 });
    expect(owners.domains.size).toBe(1000);
    for (const host of ['d0.test', 'new.test']) expect(owners.isAwake(domainOf(host))).toBe(true);
  });

  it('are refused where the router stops', async () => {
    const asked = hosts(3).map((host) => ask(putDomain(host)));
    await scene.system.stop();
    for (const answer of await Promise.all(asked)) expect(answer.type).toBe('rejected');
  });
});

describe('a pool', () => {
  const use = () => {
    const ledger = scene.ledger.pool(keyOf('web')) as PoolLedger;
    const lease = ledger.checkout(0, [], { place: 0, granted() {}, refused() {} }, 0, 0, 0) as Lease;
    ledger.checkin(lease, 0, 'finished');
  };

  it('that nobody used sleeps, and is woken with its ledger by whoever needs it', async () => {
    const { owners } = scene.system;
    await ask({ ...PUT_WEB, backends: { 'web.1': { address: '127.0.0.1:1' } } } as Command);
    const ticket = owners.ticket(web);
    expect(ticket).toBeGreaterThan(0);
    use();
    expect([await owners.sleep(web, ticket), owners.isAwake(WEB)]).toEqual([false, true]);
    await ask({ type: 'RemoveBackend', pool: web, id: 'web.1' as never });
    await ask({ type: 'PutBackend', pool: web, id: 'web.2' as never, backend: { address: '127.0.0.1:2' } });
    expect([await owners.sleep(web, owners.ticket(web)), owners.isAwake(WEB)]).toEqual([true, false]);
    expect([owners.awakeCount, owners.ticket(web)]).toEqual([0, 0]);
    expect([await owners.wake(web), owners.isAwake(WEB)]).toEqual([true, true]);
    expect(scene.ledger.rowsOf(keyOf('web'))).toMatchObject([{ backendKey: keyOf('web.2') }]);
  });

  it('that there is not, or is not to be had, is not woken', async () => {
    const { owners } = scene.system;
    expect(await owners.wake('none' as PoolName)).toBe(false);
    expect(await owners.sleep('never' as PoolName, 0)).toBe(false);
    await ask(PUT_WEB);
    for (let crash = 0; crash < 31; crash++) await scene.system.sabotage('pool:web');
    expect(await owners.wake(web)).toBe(false);
    expect(await ask(PUT_WEB)).toMatchObject({
      rejection: { detail: expect.stringMatching(/is parked after too many failures, the last: .*pool:web/) },
    });
  });

  it('that a mistake of ours keeps asleep is not woken, and that is told as its crash', async () => {
    const log = createMemoryLog({ now: Date.now });
    const mistaken = await startSystem(() => log, new VirtualClock());
    await using _ = { [Symbol.asyncDispose]: () => mistaken.system.stop() };
    const mistake = new TypeError('cannot read properties of undefined');
    log.version = () => Promise.reject(mistake);
    expect(await mistaken.system.owners.wake(web)).toBe(false);
    expect(mistaken.happened.filter(({ type }) => type === 'crashed')).toMatchObject([
      { id: 'pool:web', kind: 'pool', error: mistake },
    ]);
  });

  it('that lacks what is in the log is told it when it is brought up to date, however much of it is brought along', async () => {
    const { log, owners } = scene.system;
    await ask(PUT_WEB);
    for (const brought of [0, 1, 2]) {
      const version = 1 + 2 * brought;
      const ids = [`a.${brought}`, `b.${brought}`];
      await log.append(
        append([
          write(
            WEB,
            version,
            ids.map((id) => backendAdded(id)),
          ),
        ]),
      );
      const last = (await log.read({ from: version + 1 })).slice(2 - brought);
      await owners.bringUpTo(WEB, version + 2, last);
      expect(owners.pools.lookup('web')?.known?.version).toBe(version + 2);
      expect(scene.ledger.rowsOf(keyOf('web'))).toHaveLength(2 * (brought + 1));
    }
  });
});
