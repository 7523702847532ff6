/**
 * Ids for commands that came without one. Those of RFC 9562 §5.7 begin with the time: their rows stand together at the end of
 * a table that has the id as its key, where each at random touches a page of its own.
 */
import crypto from 'node:crypto';

/** Unique; in order of time where this Node makes such. */
export const newCommandId: () => string = crypto.randomUUIDv7 ?? crypto.randomUUID;
