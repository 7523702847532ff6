/** The content of a PROXY header of either version. */

export type ProxyHeader = {
  readonly type: 'proxy';
  /** The client's end, or the empty string when the header names none (LOCAL, UNKNOWN): then the socket's counts. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** The end the client connected to. */
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** Whether the load balancer says that it took TLS off. */
  readonly isSecure: boolean;
  /** The server name the client asked for, and the protocol agreed on; empty when not told. */
  readonly serverName: string;
  readonly alpn: string;
  /** The first byte after the header. */
  readonly end: number;
};

export type ProxyRefusal = {
  readonly type: 'refused';
  readonly reason: 'malformed_proxy_header';
  readonly detail: string;
};

export function refuseProxy(detail: string): ProxyRefusal {
  return { type: 'refused', reason: 'malformed_proxy_header', detail };
}

/** A connection whose ends are its own: a health check of the load balancer, or a protocol it does not know. */
export function noProxy(end: number): ProxyHeader {
  return {
    type: 'proxy',
    sourceAddress: '',
    sourcePort: 0,
    destinationAddress: '',
    destinationPort: 0,
    isSecure: false,
    serverName: '',
    alpn: '',
    end,
  };
}
