/** The tools of one thread, which it uses on all pools. */

import type { Ring } from './ledger.ts';
import { Directory } from './memory/directory.ts';
import { TRIED_MAX } from './memory/layout.ts';
import { Mailbox } from './memory/mailbox.ts';
import { Nodes } from './memory/nodes.ts';
import type { Section } from './memory/section.ts';
import { Recorder } from './record/recorder.ts';

export interface LedgerTools {
  readonly section: Section;
  readonly recorder: Recorder;
  readonly nodes: Nodes;
  readonly mailbox: Mailbox;
  readonly directory: Directory;
  /** The tried set of the request that is being looked at. */
  readonly tried: Float64Array;
}

export function ledgerTools(section: Section, ring: Ring): LedgerTools {
  const nodes = new Nodes(section);
  return {
    section,
    nodes,
    recorder: new Recorder(section),
    mailbox: new Mailbox(section, nodes, ring),
    directory: new Directory(section),
    tried: new Float64Array(TRIED_MAX),
  };
}
