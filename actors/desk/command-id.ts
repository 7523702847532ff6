/**
 * Makes ids for commands that came without one. Ids of RFC 9562 §5.7 (UUIDv7) begin with the time, so their rows lie
 * together at the end of the table that has the id as its key; random ones would each touch a page of their own.
 */
import crypto from 'node:crypto';

/** Unique, and ordered by time if this Node can make such. */
export const newCommandId: () => string = crypto.randomUUIDv7 ?? crypto.randomUUID;
