/** More than a system takes for somebody who does not read, each way: whoever stands between has to wait, and keep it unspoilt. */
import type { Chance } from '../../../test/support/chance.ts';
import { answerOf, type Request, readingOf } from './plan.ts';

// Over loopback it takes 4 MB, and goes on taking a megabyte at once.
const LONG_BYTES = 5_000_000;
// Pipelined, of up to three times so many bytes: answers through memory that is used again at once, answers whose end goes
// through memory of its own, and bodies that do.
const FLOODS = [
  { count: 500, asked: 0, answered: 5000 },
  { count: 150, asked: 0, answered: 25_000 },
  { count: 25, asked: 100_000, answered: 100 },
];

const SWIFT = { status: 200, interim: [], pace: 'whole', delayMs: 0, isEarly: false, closes: 'no' } as const;

/** The last turn of a visit, and often the end of its connection, while answers wait. */
export function muchOf(chance: Chance, id: () => string): Request[] {
  if (chance.below(2) === 0) return floodOf(chance, id);
  const long = LONG_BYTES + chance.below(LONG_BYTES);
  const request = plainOf(chance, id());
  switch (chance.below(3)) {
    case 0:
      return [{ ...request, upgrades: true, bytes: long }];
    case 1:
      return [{ ...request, method: 'PUT', framing: chance.pick(['length', 'chunked']), bytes: long }];
    default:
      return [{ ...request, answers: request.answers.map((answer) => ({ ...answer, bytes: long })) }];
  }
}

function floodOf(chance: Chance, id: () => string): Request[] {
  const { count, asked, answered } = chance.pick(FLOODS);
  const method = asked > 0 ? 'PUT' : 'GET';
  const framing = asked > 0 ? 'length' : 'none';
  const end = chance.pick(['open', 'closes', 'half-close'] as const);
  return Array.from({ length: count }, (_, index) => {
    const request = plainOf(chance, id());
    const bytes = answered + chance.below(2 * answered);
    const answers = request.answers.map((answer) => ({ ...answer, framing: 'length' as const, bytes }));
    const closes = end === 'closes' && index === count - 1;
    const misdeed = end === 'half-close' ? end : 'none';
    return { ...request, method, framing, bytes: asked + chance.below(2 * asked), answers, closes, misdeed };
  });
}

/** Of a tenant and an answer that nothing is wrong with, and that comes as fast as it can. */
export function plainOf(chance: Chance, id: string): Request {
  const answer = { ...answerOf(chance, 'calm', 'GET'), ...SWIFT, reading: readingOf(chance, 2) };
  return {
    id,
    tenant: 'calm',
    method: 'GET',
    version: 1,
    framing: 'none',
    bytes: 0,
    hasTrailers: false,
    expects: false,
    upgrades: false,
    closes: false,
    pace: 'whole',
    misdeed: 'none',
    resets: false,
    pauseMs: 0,
    answers: [answer],
  };
}
