/**
 * An append in the form in which it is written, as a few texts: these are copied between threads in microseconds,
 * while copying thousands of small objects would take longer than creating them.
 */

import type { EncodedEvent } from '../events/codec.ts';
import type { EventType } from '../events/events.ts';
import type { StreamName } from '../names.ts';
import type { Prepared, PreparedWrite } from './append.ts';
import { GatheredNames, type Names } from './packed-names.ts';

export type PackedAppend = Omit<Prepared, 'writes'> & {
  /**
   * For each write, one line each: its stream, its head, its state, and the data of each of its events. None of them
   * contains a line feed: JSON escapes it, names refuse it.
   */
  readonly writes: string;
  readonly names: Names;
};

export type Nameless = Omit<PackedAppend, 'names'>;

/** What many writes have in common: the expected version and the kinds of events. */
type Head = Pick<PreparedWrite, 'expected'> & { readonly kinds: readonly Omit<EncodedEvent, 'data'>[] };

export function packAppend({ writes, ...append }: Prepared): PackedAppend {
  let text = '';
  const names = new GatheredNames();
  for (const { stream, expected, events, current } of writes) {
    let head = String(expected);
    let data = '';
    for (const event of events) {
      names.add(stream, event.type);
      head += ` ${event.type} ${event.schemaVersion}`;
      data += `\n${event.data}`;
    }
    text += `${text === '' ? '' : '\n'}${stream}\n${head}\n${current}${data}`;
  }
  return { ...append, writes: text, names: names.names() };
}

export function unpackAppend({ writes: text, ...append }: Nameless): Prepared {
  const writes: PreparedWrite[] = [];
  const lines = text === '' ? [] : text.split('\n');
  let lastText = '';
  let last: Head = { expected: 0, kinds: [] };
  for (let at = 0; at < lines.length; ) {
    const stream = lines[at]! as StreamName;
    const headText = lines[at + 1]!;
    const current = lines[at + 2]!;
    if (headText !== lastText) {
      last = headOf(headText);
      lastText = headText;
    }
    const { expected, kinds } = last;
    const events: EncodedEvent[] = [];
    at += 3;
    for (let kind = 0; kind < kinds.length; kind++) {
      const { type, schemaVersion } = kinds[kind]!;
      events.push({ type, schemaVersion, data: lines[at++]! });
    }
    writes.push({ stream, expected, events, current });
  }
  return { ...append, writes };
}

function headOf(text: string): Head {
  const [expected, ...kinds] = text.split(' ');
  const pairs = Array.from({ length: kinds.length / 2 }, (_, index) => index * 2);
  return {
    expected: Number(expected),
    kinds: pairs.map((at) => ({ type: kinds[at] as EventType, schemaVersion: Number(kinds[at + 1]) })),
  };
}
