/** How owners fold, as the event log's tools need it: a projection from JSON to JSON, new for each fold. */
import { evolveOwner } from '../actors/index.ts';
import type { Json, ProjectionOf } from '../eventlog/index.ts';

export const projectionOf: ProjectionOf = () => {
  const scratch = new WeakSet();
  return {
    initial: null,
    evolve: (state, event) => evolveOwner(event.stream, state, event, scratch) as unknown as Json,
  };
};
