/** How owners fold, as the event log's tools want it: a projection from JSON to JSON. */
import { evolveOwner } from '../actors/index.ts';
import type { Json, ProjectionOf } from '../eventlog/index.ts';

export const projectionOf: ProjectionOf = () => ({
  initial: null,
  evolve: (state, event) => evolveOwner(event.stream, state, event) as unknown as Json,
});
