/**
 * What a thread is sent of one publication: a few events as they are; many as texts, whose copy is a few microseconds where that
 * of the objects is some for each. Of a bulk a worker holds next to nothing: mostly the names alone are looked at.
 */
import { type Happened, type Packed, pack, type Recorded } from '../../eventlog/index.ts';

export type Publication = readonly Recorded[] | Packed;

const MANY = 20;

export function publicationOf(happened: Happened): Publication {
  if (happened.packed !== undefined) return happened.packed;
  return happened.size < MANY ? happened.events : pack(happened.events);
}

export function isPacked(publication: Publication): publication is Packed {
  return 'streams' in publication;
}
