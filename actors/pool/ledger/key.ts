/** The number by which shared memory knows a pool, a backend or a route. */
import { keyOf } from '../../../eventlog/journal/index.ts';

export { keyOf };

/** The key of a route by its name; 0: no route of its own. */
export function routeKeyOf(route: string): number {
  return route === '' ? 0 : keyOf(route);
}
