import { createMemoryLog } from '../../eventlog/index.ts';
import { eventLogContract } from '../contracts/event-log.ts';

eventLogContract('the log in memory', ({ now }) => createMemoryLog({ now }));
