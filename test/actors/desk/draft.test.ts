import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Command, type Draft, decideFrom, draftOf, sealed, streamOf } from '../../../actors/index.ts';
import {
  type DomainName,
  domainStream,
  type Json,
  type LocalLog,
  openSqliteLog,
  type PoolName,
  poolStream,
  type SwitchyardEvent,
} from '../../../eventlog/index.ts';
import { type TempDirectory, tempDirectory } from '../../support/temp-directory.ts';

const web = { type: 'PutPool', pool: 'web' as PoolName, settings: {} } as const;
const domain = (host: string, pool = 'web') =>
  ({ type: 'PutDomain', host: host as DomainName, settings: { pool: pool as PoolName } }) as const;

describe('a draft', () => {
  let directory: TempDirectory;
  let log: LocalLog;

  beforeEach(async () => {
    directory = await tempDirectory();
    log = openSqliteLog({ directory: directory.path, now: () => 1000 });
  });

  afterEach(async () => {
    await log.close();
    await directory[Symbol.asyncDispose]();
  });

  const draft = (commands: readonly Command[], commandId = 'c', digest = 'd'): Draft => {
    const made = draftOf(commands, { by: { author: 'me', commandId }, digest }, () => 'made');
    if (made === undefined) throw new Error('expected a draft');
    return made;
  };
  const put = (drafted: Draft) => log.together(() => sealed(drafted, log));
  const append = (command: Command, events: readonly SwitchyardEvent[], expected: number) => {
    const writes = [{ stream: streamOf(command), expected, events, current: null as Json }];
    return log.append({ commandId: `a${expected}`, digest: 'd', author: 'me', answer: null, writes });
  };

  it('is written as the deciders would have it, and told together', async () => {
    const heard: string[] = [];
    log.onAppended(({ events, packed }) => {
      heard.push(...events.map(({ type }) => type));
      expect(packed?.streams).toBe('pool-web\ndomain-a.example\ndomain-b.example');
    });
    const commands = [web, domain('a.example'), domain('b.example')];
    expect(await put(draft(commands))).toEqual({
      type: 'done',
      created: false,
      version: 0,
      changed: 3,
      position: 3,
    });
    const decided = commands.map((command) => decideFrom(command, null));
    const events = decided.flatMap((decision) => (decision.type === 'events' ? decision.events : []));
    expect(heard).toEqual(events.map(({ type }) => type));
    expect(await log.read()).toMatchObject(events.map((event) => ({ ...event, version: 1 })));
    expect(await log.current(domainStream('b.example' as DomainName))).toMatchObject({
      version: 1,
      state: { settings: { pool: 'web' }, version: 1 },
    });
    expect((await log.answered('c'))?.answer).toMatchObject({ versions: { 'pool-web': 1 } });
  });

  it('names the pools that must be there, and is not written where one is not', async () => {
    const drafted = draft([domain('a.example'), domain('b.example', 'api'), web]);
    expect(drafted.pools).toEqual(['api']);
    expect(await put(drafted)).toBeUndefined();
    expect(await log.position()).toBe(0);
    await put(draft([{ ...web, pool: 'api' as PoolName }], 'first'));
    expect(await put(drafted)).toMatchObject({ type: 'done', changed: 3 });
  });

  it('is not written where anybody was ever heard of, also who has gone since', async () => {
    await put(draft([web], 'first'));
    const gone = domain('gone.example');
    await append(gone, [{ type: 'DomainCreated', data: { settings: gone.settings } }], 0);
    await append(gone, [{ type: 'DomainRemoved', data: {} }], 1);
    const before = await log.position();
    expect(await put(draft([domain('new.example'), gone]))).toBeUndefined();
    expect(await put(draft([web, domain('new.example')]))).toBeUndefined();
    expect(await log.position()).toBe(before);
    expect(await log.version(poolStream('web' as PoolName))).toBe(1);
  });

  it('is not written a second time, nor under an id that was used for something else', async () => {
    await put(draft([web, domain('a.example')]));
    expect(await put(draft([web, domain('a.example')]))).toBeUndefined();
    expect(await put(draft([domain('b.example')], 'c', 'other'))).toBeUndefined();
    expect(await log.position()).toBe(2);
  });

  it('is none where a command would be refused', () => {
    const refused = { ...domain('a.example'), ifVersion: 3 };
    expect(draftOf([web, refused], { by: { author: 'me' }, digest: 'd' }, () => 'made')).toBeUndefined();
  });
});
