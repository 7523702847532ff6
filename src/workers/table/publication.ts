/**
 * What a thread is sent of one publication: a few events as they are; of many only the names, as texts. A worker
 * holds next to nothing of a bulk, and reads the log for what it does hold.
 */
import { type Happened, type PackedNames, packNames, type Recorded } from '../../../eventlog/index.ts';

export type Publication = readonly Recorded[] | PackedNames;

const MANY = 20;

export function publicationOf(happened: Happened): Publication {
  if (happened.packed === undefined && happened.size < MANY) return happened.events;
  if (happened.packed === undefined) return packNames(happened.events);
  const { first, last, types, streams, presence } = happened.packed;
  return { first, last, types, streams, presence };
}

export function isPacked(publication: Publication): publication is PackedNames {
  return 'streams' in publication;
}
