/** The plane of an embedding program: its listeners, of which all open or none, and its end. */
import { type ListenerSettings, parseHostPort, renderHostPort } from '../config/index.ts';
import { createPlane, type PlaneOptions, type RoutingPlane } from '../proxy/index.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import { RequestMetrics } from '../telemetry/request-metrics.ts';
import type { CommonOptions } from './options.ts';

// Kept because the getter of timeOrigin is slower than the clock.
const ORIGIN_MS = performance.timeOrigin;
export const now = (): number => ORIGIN_MS + performance.now();

export type FrontOptions = Pick<
  PlaneOptions,
  'table' | 'ledger' | 'report' | 'observe' | 'delegate' | 'wake'
> & {
  readonly listeners: readonly ListenerSettings[];
  readonly pseudonym: string;
  readonly secret?: string;
  readonly accessLog: CommonOptions['accessLog'];
  readonly writeLog: CommonOptions['writeLog'];
};

/** One thread, one plane. */
export function frontPlane(options: FrontOptions): RoutingPlane {
  const { accessLog, writeLog = write, listeners: _, pseudonym, secret, ...decided } = options;
  return createPlane({
    ...decided,
    settings: { worker: 0, pseudonym, ...(secret === undefined ? {} : { secret }) },
    now,
    random: Math.random,
    accessLog:
      accessLog === undefined || accessLog === false ? undefined : new AccessLog(accessLog, writeLog),
    metrics: new RequestMetrics(),
  });
}

/** The addresses as bound, with port 0 resolved. If one fails, none is left open. */
export async function openAll(
  plane: RoutingPlane,
  listeners: readonly ListenerSettings[],
): Promise<string[]> {
  const addresses: string[] = [];
  try {
    for (const listener of listeners) {
      const at = parseHostPort(listener.address);
      if (at === undefined) throw new TypeError(`expected host:port, found ${listener.address}`);
      const bound = await plane.listen(listener, at);
      addresses.push(renderHostPort({ host: bound.address, port: bound.port }));
    }
  } catch (error) {
    await plane.close();
    throw error;
  }
  return addresses;
}

function write(lines: string): void {
  process.stdout.write(lines);
}
