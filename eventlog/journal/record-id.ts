/**
 * The ids of requests: UUID-shaped (version 8, RFC 9562 §5.8) and findable, because they carry when, where and which.
 *
 *   tttttttt-tttt-8www-vsss-nnnnnnnnnnnn
 *   t  48 bits: epoch milliseconds of the request's complete head
 *   w  12 bits: the worker that served it
 *   v  the variant, binary 10, then 2 bits of salt; s 12 bits of salt: chosen anew each time a worker starts
 *   n  48 bits: how many requests the worker had served before it
 */
export type RequestIdParts = {
  readonly atMs: number;
  readonly worker: number;
  readonly salt: number;
  readonly sequence: number;
};

const SHAPE = /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{12})$/;

/** The parts of one of our ids; undefined: another text. */
export function parseRequestId(text: string): RequestIdParts | undefined {
  const found = SHAPE.exec(text);
  if (found === null) return undefined;
  const [, high = '', low = '', worker = '', salt = '', sequence = ''] = found;
  return {
    atMs: Number.parseInt(high + low, 16),
    worker: Number.parseInt(worker, 16),
    salt: Number.parseInt(salt, 16) & 0x3fff,
    sequence: Number.parseInt(sequence, 16),
  };
}

export function renderRequestId({ atMs, worker, salt, sequence }: RequestIdParts): string {
  const time = hex(atMs, 12);
  const where = `8${hex(worker & 0xfff, 3)}-${hex(0x8000 | salt, 4)}`;
  return `${time.slice(0, 8)}-${time.slice(8)}-${where}-${hex(sequence, 12)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
