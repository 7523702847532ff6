/** A part of a log in a file of its own, told of when it is whole. */
import { type CopyOptions, copying } from '../../eventlog/index.ts';
import { answerOf } from '../../src/history/index.ts';

export const copyLog = (options: CopyOptions) => answerOf(copying(options));
