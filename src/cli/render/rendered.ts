/** A difference from the admin API, for people. */
import { type Change, DifferenceRendering, renderDifference } from '../../config/index.ts';
import type { Printer } from './printer.ts';

/** The shape is that of `difference`; the router was built from the same source. */
export function rendered(changes: readonly unknown[], print: Printer): string[] {
  return renderDifference(changes as readonly Change[], (mark, line) => print.paint(mark, line));
}

/** For changes that come one by one. */
export function renderingOn(print: Printer): DifferenceRendering {
  return new DifferenceRendering((mark, line) => print.paint(mark, line));
}
