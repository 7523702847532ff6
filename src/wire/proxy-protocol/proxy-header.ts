/** The content of a PROXY header of either version. */

export type ProxyHeader = {
  readonly type: 'proxy';
  /** The client's address; empty if the header names none (LOCAL, UNKNOWN): then the socket's applies. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** The address that the client connected to. */
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** Whether the load balancer terminated TLS. */
  readonly isSecure: boolean;
  /** The server name and the ALPN protocol of the client's TLS connection; empty if not given. */
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

/** A header without addresses: a health check of the load balancer, or an unknown protocol. */
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
