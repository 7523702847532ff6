/** The door of plans: all of the routing as it is, beside all of it as somebody wishes it, and the commands between. */
export { commandsOf } from './commands-of.ts';
export { compared, planFor, tooManyRemovals } from './plan.ts';
export { routedPool, routingOf } from './routing-of.ts';
