/** A switchyard in this process whose decisions a test makes, and a note of every callback in its order. */
import {
  type Backend,
  createSwitchyard,
  type Decisions,
  type DelegatedOptions,
  type ReportedProblem,
  type Switchyard,
} from '../../src/index.ts';
import { RawClient } from '../support/raw-client.ts';
import { closing } from '../support/routed.ts';

export type Scene = {
  readonly yard: Switchyard;
  readonly port: number;
  /** Callbacks as they were called, such as `checkin connecting connect_refused`. */
  readonly calls: string[];
  readonly reports: ReportedProblem[];
  connect(): Promise<RawClient>;
};

type Options<D, S, T> = Omit<DelegatedOptions<D, S, T>, 'listeners'> & {
  readonly listener?: NonNullable<DelegatedOptions<D, S, T>['listeners']>[number];
};

export async function scene<D = string, S = Backend, T = undefined>(
  options: Options<D, S, T>,
): Promise<Scene> {
  const { listener = {}, decisions, ...rest } = options;
  const calls: string[] = [];
  const reports: ReportedProblem[] = [];
  const yard = closing(
    createSwitchyard<D, S, T>({
      report: (problem) => reports.push(problem),
      ...rest,
      decisions: noted(decisions, calls),
      listeners: [{ address: '127.0.0.1:0', ...listener }],
    }),
  );
  const port = portOf(await yard.listen());
  return { yard, port, calls, reports, connect: () => RawClient.connect(port) };
}

/** All callbacks, whether the test has an opinion or not; those it has none on decide what is decided without them. */
function noted<D, S, T>(own: Decisions<D, S, T>, calls: string[]): Decisions<D, S, T> {
  return {
    init(request) {
      calls.push('init');
      return own.init?.(request) as T;
    },
    lookupDomain(host, request) {
      calls.push(`lookupDomain ${host}`);
      return own.lookupDomain === undefined ? { domain: host as D } : own.lookupDomain(host, request);
    },
    checkout(domain, request, attempt) {
      calls.push(`checkout ${attempt}`);
      return own.checkout(domain, request, attempt);
    },
    backendOf(service, request) {
      calls.push('backendOf');
      return own.backendOf === undefined ? (service as Backend) : own.backendOf(service, request);
    },
    checkin(domain, service, phase, end, request) {
      calls.push(`checkin ${phase} ${end}`);
      return own.checkin?.(domain, service, phase, end, request);
    },
    feature(name, request) {
      calls.push(`feature ${name}`);
      return own.feature === undefined ? 'disabled' : own.feature(name, request);
    },
    additionalHeaders(direction, request) {
      calls.push(`additionalHeaders ${direction}`);
      return own.additionalHeaders?.(direction, request);
    },
    errorPage(reason, domain, request) {
      calls.push(`errorPage ${reason} ${String(domain)}`);
      return own.errorPage?.(reason, domain, request);
    },
    finished(request, outcome, figures) {
      calls.push(`finished ${outcome.reason}`);
      return own.finished?.(request, outcome, figures);
    },
  };
}

export function local(port: number): string {
  return `127.0.0.1:${port}`;
}

/** Without the notes: only the callbacks that are given. */
export async function bare<D, S, T>(
  decisions: Decisions<D, S, T>,
  more: Omit<DelegatedOptions<D, S, T>, 'decisions' | 'listeners'> = {},
): Promise<{ yard: Switchyard; port: number }> {
  const yard = closing(createSwitchyard({ ...more, decisions, listeners: [{ address: '127.0.0.1:0' }] }));
  return { yard, port: portOf(await yard.listen()) };
}

export function portOf([address = '']: readonly string[]): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
