import type { LookupAddress, RecordWithTtl } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { type NameSources, Names } from '../../../src/proxy/upstream/names.ts';

class Zone implements NameSources {
  clockMs = 0;
  questions = 0;
  address: string | Error = '10.0.0.1';
  /** Seconds. */
  ttl: number | Error = 60;
  /** When it has something to say. */
  answers = async (): Promise<void> => {};
  readonly now = () => this.clockMs;
  readonly addresses = async (): Promise<LookupAddress[]> => {
    this.questions += 1;
    await this.answers();
    return [{ address: given(this.address), family: 4 }];
  };
  readonly records = async (): Promise<RecordWithTtl[]> => [{ address: '10.0.0.1', ttl: given(this.ttl) }];
}

function given<T>(value: T | Error): T {
  if (value instanceof Error) throw value;
  return value;
}

async function asked(names: Names): Promise<string> {
  const found = await new Promise<LookupAddress[]>((resolve, reject) => {
    names.lookup('web.test', { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses as LookupAddress[]);
    });
  });
  return found.map(({ address }) => address).join();
}

describe('names of backends', () => {
  it('are asked for once in their time to live, and again after it', async () => {
    const zone = new Zone();
    const names = new Names(zone);
    expect(await asked(names)).toBe('10.0.0.1');
    zone.address = '10.0.0.2';
    zone.clockMs = 59_999;
    expect(await asked(names)).toBe('10.0.0.1');
    zone.clockMs = 60_000;
    expect(await asked(names)).toBe('10.0.0.2');
    expect(zone.questions).toBe(2);
  });

  it('are told one address or all, as whoever connects asks', async () => {
    const names = new Names(new Zone());
    const one = new Promise((resolve) => {
      names.lookup('web.test', {}, (error, address, family) => resolve([error, address, family]));
    });
    expect(await one).toEqual([null, '10.0.0.1', 4]);
  });

  it('share one question among those who ask at once', async () => {
    const zone = new Zone();
    const names = new Names(zone);
    await Promise.all([asked(names), asked(names), asked(names)]);
    expect(zone.questions).toBe(1);
  });

  it('keep the last good answer while nobody can be asked', async () => {
    const zone = new Zone();
    zone.ttl = 1;
    const names = new Names(zone);
    await asked(names);
    zone.address = new Error('EAI_AGAIN');
    zone.clockMs = 5000;
    expect(await asked(names)).toBe('10.0.0.1');
    zone.address = '10.0.0.9';
    zone.clockMs = 9999;
    expect([await asked(names), zone.questions]).toEqual(['10.0.0.1', 2]);
    zone.clockMs = 10_000;
    expect(await asked(names)).toBe('10.0.0.9');
  });

  it('keep it also while whoever is asked says nothing, and take what is said late', async () => {
    const zone = new Zone();
    zone.ttl = 1;
    const names = new Names(zone);
    await asked(names);
    const late = Promise.withResolvers<void>();
    zone.answers = () => late.promise;
    zone.clockMs = 5000;
    const sinceMs = performance.now();
    expect(await asked(names)).toBe('10.0.0.1');
    expect(performance.now() - sinceMs).toBeLessThan(15_000);
    zone.clockMs = 9999;
    expect(await asked(names)).toBe('10.0.0.1');
    // One question at a time.
    expect(zone.questions).toBe(2);
    zone.address = '10.0.0.9';
    late.resolve();
    await late.promise;
    zone.clockMs = 10_000;
    expect(await asked(names)).toBe('10.0.0.9');
  });

  it('that the DNS does not know are kept for half a minute', async () => {
    const zone = new Zone();
    zone.ttl = new Error('ENOTFOUND');
    const names = new Names(zone);
    await asked(names);
    zone.clockMs = 29_999;
    await asked(names);
    expect(zone.questions).toBe(1);
    zone.clockMs = 30_000;
    await asked(names);
    expect(zone.questions).toBe(2);
  });

  it('that nobody ever knew are an error', async () => {
    const zone = new Zone();
    zone.address = new Error('ENOTFOUND');
    await expect(asked(new Names(zone))).rejects.toThrow('ENOTFOUND');
  });

  it('with no time to live are kept for a second all the same', async () => {
    const zone = new Zone();
    zone.ttl = 0;
    const names = new Names(zone);
    await asked(names);
    zone.clockMs = 999;
    await asked(names);
    expect(zone.questions).toBe(1);
  });
});
