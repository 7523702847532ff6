/** Everything that the command line can do, in the order in which help lists it. */
import type { Verb } from '../verb.ts';
import { helpVerb, schemaVerb, versionVerb } from './about.ts';
import { actorsVerb } from './actors.ts';
import { applyVerb } from './apply.ts';
import { archiveVerb } from './archive.ts';
import { bisectVerb } from './bisect.ts';
import { chaosVerb } from './chaos.ts';
import { checkVerb } from './check.ts';
import { confirmVerb } from './confirm.ts';
import { diffVerb } from './diff.ts';
import { drainVerb } from './drain.ts';
import { eventsVerb } from './events.ts';
import { explainVerb } from './explain.ts';
import { exportVerb } from './export.ts';
import { importVerb } from './import.ts';
import { listVerbs } from './list.ts';
import { queryVerb } from './query.ts';
import { removeVerbs } from './remove.ts';
import { replayVerb } from './replay.ts';
import { rollbackVerb } from './rollback.ts';
import { demoVerb, serveVerb } from './serve.ts';
import { setVerbs } from './set.ts';
import { showVerbs } from './show.ts';
import { stateVerb } from './state.ts';
import { verifyVerb } from './verify.ts';
import { workersVerb } from './workers.ts';

const ofThings = [...listVerbs, ...showVerbs, ...setVerbs, ...removeVerbs, drainVerb];

export const VERBS: readonly Verb[] = [
  serveVerb,
  demoVerb,
  checkVerb,
  applyVerb,
  confirmVerb,
  importVerb,
  ...['domain', 'pool', 'backend'].flatMap((noun) =>
    ofThings.filter((verb) => verb.name.startsWith(`${noun} `)),
  ),
  eventsVerb,
  stateVerb,
  diffVerb,
  bisectVerb,
  rollbackVerb,
  explainVerb,
  replayVerb,
  queryVerb,
  actorsVerb,
  verifyVerb,
  exportVerb,
  archiveVerb,
  workersVerb,
  chaosVerb,
  schemaVerb,
  versionVerb,
  helpVerb(() => VERBS),
];
