import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeadScan } from '../../src/wire/head-scan.ts';
import { domainOf, readRequestHead, writeRequestHead } from '../../src/wire/index.ts';
import {
  cutsMatter,
  emissionMisleads,
  memoryMatters,
  relayMisleads,
  responseEmissionMisleads,
} from '../../test/wire/laws.ts';
import { LIMITS } from '../../test/wire/limits.ts';
import { mutated, REQUESTS, RESPONSES, seededRandom } from '../../test/wire/mutate.ts';

const RUNS = { numRuns: 3000 };

const requests = fc.nat().map((seed) => mutated(REQUESTS, seededRandom(seed)));
const responses = fc.nat().map((seed) => mutated(RESPONSES, seededRandom(seed)));
const cuts = fc.array(fc.nat(400), { maxLength: 6 }).map((at) => at.sort((a, b) => a - b));

const within = (at: number[], message: Buffer) => at.filter((cut) => cut <= message.length);

const TOKEN = "!#$%&'*+-.^_`|~0123456789abcXYZ";
const names = fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 12 });
// Any latin1 text that may stand in a value, but no blanks at its ends.
const values = fc
  .array(fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff })), {
    maxLength: 12,
  })
  .map((bytes) => String.fromCharCode(...bytes));

describe('reading', () => {
  it('gives the same answer however a request is cut', () => {
    fc.assert(
      fc.property(requests, cuts, (message, at) => {
        expect(cutsMatter('request', message, within(at, message))).toBe('');
      }),
      RUNS,
    );
  });

  it('gives the same answer however a response is cut', () => {
    fc.assert(
      fc.property(responses, cuts, (message, at) => {
        expect(cutsMatter('response', message, within(at, message))).toBe('');
      }),
      RUNS,
    );
  });

  it('takes every head made of tokens and visible values, and gives them back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values), { maxLength: 20, size: 'max' }), (pairs) => {
        const lines = pairs.map(([name, value]) => `x${name}: ${value}\r\n`).join('');
        const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, 'latin1');
        const head = readRequestHead(bytes, 0, bytes.length, LIMITS, new HeadScan());
        expect(head.type === 'request' && head.fields.slice(2)).toEqual(
          pairs.flatMap(([name, value]) => [`x${name}`, value]),
        );
      }),
      RUNS,
    );
  });

  it('gives the same answer whatever was read before on the connection', () => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), (seed, isRequest) => {
        const random = seededRandom(seed);
        const first = mutated(isRequest ? REQUESTS : RESPONSES, random);
        // The same message with a change here or there: what looks known and is not.
        const others = [0, 1, 2].map(() => mutated([first.toString('latin1')], random));
        expect(memoryMatters(isRequest ? 'request' : 'response', [first, ...others, first])).toBe('');
      }),
      RUNS,
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), (bytes) => {
        const head = readRequestHead(Buffer.from(bytes), 0, bytes.length, LIMITS, new HeadScan());
        expect(['request', 'refused', 'incomplete']).toContain(head.type);
      }),
      RUNS,
    );
  });
});

describe('writing', () => {
  it('says to a backend, by our reading and by that of llhttp, what the client said to us', () => {
    fc.assert(
      fc.property(requests, (message) => {
        expect(emissionMisleads(message)).toBe('');
      }),
      RUNS,
    );
  });

  it('says to a client what the backend said', () => {
    fc.assert(
      fc.property(responses, (message) => {
        expect(responseEmissionMisleads(message)).toBe('');
      }),
      RUNS,
    );
  });

  it('passes chunks on as the body they carry', () => {
    fc.assert(
      fc.property(requests, cuts, (message, at) => {
        expect(relayMisleads('request', message, within(at, message))).toBe('');
      }),
      RUNS,
    );
  });

  it('never writes a line that nobody sent', () => {
    fc.assert(
      fc.property(requests, (message) => {
        const head = readRequestHead(message, 0, message.length, LIMITS, new HeadScan());
        if (head.type !== 'request') return;
        const writing = { keepAlive: true, expectContinue: true, trustsPeer: true, replaced: undefined };
        const lines = writeRequestHead(head, [], writing).split('\r\n');
        // Request line, Host, Content-Length or Transfer-Encoding, Expect, Max-Forwards, Connection, Upgrade, two ends.
        expect(lines.length).toBeLessThanOrEqual(head.fields.length / 2 + 9);
        for (const line of lines) expect(line).not.toMatch(/[\r\n\0]/);
      }),
      RUNS,
    );
  });
});

describe('the lookup key of a host', () => {
  it('is the same for every case, with or without a final dot and a port, and its own key', () => {
    const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,10}[a-z0-9_])?$/);
    const hosts = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(hosts, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
        for (const spelling of [
          host,
          host.toUpperCase(),
          `${host}.`,
          `${host}:${port}`,
          `${host}.:${port}`,
        ]) {
          expect(domainOf(spelling)).toBe(host);
        }
      }),
      RUNS,
    );
  });
});
