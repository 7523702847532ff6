/** Whoever is told what is done, or tells what became of it. */
import type { Book, Moments } from './book.ts';
import type { Courses } from './courses.ts';
import type { InForce } from './in-force.ts';
import type { RouterLog } from './router-log.ts';

export type Witnesses = {
  readonly book: Book;
  readonly moments: Moments;
  readonly courses: Courses;
  /** Percent of `rough`'s requests that may be asked again. */
  readonly budget: InForce<number>;
  readonly log: RouterLog;
};
