/** The door of plans: the routing in force, the wished routing, and the commands from one to the other. */
export { commandsOf } from './commands-of.ts';
export { compared, planFor, tooManyRemovals } from './plan.ts';
export { routedPool, routingOf } from './routing-of.ts';
