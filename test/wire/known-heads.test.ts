/** What was read before and comes again: the same meaning, only where nothing that decides it is different. */
import { describe, expect, it } from 'vitest';
import { HeadScan, type RequestHead, readRequestHead, readResponseHead } from '../../src/wire/index.ts';
import { KnownHeads, NOWHERE, type Remembered } from '../../src/wire/known-heads.ts';
import { LIMITS, RESPONSE_LIMITS } from './limits.ts';
import { bytes } from './read.ts';

const FIELDS = 'Host: a.test\r\nUser-Agent: curl/8\r\nX-One: 1\r\n\r\n';

function reader(limits = LIMITS) {
  const scan = new HeadScan();
  return (text: string, own = limits) => {
    const buffer = bytes(text);
    return readRequestHead(buffer, 0, buffer.length, own, scan);
  };
}

function asRequest(head: ReturnType<ReturnType<typeof reader>>): RequestHead {
  if (head.type !== 'request') throw new Error(`expected a request, found ${JSON.stringify(head)}`);
  return head;
}

/** Once it is known, which takes some readings where others of this file had heads that never came again. */
function learnt(read: ReturnType<typeof reader>, text: string): RequestHead {
  let before = asRequest(read(text));
  for (let readings = 1; readings < 1000; readings++) {
    const again = asRequest(read(text));
    if (again.fields === before.fields) return again;
    before = again;
  }
  throw new Error('expected fields that are not read again, found others 1000 times');
}

describe('fields that a connection says again', () => {
  it('are not read again, with any target', () => {
    const read = reader();
    const first = learnt(read, `GET /a HTTP/1.1\r\n${FIELDS}`);
    const second = asRequest(read(`GET /b?c HTTP/1.1\r\n${FIELDS}`));
    expect(second.fields).toBe(first.fields);
    expect([second.target, second.requestLine, second.end]).toEqual([
      '/b?c',
      'GET /b?c HTTP/1.1\r\n',
      `GET /b?c HTTP/1.1\r\n${FIELDS}`.length,
    ]);
  });

  it('are read where one byte is another', () => {
    const read = reader();
    read(`GET / HTTP/1.1\r\n${FIELDS}`);
    const other = asRequest(read(`GET / HTTP/1.1\r\n${FIELDS.replace('X-One: 1', 'X-One: 2')}`));
    expect(other.fields.at(-1)).toBe('2');
  });

  it('end where they ended before, whatever comes behind', () => {
    const read = reader();
    const post = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n`;
    read(`${post}abc`);
    const again = asRequest(read(`${post}xyzGET / HTTP/1.1\r\n`));
    expect([again.framing, again.contentLength, again.end]).toEqual(['length', 3, post.length]);
  });

  it('mean something of their own in HTTP/1.0 and with another method', () => {
    const read = reader();
    const fields = 'Host: a\r\nMax-Forwards: 1\r\n\r\n';
    expect(asRequest(read(`GET / HTTP/1.1\r\n${fields}`))).toMatchObject({
      keepAlive: true,
      maxForwards: -1,
    });
    expect(asRequest(read(`OPTIONS / HTTP/1.1\r\n${fields}`)).maxForwards).toBe(1);
    expect(asRequest(read(`GET / HTTP/1.0\r\n${fields}`)).keepAlive).toBe(false);
  });

  it('are held against the limits of the listener and the size of the whole head', () => {
    const read = reader();
    const head = `GET /abc HTTP/1.1\r\n${FIELDS}`;
    read(head);
    expect(read(head, { ...LIMITS, headerValueBytes: 5 })).toMatchObject({ reason: 'header_value_too_long' });
    const tight = { ...LIMITS, headBytes: head.length };
    expect(read(head, tight).type).toBe('request');
    expect(read(head, tight).type).toBe('request');
    expect(read(head.replace('/abc', '/abcd'), tight)).toMatchObject({ reason: 'head_too_large' });
  });

  it('do not excuse a target of another host', () => {
    const read = reader();
    read(`GET / HTTP/1.1\r\n${FIELDS}`);
    expect(read(`GET http://a.test/x HTTP/1.1\r\n${FIELDS}`)).toMatchObject({ target: '/x' });
    expect(read(`GET http://b.test/x HTTP/1.1\r\n${FIELDS}`)).toMatchObject({
      reason: 'target_host_mismatch',
    });
  });

  it('are awaited where only some have come', () => {
    const read = reader();
    read(`GET / HTTP/1.1\r\n${FIELDS}`);
    expect(read(`GET / HTTP/1.1\r\n${FIELDS.slice(0, -1)}`).type).toBe('incomplete');
  });
});

