/**
 * The board: shared memory where changes of domains are published to all threads. A thread needs such a change only
 * before its own next request, so none is woken for it; a change of a pool also concerns requests in progress, and is
 * posted instead. An entry stays until all threads have read it.
 */
import { type Happened, kindOf, type Recorded } from '../../../eventlog/index.ts';

/** `numbers`: for each place, the number of its publication and the bytes of its text. */
export type BoardShared = {
  readonly numbers: Int32Array<SharedArrayBuffer>;
  readonly texts: SharedArrayBuffer;
};

const PLACES = 64;
// 2 KiB: a change of a domain takes some 300 bytes, with a few routes 1 000.
const PLACE_BYTES = 2048;
// Larger transactions are rare, and rarely fit.
const MOST_EVENTS = 4;
const CELLS = 2;

export class Board {
  readonly #numbers: BoardShared['numbers'];
  readonly #texts: Buffer;

  constructor({ numbers, texts }: BoardShared = createBoard()) {
    this.#numbers = numbers;
    this.#texts = Buffer.from(texts);
  }

  get shared(): BoardShared {
    return { numbers: this.#numbers, texts: this.#texts.buffer as SharedArrayBuffer };
  }

  /** False: it does not fit. `unread`: how many publications some worker has not read yet, including this one. */
  pin(number: number, unread: number, happened: Happened): boolean {
    if (unread > PLACES || !isOfDomains(happened)) return false;
    const text = JSON.stringify(happened.events);
    const bytes = Buffer.byteLength(text);
    if (bytes > PLACE_BYTES) return false;
    const place = number & (PLACES - 1);
    this.#texts.write(text, place * PLACE_BYTES);
    this.#numbers[place * CELLS + 1] = bytes;
    // Written last: a reader that finds the number finds the text.
    Atomics.store(this.#numbers, place * CELLS, number);
    return true;
  }

  /** Undefined: it is not here. */
  read(number: number): readonly Recorded[] | undefined {
    const place = number & (PLACES - 1);
    if (Atomics.load(this.#numbers, place * CELLS) !== number) return undefined;
    const from = place * PLACE_BYTES;
    const bytes = this.#numbers[place * CELLS + 1] ?? 0;
    return JSON.parse(this.#texts.toString('utf8', from, from + bytes)) as readonly Recorded[];
  }
}

function createBoard(): BoardShared {
  const cells = PLACES * CELLS * Int32Array.BYTES_PER_ELEMENT;
  return {
    numbers: new Int32Array(new SharedArrayBuffer(cells)),
    texts: new SharedArrayBuffer(PLACES * PLACE_BYTES),
  };
}

function isOfDomains(happened: Happened): boolean {
  if (happened.packed !== undefined || happened.size > MOST_EVENTS) return false;
  return happened.events.every(({ stream }) => kindOf(stream) === 'domain');
}
