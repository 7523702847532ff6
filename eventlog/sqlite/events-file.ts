/** The log's name in a data directory. */
export const EVENTS_FILE = 'events.db';
