/** The name of the log's file in a data directory. */
export const EVENTS_FILE = 'events.db';
