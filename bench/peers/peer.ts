/** A proxy that can be measured: how to know whether it is here, and how to start it in front of one backend. */

export type Place = {
  /** A directory of its own to write into. */
  readonly directory: string;
  readonly backendPort: number;
  readonly core: string | undefined;
};

export type RunningPeer = {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
};

export type Peer = {
  readonly name: string;
  /** What it is, for the reader of a table. */
  readonly title: string;
  /** Its version, or undefined where it is not installed. */
  version(): string | undefined;
  /** What to do about its absence. */
  readonly whenMissing: string;
  start(place: Place): Promise<RunningPeer>;
};
