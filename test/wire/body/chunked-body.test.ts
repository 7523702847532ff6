import { describe, expect, it } from 'vitest';
import { BODY, type ChunkedAs, ChunkedBody } from '../../../src/wire/index.ts';
import { LIMITS } from '../limits.ts';
import { bytes } from '../read.ts';
import { readBody, type WholeBody } from '../read-whole.ts';

const CHUNKS = '3\r\nabc\r\n5\r\ndefgh\r\ne\r\nijklmnopqrstuv\r\n0\r\n\r\n';

function read(text: string, as: ChunkedAs = 'data', cuts: readonly number[] = []): WholeBody {
  return readBody(new ChunkedBody(LIMITS, as), bytes(text), 0, cuts);
}

/** `end`, `more`, or why it was refused. */
function verdict(text: string): string {
  const body = read(text);
  return body.step === 'refused' ? body.reason : body.step;
}

describe('a chunked body', () => {
  it('gives its data', () => {
    const body = read(CHUNKS);
    expect([body.step, `${body.data}`, body.end]).toEqual(['end', 'abcdefghijklmnopqrstuv', CHUNKS.length]);
  });

  it('gives its chunks as they came, up to the last', () => {
    expect(`${read(CHUNKS, 'chunks').data}`).toBe(CHUNKS.slice(0, -5));
  });

  it('gives all chunks of a read in one range', () => {
    const reader = new ChunkedBody(LIMITS, 'chunks');
    const buffer = bytes(CHUNKS);
    expect(reader.next(buffer, 0, buffer.length)).toBe(BODY.data);
    expect([reader.dataStart, reader.dataEnd, reader.prefix]).toEqual([0, buffer.length - 5, '']);
    expect(reader.next(buffer, reader.at, buffer.length)).toBe(BODY.end);
  });

  it('drops extensions and leading zeros, and writes sizes in lower case', () => {
    const body = read('3;a=b;c\r\nabc\r\n0000A;x="; \\" y"\r\n0123456789\r\n0;last\r\n\r\n', 'chunks');
    expect([body.step, `${body.data}`]).toEqual(['end', '3\r\nabc\r\na\r\n0123456789\r\n']);
  });

  it('takes sizes in any case of hex', () => {
    expect(`${read(`1A\r\n${'x'.repeat(26)}\r\n1a\r\n${'y'.repeat(26)}\r\n0\r\n\r\n`).data}`).toHaveLength(
      52,
    );
  });

  it('is not confused by CR and LF in data', () => {
    expect(`${read('8\r\n\r\n0\r\n\r\n\r\r\n0\r\n\r\n').data}`).toBe('\r\n0\r\n\r\n\r');
  });

  it('leaves what follows it for the next message', () => {
    expect(read(`${CHUNKS}GET / HTTP/1.1\r\n`).end).toBe(CHUNKS.length);
  });

  it('gives its trailers', () => {
    const body = read('1\r\nx\r\n0\r\nhead1:val1\r\nHead2: "a \\" b" \r\n\r\nrest');
    expect([body.step, body.trailers, body.end]).toEqual([
      'end',
      ['head1', 'val1', 'Head2', '"a \\" b"'],
      41,
    ]);
  });

  it('gives trailers that come in pieces, however many they are', () => {
    const lines = Array.from({ length: 300 }, (_, i) => `name-${i}: value ${i}`);
    const text = `0\r\n${lines.join('\r\n')}\r\n\r\n`;
    const cuts = Array.from({ length: Math.floor(text.length / 77) }, (_, i) => (i + 1) * 77);
    expect(read(text, 'data', cuts).trailers).toEqual(lines.flatMap((line) => line.split(': ')));
  });

  it('counts body bytes only', () => {
    const reader = new ChunkedBody(LIMITS, 'chunks');
    readBody(reader, bytes(CHUNKS), 0);
    expect([reader.bodyBytes, reader.isDone]).toEqual([22, true]);
  });

  it('is the same body however it is cut, once or twice', () => {
    const text = '3\r\nabc\r\n05;x="y"\r\ndefgh\r\nE\r\nijklmnopqrstuv\r\n0;z\r\nA: b\r\nC:\r\n\r\nGET';
    for (const as of ['data', 'chunks'] as const) {
      const decoded = (body: WholeBody) =>
        as === 'data' ? `${body.data}` : `${read(`${body.data}0\r\n\r\n`).data}`;
      for (let one = 1; one < text.length; one++) {
        for (let two = one; two < text.length; two++) {
          const body = read(text, as, [one, two]);
          const seen = [body.step, decoded(body), body.trailers, body.end];
          expect(seen, `cut at ${one} and ${two} as ${as}`).toEqual([
            'end',
            'abcdefghijklmnopqrstuv',
            ['A', 'b', 'C', ''],
            text.length - 3,
          ]);
        }
      }
    }
  });

  it('passes on what was sound before it refuses the rest', () => {
    const body = read('3\r\nabc\r\n0\r\n5\r\ndefgh\r\n0\r\n\r\n', 'chunks');
    expect([body.step, body.reason, `${body.data}`]).toEqual(['refused', 'bad_trailer', '3\r\nabc\r\n']);
    expect(`${read('3\r\nabc\r\n3\r\ndefgh\r\n', 'chunks').data}`).toBe('3\r\nabc\r\n3\r\ndef');
  });
});

