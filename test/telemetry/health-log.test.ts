import { describe, expect, it } from 'vitest';
import { happenedOf, type Recorded } from '../../eventlog/index.ts';
import { logHealth } from '../../src/telemetry/health-log.ts';
import { createProcessLog } from '../../src/telemetry/process-log.ts';

function told(type: string, data: object) {
  const lines: Record<string, unknown>[] = [];
  const log = createProcessLog({
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  logHealth(log, happenedOf([{ type, data, stream: 'pool-web' } as unknown as Recorded]));
  return lines.map(({ level, msg, route, until }) => [level, msg, route ?? until].join(' | '));
}

const WELL = { id: 'web.1', ejections: [], withheld: [], probes: 'passing' };

describe('the process log of a pool’s health', () => {
  it('names the backend, the pool, what happened, and until when', () => {
    const quarantined = { id: 'web.1', cause: 'connect_refused', untilMs: 5000 };
    expect(told('BackendQuarantined', quarantined)).toEqual([
      'warn | web.1 of web is quarantined | 1970-01-01T00:00:05.000Z',
    ]);
    const ejections = [{ route: 'app.test#/a', untilMs: 5000, level: 1 }];
    expect(told('BackendHealthChanged', { ...WELL, ejections, withheld: [''] })).toEqual([
      'warn | web.1 of web is ejected | app.test#/a',
      'warn | web.1 of web is an outlier, but stays in use: no more may be ejected | ',
    ]);
    expect(told('BackendHealthChanged', { ...WELL, probes: 'failing' })).toEqual([]);
    expect(told('BackendHealthChanged', WELL)).toEqual(['info | web.1 of web is back | ']);
  });

  it('has no line for what an operator did', () => {
    expect(told('BackendRemoved', { id: 'web.1' })).toEqual([]);
  });
});
