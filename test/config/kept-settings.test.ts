import { describe, expect, it } from 'vitest';
import { keptSettings, parseConfig } from '../../src/config/index.ts';

function settings(raw: object) {
  const parsed = parseConfig(raw);
  if (!parsed.ok) throw new TypeError(JSON.stringify(parsed.problems));
  return parsed.value;
}

describe('keptSettings', () => {
  it('are none where only routing differs', () => {
    expect(keptSettings(settings({}), settings({ pools: { web: {} } }))).toEqual([]);
  });

  it('are told by path, as deep as they differ', () => {
    const wished = {
      listeners: [{ address: '127.0.0.1:9090', limits: { headers: 5 } }],
      admin: { token: 'x' },
      accessLog: false,
      journal: { maxAgeMs: 5000 },
    };
    expect(keptSettings(settings({}), settings(wished))).toEqual([
      'listeners[0].address',
      'listeners[0].limits.headers',
      'admin.token',
      'accessLog',
      'journal.maxAgeMs',
    ]);
  });

  it('are the list where its length differs', () => {
    const two = [{ address: '127.0.0.1:1' }, { address: '127.0.0.1:2' }];
    expect(keptSettings(settings({ listeners: two }), settings({ listeners: two.slice(1) }))).toEqual([
      'listeners',
    ]);
  });
});
