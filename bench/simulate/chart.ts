/** Charts as SVG, plain enough to be read in a difference. */

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

interface Axes {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly yMax: number;
}

const WIDTH = 720;
const HEIGHT = 360;
const LEFT = 60;
const RIGHT = 190;
const TOP = 40;
const BOTTOM = 50;
const TICKS = 5;
// Told apart by those who do not see red and green as others do.
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

export function lineChart(lines: readonly Line[], axes: Axes): string {
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const atX = (x: number) => LEFT + ((x - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const atY = (y: number) => HEIGHT - BOTTOM - (Math.min(y, axes.yMax) / axes.yMax) * (HEIGHT - TOP - BOTTOM);
  const parts = [
    text(LEFT, 20, axes.title, 'font-weight="bold"'),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, axes.x, 'text-anchor="middle"'),
    text(LEFT, TOP - 6, axes.y),
  ];
  for (let i = 0; i <= TICKS; i++) {
    const y = (axes.yMax * i) / TICKS;
    const x = low + ((high - low) * i) / TICKS;
    parts.push(`<path d="M${LEFT} ${round(atY(y))}H${WIDTH - RIGHT}" stroke="#ddd"/>`);
    parts.push(text(LEFT - 6, atY(y) + 4, `${round(y)}`, 'text-anchor="end"'));
    parts.push(text(atX(x), HEIGHT - BOTTOM + 16, `${round(x)}`, 'text-anchor="middle"'));
  }
  for (const [i, { name, points }] of lines.entries()) {
    const path = points
      .map(([x, y], j) => `${j === 0 ? 'M' : 'L'}${round(atX(x))} ${round(atY(y))}`)
      .join('');
    const colour = COLOURS[i % COLOURS.length];
    parts.push(`<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    parts.push(text(WIDTH - RIGHT + 12, TOP + 18 * i + 10, name, `fill="${colour}"`));
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>${axes.title}</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${parts.join('\n')}
</svg>
`;
}

function text(x: number, y: number, words: string, more = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${more}>${words}</text>`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
