import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compare, type Find, fuzz } from './fuzz.ts';
import { llhttpReads } from './llhttp.ts';
import { REQUESTS, RESPONSES } from './mutate.ts';

const CORPUS = new URL('./corpus/', import.meta.url);
const finds = readdirSync(CORPUS)
  .filter((file) => file.endsWith('.json'))
  .map((file) => ({ file, find: JSON.parse(readFileSync(new URL(file, CORPUS), 'utf8')) as Find }));

// 5 s of fuzzing by default; CI gives it more: WIRE_FUZZ_SECONDS=20, or a number of inputs in WIRE_FUZZ_COUNT.
const SECONDS = Number(process.env['WIRE_FUZZ_SECONDS'] ?? 5);
const COUNT = Number(process.env['WIRE_FUZZ_COUNT'] ?? Number.MAX_SAFE_INTEGER);
const SEED = Number(process.env['WIRE_FUZZ_SEED'] ?? Date.now() % 1_000_000);

describe('what we accept, llhttp reads alike', () => {
  it.each(finds)('in $file', ({ find }) => {
    expect(compare(find.kind, Buffer.from(find.message, 'latin1'), find.method).difference).toBe('');
  });

  it.each(finds)('in $file with any byte missing or any odd byte in its place', ({ find }) => {
    for (const message of neighbours(find.message)) {
      expect(
        compare(find.kind, message, find.method).difference,
        JSON.stringify(message.toString('latin1')),
      ).toBe('');
    }
  });

  it('in every sound message, which both accept', () => {
    for (const text of REQUESTS) {
      expect(compare('request', Buffer.from(text, 'latin1'), ''), text).toEqual({
        ours: 'accepted',
        difference: '',
      });
    }
    for (const text of RESPONSES) {
      expect(compare('response', Buffer.from(text, 'latin1'), 'GET'), text).toEqual({
        ours: 'accepted',
        difference: '',
      });
    }
  });

  it(`in mutated messages, seed ${SEED}`, { timeout: 1000 * SECONDS + 60_000 }, () => {
    const endsAt = performance.now() + 1000 * SECONDS;
    const report = fuzz(COUNT, SEED, () => performance.now() > endsAt);
    expect(report.finds, `seed ${SEED}`).toEqual([]);
    // A fuzzer whose messages are all refused compares nothing.
    expect(report.accepted).toBeGreaterThan(report.tried / 10);
  });
});

/** The referee must be able to say no, or agreement would mean nothing. */
describe('llhttp as the referee', () => {
  it('refuses what smuggles', () => {
    const head = 'POST / HTTP/1.1\r\nHost: a\r\n';
    for (const lines of [
      'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      'Transfer-Encoding : chunked\r\n\r\n',
      'A: b\nC: d\r\n\r\n',
    ]) {
      expect(llhttpReads('request', Buffer.from(head + lines)).verdict, lines).toBe('error');
    }
  });

  it('says where a message ends', () => {
    const text = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET';
    expect(llhttpReads('request', Buffer.from(text))).toMatchObject({
      verdict: 'complete',
      end: text.length - 3,
    });
  });
});

function* neighbours(text: string): Generator<Buffer> {
  for (let at = 0; at < text.length; at++) {
    yield Buffer.from(text.slice(0, at) + text.slice(at + 1), 'latin1');
    for (const odd of ['\0', '\t', '\n', '\v', '\f', '\r', ' ', ',', ':', ';', '\x7f', '\xa0']) {
      yield Buffer.from(text.slice(0, at) + odd + text.slice(at), 'latin1');
      yield Buffer.from(text.slice(0, at) + odd + text.slice(at + 1), 'latin1');
    }
  }
}
