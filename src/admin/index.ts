/** The admin API. */

export { type Admin, createAdmin } from './admin.ts';
export { AdminUnavailable } from './admin-unavailable.ts';
export { Confirmations } from './confirmations.ts';
export { MOST_CONNECTIONS } from './http/connections.ts';
export type { AdminOptions, Check, LedgerFigures } from './ports.ts';
export type { Held, Succession, Successions } from './succession.ts';
