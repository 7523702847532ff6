/** The bench as a picture: for each case what a request costs through each peer, beside nginx in the same round. */
import { ratios, type Turn } from './measure.ts';
import { type Report, yardsticksOf } from './report.ts';
import type { CaseResult } from './run-case.ts';
import type { Spread } from './statistics.ts';

const WIDTH = 760;
const LEFT = 190;
const RIGHT = 90;
const BAR = 14;
const GAP = 4;
const TITLE = 30;
// 4 ×: whoever needs more gets a bar that is cut, and its figure.
const MOST = 4;
const OURS = '#d55e00';
const OTHERS = '#0072b2';

type TurnResult = CaseResult & { readonly turns: readonly Turn[] };
type Bar = { readonly peer: string; readonly ratio: Spread };

export function plot(report: Report): string {
  const parts: string[] = [];
  let y = 40;
  for (const result of report.cases) {
    if (!hasTurns(result)) continue;
    const [yardstick] = yardsticksOf(result);
    if (yardstick === undefined) continue;
    parts.push(text(10, y + 16, `${result.case.title}, × ${yardstick}`, 'font-weight="bold"'));
    y += TITLE;
    for (const bar of barsOf(result, yardstick)) {
      parts.push(...drawn(bar, y));
      y += BAR + GAP;
    }
    y += GAP;
  }
  const title = 'CPU of a request: median of ratios within a round, least and greatest';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 30}" font-family="sans-serif" font-size="12">
<title>${title}</title>
<rect width="${WIDTH}" height="${y + 30}" fill="#fff"/>
${text(10, 20, title)}
${parts.join('\n')}
<path d="M${at(1)} 36V${y}" stroke="#999" stroke-dasharray="4 3"/>
${text(10, y + 18, `${report.machine.cpu}, ${report.machine.cores} cores, ${report.date.slice(0, 10)}, commit ${report.machine.commit}`, 'fill="#666"')}
</svg>
`;
}

function hasTurns(result: CaseResult): result is TurnResult {
  return result.case.measure === 'requests' || result.case.measure === 'echo';
}

function barsOf({ turns }: TurnResult, yardstick: string): readonly Bar[] {
  const bars: Bar[] = [];
  for (const peer of new Set(turns.map((turn) => turn.peer))) {
    const ratio = ratios(turns, ({ cpuUsPerRequest }) => cpuUsPerRequest, peer, yardstick);
    if (ratio !== undefined) bars.push({ peer, ratio });
  }
  return bars;
}

function drawn({ peer, ratio: { min, median, max } }: Bar, y: number): readonly string[] {
  const middle = y + BAR / 2;
  const colour = peer.startsWith('switchyard') ? OURS : OTHERS;
  return [
    text(LEFT - 8, y + 11, peer, 'text-anchor="end"'),
    `<rect x="${LEFT}" y="${y}" width="${at(median) - LEFT}" height="${BAR}" fill="${colour}" fill-opacity="0.8"/>`,
    `<path d="M${at(min)} ${middle}H${at(max)}" stroke="#000"/>`,
    text(at(Math.max(median, max)) + 6, y + 11, median.toFixed(2)),
  ];
}

function at(ratio: number): number {
  return Math.round((LEFT + (Math.min(ratio, MOST) / MOST) * (WIDTH - LEFT - RIGHT)) * 10) / 10;
}

function text(x: number, y: number, words: string, more = ''): string {
  return `<text x="${x}" y="${y}" ${more}>${words}</text>`;
}
