/** The program of the thread of imports. The thread that drafts for it is born before anything else, so that both load at once. */
import './draft-worker.ts';

await import('./import-turns.ts');
