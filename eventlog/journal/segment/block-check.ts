/**
 * Checks a block against the index data beside it: sums, numbers, times, filters and pools. A block is found only by
 * these; if one is damaged, the block is intact but unreachable.
 */
import { crc32 } from 'node:zlib';
import { checkpointsIn } from './checkpoint.ts';
import { mayContain } from './filter.ts';
import { rangesIn } from './pool-index.ts';
import { framesIn, idHash, REQUEST_FLAG, REQUEST_WORD, type RequestFrame } from './request-frame.ts';
import {
  type BlockRow,
  blockSum,
  indexSum,
  otherThanWritten,
  peersSum,
  type Sum,
  type Summed,
} from './row-sum.ts';

type Numbers = Pick<
  BlockRow,
  'requestCount' | 'operationCount' | 'checkpointCount' | 'firstStartedAtMs' | 'lastStartedAtMs'
>;

export type Contents = {
  readonly requests: Buffer;
  readonly operations: Buffer;
  readonly checkpoints: Buffer;
  readonly requestsSum: number;
  readonly operationsSum: number;
  readonly checkpointsSum: number;
  readonly pools: Buffer;
  readonly filter: Buffer;
  readonly positions: Buffer;
  readonly indexSum: Sum;
};

export type KeptBlock = Summed<BlockRow> & { readonly block: number } & (
    | Contents
    | { readonly [Column in keyof Contents]: null }
  ) & {
    /** The filter of the ids given by peers; null: there are none. */
    readonly peers: Buffer | null;
    readonly peersSum: Sum;
  };

const COLUMNS = ['requests', 'operations', 'checkpoints'] as const;

/** The first mistake found. Throws if something cannot be read at all. */
export function mistakeIn(block: KeptBlock): string | undefined {
  // Before all times it is found in none.
  if (!(block.sealedAtMs > 0)) return `expected the time of its end, found ${block.sealedAtMs}`;
  if (block.requests === null) return 'expected its contents, found none';
  for (const column of COLUMNS) {
    const [expected, found] = [block[`${column}Sum`], crc32(block[column])];
    if (found !== expected) return `expected ${column} with checksum ${expected}, found ${found}`;
  }
  const numbers = Object.entries(numbersOf(block)) as [keyof Numbers, number | null][];
  for (const [name, number] of numbers)
    if (block[name] !== number) return `expected ${name} ${number}, found ${block[name]}`;
  if (checkpointsOf(block.pools) !== lastCheckpoints(block.checkpoints))
    return 'expected the pools of its checkpoints, found others';
  for (const { from, view } of framesIn(block.requests)) {
    if (!isFindable(from, view, block.filter, block.peers))
      return `expected the id of the request at byte ${from} among those it is found by, found it missing`;
  }
  return sumMistakeIn(block);
}

/** What nothing else tells: the run, the positions, and a harm to both sides alike. */
function sumMistakeIn(kept: KeptBlock & Contents): string | undefined {
  const { block, peers } = kept;
  const row = otherThanWritten('its row', kept.sum, blockSum(kept));
  const index = otherThanWritten('its index', kept.indexSum, indexSum(kept));
  if (peers === null) return row ?? index;
  return (
    row ?? index ?? otherThanWritten('its ids of peers', kept.peersSum, peersSum({ block, filter: peers }))
  );
}

function numbersOf({ requests, pools, checkpoints }: Contents): Numbers {
  const startedAtMs = Array.from(framesIn(requests), startOf);
  return {
    requestCount: startedAtMs.length,
    operationCount: rangesIn(pools).reduce((sum, { operations }) => sum + operations, 0),
    checkpointCount: [...checkpointsIn(checkpoints, 0)].length,
    firstStartedAtMs: startedAtMs.reduce<number | null>((least, ms) => Math.min(least ?? ms, ms), null),
    lastStartedAtMs: startedAtMs.reduce<number | null>((most, ms) => Math.max(most ?? ms, ms), null),
  };
}

function startOf({ from, view }: RequestFrame): number {
  return view.getFloat64(from + 4 * REQUEST_WORD.startedAtMs, true);
}

/** The pools and the last ticket of each, as a text for comparison. */
function lastCheckpoints(checkpoints: Buffer): string {
  const last = new Map<number, number>();
  for (const { poolKey, ticket } of checkpointsIn(checkpoints, 0))
    last.set(poolKey, Math.max(ticket, last.get(poolKey) ?? 0));
  return textOf(last);
}

function checkpointsOf(pools: Buffer): string {
  return textOf(new Map(rangesIn(pools).map(({ poolKey, checkpoint }) => [poolKey, checkpoint])));
}

/** A checkpoint before the first operation is in no index. */
function textOf(tickets: ReadonlyMap<number, number>): string {
  const some = [...tickets].filter(([, ticket]) => ticket > 0);
  return some.map(String).sort().join(' ');
}

function isFindable(from: number, view: DataView, filter: Buffer, peers: Buffer | null): boolean {
  const word = (place: number) => view.getInt32(from + 4 * place, true);
  if (!mayContain(filter, idHash(word(REQUEST_WORD.where), word(REQUEST_WORD.sequence)))) return false;
  if ((word(REQUEST_WORD.more) & (REQUEST_FLAG.peer << 16)) === 0) return true;
  const peer = word(REQUEST_WORD.peer);
  return mayContain(filter, peer) && peers !== null && mayContain(peers, peer);
}
