/** Where an event stands. */

/** Place in the whole log, dense, from 1; 0 is before everything. */
export type Position = number;
/** Place in one stream, dense, from 1; 0 is before its first event. */
export type Version = number;
