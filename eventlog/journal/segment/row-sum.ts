/**
 * The sum of a row of a segment, in its column `sum`: SQLite notices harm to the shape of a page, but none to a number or a
 * word in it.
 */
import { crc32 } from 'node:zlib';
import type { Gap } from './gap.ts';

export type BlockRow = {
  readonly run: number;
  readonly sealedAtMs: number;
  /** Null: there are no requests. */
  readonly firstStartedAtMs: number | null;
  readonly lastStartedAtMs: number | null;
  readonly requestCount: number;
  readonly operationCount: number;
  readonly checkpointCount: number;
};

/** What a block is found by. */
export type IndexRow = {
  readonly block: number;
  readonly filter: Uint8Array;
  readonly pools: Uint8Array;
  readonly positions: Uint8Array;
};

export type PeersRow = { readonly block: number; readonly filter: Uint8Array };

/** Of a row in a segment of format 1, which had no sums. Not null: so reads any column of a row that was cut off. */
export const NO_SUM = 'none';
export type Sum = number | typeof NO_SUM;

export type Summed<Row> = Row & { readonly sum: Sum };

export function aboutSum(vocabulary: string, createdAtMs: number): number {
  return sumOf(vocabulary, createdAtMs);
}

export function blockSum(row: BlockRow): number {
  const { requestCount, operationCount, checkpointCount } = row;
  const times = [row.sealedAtMs, row.firstStartedAtMs, row.lastStartedAtMs];
  return sumOf(row.run, ...times, requestCount, operationCount, checkpointCount);
}

/** The long columns have sums of their own. */
export function indexSum({ block, filter, pools, positions }: IndexRow): number {
  return sumOf(block, filter, pools, positions);
}

export function peersSum({ block, filter }: PeersRow): number {
  return sumOf(block, filter);
}

export function nameSum(key: number, name: string): number {
  return sumOf(key, name);
}

export function gapSum({ run, cause, fromMs, toMs, requests, operations }: Gap): number {
  return sumOf(run, cause, fromMs, toMs, requests ?? null, operations ?? null);
}

/** `expected WHAT with checksum KEPT, found FOUND`; undefined: it is as it was written, or nobody can tell. */
export function otherThanWritten(what: string, kept: Sum, found: number): string | undefined {
  return kept === NO_SUM || kept === found
    ? undefined
    : `expected ${what} with checksum ${kept}, found ${found}`;
}

/** CRC-32 over bytes as they are, and all else as JSON. */
function sumOf(...values: readonly (string | number | null | Uint8Array)[]): number {
  let sum = 0;
  for (const value of values)
    sum = crc32(value instanceof Uint8Array ? value : `${JSON.stringify(value)}\n`, sum);
  return sum;
}
