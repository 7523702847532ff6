import { expect, it } from 'vitest';
import { parseRequestId, RequestIds } from '../../src/proxy/request-id.ts';
import { isRequestId } from '../../src/wire/index.ts';

it('is shaped as a UUID of version 8 and carries time, worker, salt and sequence', () => {
  const ids = new RequestIds(37, () => 0.5);
  const first = ids.next(1_795_260_628_872.9);
  expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(parseRequestId(first)).toEqual({ atMs: 1_795_260_628_872, worker: 37, salt: 0x2000, sequence: 0 });
  expect(parseRequestId(ids.next(1_795_260_628_873))).toMatchObject({ atMs: 1_795_260_628_873, sequence: 1 });
  expect(isRequestId(first)).toBe(true);
});

it('counts through every carry without a repeat', () => {
  const ids = new RequestIds(1, () => 0);
  const seen = new Set<string>();
  for (let i = 0; i < 200_000; i++) {
    const id = ids.next(5);
    seen.add(id);
    if (i % 4321 === 0) expect(parseRequestId(id)?.sequence).toBe(i);
  }
  expect(seen.size).toBe(200_000);
});

it.each(['', 'x', '01a1fddf-3f88-4001-baeb-0000000aae60', '01A1FDDF-3F88-8001-BAEB-0000000AAE60'])(
  'of another kind has no parts: %s',
  (text) => {
    expect(parseRequestId(text)).toBeUndefined();
  },
);
