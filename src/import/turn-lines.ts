/** What is written in 30 ms, with one fsync, which nobody minds who is not there. */
export const TURN_LINES = 2000;
