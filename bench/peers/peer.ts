/** A proxy that can be measured: how to know whether it is here, and how to start it in front of one backend. */

export type Place = {
  /** A directory of its own to write into. */
  readonly directory: string;
  readonly backendPort: number;
  readonly core: string | undefined;
  /** The backend will upgrade connections: those who have to be told so are. */
  readonly upgrades: boolean;
};

export type RunningPeer = {
  readonly pid: number;
  readonly port: number;
  /** Where it knows others than the bench's own: each request goes to the next. */
  readonly hosts?: readonly string[];
  /** host:port of its admin API, where it has one. */
  readonly admin?: string;
  stop(): Promise<void>;
};

export type Peer = {
  readonly name: string;
  /** What it is, for the reader of a table. */
  readonly title: string;
  /** Takes part only where a case names it. */
  readonly onlyNamed?: boolean;
  /** Its version, or undefined where it is not installed. */
  version(): string | undefined;
  /** What to do about its absence. */
  readonly whenMissing: string;
  start(place: Place): Promise<RunningPeer>;
};
