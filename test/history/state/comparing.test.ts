/** A wish for all of the routing holds for the moment at which it is carried out, not for the one at which it was looked at. */
import { describe, expect, it } from 'vitest';
import type { RoutingDesk } from '../../../actors/index.ts';
import {
  createMemoryLog,
  type LocalLog,
  openJournalReader,
  parseDomainName,
  parsePoolName,
} from '../../../eventlog/index.ts';
import { Comparing, type ComparisonWish, LocalHistory } from '../../../src/history/index.ts';
import { deskOver } from '../../admin/scene.ts';

const BY = { author: 'test' };
const WISHED = {
  pools: { web: { backends: { 'web.1': { address: '127.0.0.1:9001' } } } },
  domains: { 'shop.example': { pool: 'web' }, 'a.example': { pool: 'web', maxInFlight: 7 } },
};

function wish(wished: object, more: Partial<ComparisonWish> = {}): ComparisonWish {
  const bytes = Buffer.from(JSON.stringify(wished));
  const own = { listeners: [], local: [] };
  return { wanted: { type: 'body', bytes, own }, allowRemovals: 0, marks: {}, isShown: false, ...more };
}

function historyOf(log: LocalLog): LocalHistory {
  const none = { directory: undefined, damage: () => [], points: () => undefined };
  const journal = () => openJournalReader('/nonexistent');
  return new LocalHistory({ sources: () => ({ ...none, log: log.reader, journal, now: Date.now }) });
}

async function comparingIn(log: LocalLog, wished: object): Promise<Comparing> {
  const begun = await Comparing.begun(historyOf(log), wish(wished));
  if (begun instanceof Comparing) return begun;
  throw new Error(JSON.stringify(begun));
}

function named<T>(parsed: { readonly ok: boolean; readonly value?: T }): T {
  return parsed.value as T;
}

const putDomain = (desk: RoutingDesk, host: string, maxInFlight: number) =>
  desk.ask(
    {
      type: 'PutDomain',
      host: named(parseDomainName(host)),
      settings: { maxInFlight, pool: named(parsePoolName('web')) },
    },
    BY,
  );

describe('a wish that is compared before its turn', () => {
  it('undoes what others did in between, and does not do again what they did', async () => {
    await using log = createMemoryLog({ now: Date.now });
    const desk = deskOver(log);
    await using first = await comparingIn(log, WISHED);
    expect(await desk.carryOut(first.plan, BY, first.digest)).toMatchObject({ type: 'done', changed: 3 });

    const more = { ...WISHED, domains: { ...WISHED.domains, 'b.example': { pool: 'web' } } };
    await using comparing = await comparingIn(log, more);
    await comparing.compare();
    await putDomain(desk, 'other.example', 1);
    await putDomain(desk, 'a.example', 8);
    await putDomain(desk, 'b.example', 9);
    await desk.ask({ type: 'RemoveDomain', host: named(parseDomainName('shop.example')) }, BY);
    const answer = await desk.carryOut(comparing.plan, BY, comparing.digest);

    expect(answer).toMatchObject({ type: 'done', changed: 4 });
    expect(comparing.planned?.changes.map(({ change, name }) => `${change} ${name}`)).toEqual([
      'change a.example',
      'change b.example',
      'remove other.example',
      'add shop.example',
    ]);
    const { domains } = await desk.look((now) => now.everything());
    expect(Object.fromEntries([...domains].map(([host, { settings }]) => [host, settings]))).toEqual(
      more.domains,
    );
  });

  it('knows of a single thing that happened in between, and of the last of very many', async () => {
    await using log = createMemoryLog({ now: Date.now });
    const desk = deskOver(log);
    const hosts = Array.from({ length: 1000 }, (_, n) => `d${n}.example`);
    const domains = Object.fromEntries(hosts.map((host) => [host, { pool: 'web' }]));
    const wished = { ...WISHED, domains: { ...WISHED.domains, ...domains } };
    await using first = await comparingIn(log, wished);
    await desk.carryOut(first.plan, BY, first.digest);
    const removeShop = () =>
      desk.ask({ type: 'RemoveDomain', host: named(parseDomainName('shop.example')) }, BY);

    await using comparing = await comparingIn(log, wished);
    await comparing.compare();
    await removeShop();
    const one = await desk.carryOut(comparing.plan, BY, comparing.digest);
    expect(one).toMatchObject({ type: 'done', changed: 1 });

    const pool = named(parsePoolName('web'));
    const changed = hosts.map((host) => {
      const settings = { maxInFlight: 1, pool };
      return { type: 'PutDomain', host: named(parseDomainName(host)), settings } as const;
    });
    await desk.askTogether(changed, BY, 'many');
    await removeShop();
    const many = await desk.carryOut(comparing.plan, BY, comparing.digest);
    expect(many).toMatchObject({ type: 'done', changed: hosts.length + 1 });
  });

  it('counts removals as things are then', async () => {
    await using log = createMemoryLog({ now: Date.now });
    const desk = deskOver(log);
    await using first = await comparingIn(log, WISHED);
    await desk.carryOut(first.plan, BY, first.digest);
    await using comparing = await comparingIn(log, WISHED);
    await comparing.compare();
    for (let n = 0; n < 11; n++) await putDomain(desk, `other-${n}.example`, 1);
    const answer = await desk.carryOut(comparing.plan, BY, comparing.digest);
    expect(answer).toMatchObject({ type: 'rejected', rejection: { type: 'too_many_removals' } });
    expect(comparing.planned?.commands).toEqual([]);
  });

  it('is not carried out by a look at another file than the log is in', async () => {
    await using log = createMemoryLog({ now: Date.now });
    await using former = createMemoryLog({ now: Date.now });
    const desk = deskOver(log);
    await desk.ask({ type: 'PutPool', pool: named(parsePoolName('web')), settings: {} }, BY);
    await using comparing = await comparingIn(former, WISHED);
    await comparing.compare();
    const answer = await desk.carryOut(comparing.plan, BY, comparing.digest);
    expect(answer).toMatchObject({ type: 'rejected', rejection: { type: 'owner_unavailable' } });
    expect(await log.position()).toBe(1);
  });

  it('has one digest, in whatever order it is written', async () => {
    await using log = createMemoryLog({ now: Date.now });
    await using one = await comparingIn(log, WISHED);
    await using other = await comparingIn(log, { domains: WISHED.domains, pools: WISHED.pools });
    await using another = await comparingIn(log, { ...WISHED, domains: {} });
    expect(other.digest).toBe(one.digest);
    expect(another.digest).not.toBe(one.digest);
  });

  it.each([
    ['no JSON', '{', 'malformed_json', 1],
    ['no UTF-8', Buffer.from([0x7b, 0xff]), 'malformed_json', 1],
    [
      'wrong throughout',
      JSON.stringify({ domains: Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`-${n}`, {}])) }),
      'invalid_settings',
      300,
    ],
  ])('says what is wrong with %s', async (_, text, word, found) => {
    await using log = createMemoryLog({ now: Date.now });
    const wanted = { type: 'body', bytes: Buffer.from(text), own: { listeners: [], local: [] } } as const;
    const begun = await Comparing.begun(historyOf(log), wish({}, { wanted }));
    expect(begun).toMatchObject({ type: 'unfit', word, found });
    if (begun instanceof Comparing || begun.type !== 'unfit') throw new Error('expected it to be unfit');
    expect(begun.problems.length).toBe(Math.min(100, found));
  });
});