describe('a response head that a backend sends again', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: "a"\r\n\r\n';
  const read = (scan: HeadScan, text: string, method = 'GET', from = 0) => {
    const buffer = bytes(`${'#'.repeat(from)}${text}`);
    return readResponseHead(buffer, from, buffer.length, RESPONSE_LIMITS, method, scan);
  };

  it('is not read again', () => {
    const scan = new HeadScan();
    const first = read(scan, `${HEAD}abc`);
    expect(read(scan, `${HEAD}xyz`)).toBe(first);
  });

  it('has no body in answer to HEAD, and ends where it ends in this buffer', () => {
    const scan = new HeadScan();
    expect(read(scan, HEAD)).toMatchObject({ framing: 'length', end: HEAD.length });
    expect(read(scan, HEAD, 'HEAD')).toMatchObject({ framing: 'none' });
    expect(read(scan, HEAD, 'GET', 5)).toMatchObject({ framing: 'length', end: 5 + HEAD.length });
  });
});

class Word implements Remembered {
  readonly word: string;

  constructor(word: string) {
    this.word = word;
  }

  isAs(other: Word): boolean {
    return this.word === other.word;
  }
}

describe('known heads', () => {
  const text = (n: number) => bytes(`head ${n}`.padEnd(40, '.'));
  const learn = (known: KnownHeads<Word>, buffer: Buffer, word = 'w') =>
    known.learn(buffer, 0, buffer.length, new Word(word));

  it('keep one for all connections that say it, and another for other circumstances', () => {
    const known = new KnownHeads<Word>();
    const place = learn(known, text(1));
    expect(learn(known, text(1))).toBe(place);
    expect(learn(known, text(1), 'other')).not.toBe(place);
  });

  it('are so many and no more, the oldest going first', () => {
    const known = new KnownHeads<Word>();
    const first = learn(known, text(0));
    const isThere = () => known.find(first, text(0), 0, 40) !== undefined;
    for (let n = 1; n <= 255; n++) {
      learn(known, text(n));
      for (let turn = 0; turn < 4; turn++) if (!isThere()) throw new Error(`gone after ${n} others`);
    }
    learn(known, text(256));
    expect(isThere()).toBe(false);
  });

  it('are hardly learnt any more where none ever comes again, and are once they do', () => {
    const known = new KnownHeads<Word>();
    const learnt = (from: number) => {
      let count = 0;
      for (let n = from; n < from + 1000; n++) if (learn(known, text(n)) !== NOWHERE) count++;
      return count;
    };
    learnt(0);
    expect(learnt(1000)).toBeLessThan(20);
    let place = NOWHERE;
    while (place === NOWHERE) place = learn(known, text(9));
    for (let n = 0; n < 400; n++) known.find(place, text(9), 0, 40);
    expect(learnt(3000)).toBeGreaterThan(90);
  });

  it('are not those of more than 2 KiB', () => {
    const known = new KnownHeads<Word>();
    expect(learn(known, Buffer.alloc(2048, 'a'))).not.toBe(NOWHERE);
    expect(learn(known, Buffer.alloc(2049, 'a'))).toBe(NOWHERE);
  });
});
