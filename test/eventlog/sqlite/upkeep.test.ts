import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { copying, openSqliteLog, type StreamName, swapLog } from '../../../eventlog/index.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import {
  append,
  domainChanged,
  domainCreated,
  domainOf,
  domainRemoved,
  domainState,
  poolCreated,
  WEB,
  write,
} from '../appends.ts';
import { projectionOf } from '../projections.ts';

const DAY_MS = 86_400_000;

describe('answers to commands', () => {
  it('are forgotten after a day, and not before', async () => {
    await using directory = await tempDirectory();
    let nowMs = 1_700_000_000_000;
    await using log = openSqliteLog({ directory: directory.path, now: () => nowMs });
    const old = append([write(WEB, 0, [poolCreated()])]);
    await log.append(old);
    const host = domainOf('a.example');
    await log.append(append([write(host, 0, [domainCreated()], domainState('web', 1))]));
    const change = async (times: number) => {
      for (let time = 0; time < times; time += 1) {
        const version = await log.version(host);
        await log.append(
          append([write(host, version, [domainChanged('web')], domainState('web', version + 1))]),
        );
      }
    };
    nowMs += DAY_MS - 1;
    await change(200);
    expect(await log.answered(old.commandId)).toBeDefined();
    nowMs += 2;
    const young = append([write(domainOf('b.example'), 0, [domainCreated()], domainState('web', 1))]);
    await log.append(young);
    await change(200);
    expect(await log.answered(old.commandId)).toBeUndefined();
    expect(await log.answered(young.commandId)).toBeDefined();
  });
});

describe('answers to commands that changed nothing', () => {
  it('are kept for a day, however old the event before them is', async () => {
    await using directory = await tempDirectory();
    let nowMs = 1_700_000_000_000;
    await using log = openSqliteLog({ directory: directory.path, now: () => nowMs });
    const old = append([write(WEB, 0, [poolCreated()])]);
    await log.append(old);
    nowMs += 10 * DAY_MS;
    const young = append([write(WEB, 1, [])]);
    await log.append(young);
    for (let owner = 0; owner < 200; owner += 1)
      await log.append(append([write(domainOf(`d${owner}.example`), 0, [domainCreated()])]));
    expect(await log.answered(young.commandId)).toBeDefined();
    nowMs += DAY_MS + 1;
    for (let owner = 200; owner < 400; owner += 1)
      await log.append(append([write(domainOf(`d${owner}.example`), 0, [domainCreated()])]));
    expect(await log.answered(old.commandId)).toBeUndefined();
    expect(await log.answered(young.commandId)).toBeUndefined();
  });
});

describe('answers to commands of events that are archived', () => {
  it('are forgotten as all others, in a file of a former version too', async () => {
    await using directory = await tempDirectory();
    let nowMs = 1_700_000_000_000;
    const open = () => openSqliteLog({ directory: directory.path, now: () => nowMs });
    const old = append([]);
    const archived = append([write(WEB, 0, [poolCreated()])]);
    const young = append([write(domainOf('b.example'), 0, [domainCreated()], domainState('web', 1))]);
    const host = domainOf('a.example');
    {
      await using log = open();
      await log.append(old);
      await log.append(archived);
      await log.append(append([write(host, 0, [domainCreated()], domainState('web', 1))]));
      const fresh = join(directory.path, 'archiving.db');
      const part = { source: log.reader, path: fresh, from: 2, to: 2, projectionOf, breathe: async () => {} };
      const steps = copying({ ...part, commands: 'all' });
      while ((await steps.next()).done !== true);
      swapLog(log, directory.path, fresh, 2);
    }
    // As former versions made it: whose event is not there was never old.
    const file = new Database(join(directory.path, 'events.db'));
    file.exec(`DROP TRIGGER commands_are_kept; CREATE TRIGGER commands_are_kept BEFORE DELETE ON commands
      WHEN OLD.position < 2 BEGIN SELECT RAISE(ABORT, 'commands are append-only'); END`);
    file.close();
    await using log = open();
    nowMs += DAY_MS + 1;
    await log.append(young);
    for (let version = 1; version <= 200; version += 1)
      await log.append(
        append([write(host, version, [domainChanged('web')], domainState('web', version + 1))]),
      );
    expect(await log.answered(old.commandId)).toBeUndefined();
    expect(await log.answered(archived.commandId)).toBeUndefined();
    expect(await log.answered(young.commandId)).toBeDefined();
  });
});

describe('current rows', () => {
  it('of a bulk count once, whether they come or are changed', async () => {
    await using directory = await tempDirectory();
    await using log = openSqliteLog({ directory: directory.path, now: Date.now });
    const hosts = Array.from({ length: 25 }, (_, at) => domainOf(`d${at}.example`));
    const [first] = hosts;
    await log.append(append([write(first!, 0, [domainCreated()], domainState('web', 1))]));
    await log.append(append([write(first!, 1, [domainRemoved()], null)]));
    const added = (host: StreamName) => write(host, 0, [domainCreated()], domainState('web', 1));
    await log.append(
      append([...hosts.slice(1, 15).map(added), write(first!, 2, [domainCreated()], domainState('web', 3))]),
    );
    expect(log.currentRows()).toEqual({ kept: 15, expected: 15 });
    const again = (host: StreamName) => {
      const before = host === first ? 3 : hosts.indexOf(host) < 15 ? 1 : 0;
      const event = before === 0 ? domainCreated('api') : domainChanged('api');
      return write(host, before, [event], domainState('api', before + 1));
    };
    await log.append(append(hosts.map(again)));
    expect(log.currentRows()).toEqual({ kept: 25, expected: 25 });
  });

  it('are counted, so that one that is missing is missed', async () => {
    await using directory = await tempDirectory();
    await using log = openSqliteLog({ directory: directory.path, now: Date.now });
    const hosts = ['a.example', 'b.example', 'c.example'].map(domainOf);
    await log.append(append(hosts.map((host) => write(host, 0, [domainCreated()], domainState('web', 1)))));
    await log.append(
      append([
        write(hosts[0]!, 1, [domainChanged('api')], domainState('api', 2)),
        write(WEB, 0, [poolCreated()], { of: 'web' }),
      ]),
    );
    await log.append(append([write(hosts[1]!, 1, [{ type: 'DomainRemoved', data: {} }], null)]));
    expect(log.currentRows()).toEqual({ kept: 3, expected: 3 });
    const other = new Database(join(directory.path, 'events.db'));
    other.exec("DELETE FROM currents WHERE stream = 'domain-c.example'");
    other.close();
    expect(log.currentRows()).toEqual({ kept: 2, expected: 3 });
    log.acceptRowCount();
    expect(log.currentRows()).toEqual({ kept: 2, expected: 2 });
  });
});