describe('limits of chunked bodies are exact', () => {
  it('sixteen size digits, then none', () => {
    expect(verdict('0000000000000001\r\nx\r\n0\r\n\r\n')).toBe('end');
    expect(verdict('00000000000000001\r\nx\r\n0\r\n\r\n')).toBe('bad_chunk');
  });

  it('a size of 2^53 - 1, then none', () => {
    expect(verdict('1fffffffffffff\r\nx')).toBe('more');
    expect(verdict('20000000000000\r\nx')).toBe('bad_chunk');
    expect(verdict('ffffffffffffffff\r\nx')).toBe('bad_chunk');
  });

  it('256 bytes of extension in a chunk, 16 KiB in a body', () => {
    expect(verdict(`1;${'e'.repeat(256)}\r\nx\r\n0\r\n\r\n`)).toBe('end');
    expect(verdict(`1;${'e'.repeat(257)}\r\nx\r\n0\r\n\r\n`)).toBe('chunk_extension_too_long');
    const chunk = `1;${'e'.repeat(256)}\r\nx\r\n`;
    expect(verdict(`${chunk.repeat(64)}0\r\n\r\n`)).toBe('end');
    expect(verdict(`${chunk.repeat(64)}1;e\r\nx\r\n0\r\n\r\n`)).toBe('chunk_extension_too_long');
  });

  it('16384 bytes of trailers, then 431', () => {
    const trailers = (length: number) => {
      const first = `a: ${'v'.repeat(8000)}\r\n`;
      return `0\r\n${first}${first}b: ${'v'.repeat(length - 2 * first.length - 5)}\r\n\r\n`;
    };
    expect(verdict(trailers(16_384))).toBe('end');
    expect(verdict(trailers(16_385))).toBe('trailers_too_large');
    expect(verdict(trailers(20_000).slice(0, 3 + 16_385))).toBe('more');
    expect(verdict(trailers(20_000).slice(0, 3 + 16_386))).toBe('trailers_too_large');
  });

  it('the limits of header names and values hold for trailers too', () => {
    expect(verdict(`0\r\n${'n'.repeat(1000)}: ${'v'.repeat(8192)}\r\n\r\n`)).toBe('end');
    expect(verdict(`0\r\n${'n'.repeat(1001)}: v\r\n\r\n`)).toBe('trailers_too_large');
    expect(verdict(`0\r\nn: ${'v'.repeat(8193)}\r\n\r\n`)).toBe('trailers_too_large');
  });
});

describe('a chunked body is refused', () => {
  it.each([
    ['no size', ';x\r\n'],
    ['an empty size line', '\r\n'],
    ['a minus', '-1\r\n'],
    ['a plus', '+1\r\nx\r\n'],
    ['0x', '0x1\r\nx\r\n'],
    ['a blank before the size', ' 1\r\nx\r\n'],
    ['a blank behind the size', '1 \r\nx\r\n'],
    ['a tab behind the size', '1\t\r\nx\r\n'],
    ['a blank before an extension', '1 ;a\r\nx\r\n'],
    ['a blank in an extension', '1; a\r\nx\r\n'],
    ['an empty extension', '1;\r\nx\r\n'],
    ['an extension without value', '1;a=\r\nx\r\n'],
    ['an open quotation', '1;a="b\r\nx\r\n'],
    ['something behind a quotation', '1;a="b"c\r\nx\r\n'],
    ['a bare LF behind the size', '1\nx\r\n'],
    ['a bare CR behind the size', '1\rx\r\n'],
    ['two CRs', '1\r\r\nx\r\n'],
    ['a bare LF in an extension', '1;a\nx\r\n'],
    ['a bare LF in a quotation', '1;a="\n"\r\nx\r\n'],
    ['NUL behind the size', '1\0\r\nx\r\n'],
    ['a vertical tab before the size', '\x0b1\r\nx\r\n'],
    ['no CRLF behind the data', '1\r\nxx\r\n'],
    ['a bare LF behind the data', '1\r\nx\n0\r\n\r\n'],
    ['a bare CR behind the data', '1\r\nx\r0\r\n\r\n'],
    ['an empty line between chunks', '1\r\nx\r\n\r\n1\r\ny\r\n'],
    ['a last chunk with a bare LF', '0\n\n'],
    ['a bare CR at the end', '0\r\n\rGET'],
  ])('with %s', (_what, text) => {
    expect(verdict(text)).toBe('bad_chunk');
  });

  it.each([
    ['without colon', 'trailer is invalid\r\n\r\n'],
    ['that is a request line', 'GET some/path HTTP/1.1\r\n\r\n'],
    ['that is another chunk', '5\r\ndefgh\r\n0\r\n\r\n'],
    ['that is folded', 'A: b\r\n c\r\n\r\n'],
    ['with a blank before the colon', 'A : b\r\n\r\n'],
    ['with a bare LF', 'A: b\n\r\n'],
    ['with a NUL', 'A: \0\r\n\r\n'],
    ['Content-Length', 'Content-Length: 3\r\n\r\n'],
    ['Transfer-Encoding', 'transfer-encoding: chunked\r\n\r\n'],
    ['Transfer_Encoding', 'Transfer_Encoding: chunked\r\n\r\n'],
    ['Host', 'Host: b\r\n\r\n'],
    ['Connection', 'Connection: close\r\n\r\n'],
  ])('with a trailer %s', (_what, section) => {
    expect(verdict(`1\r\nx\r\n0\r\n${section}`)).toBe('bad_trailer');
  });
});

describe('a chunked body waits', () => {
  it.each([
    '',
    '1',
    '1\r',
    '1\r\n',
    '1\r\nx',
    '1\r\nx\r',
    '1\r\nx\r\n',
    '0',
    '0\r',
    '0\r\n',
    '0\r\n\r',
    '0\r\nA: b\r\n',
  ])('after %j', (text) => {
    expect(verdict(text)).toBe('more');
  });
});
