/** Checks the address of a backend. */

// host:port, [v6]:port or unix:/path. 104: the shortest sun_path among the systems that run Node.
const ADDRESS =
  /^(?:\[[0-9A-Fa-f:.]{2,45}\]:\d{1,5}|[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}):\d{1,5}|unix:\/[^\0]{1,103})$/;

export function isAddress(value: unknown): value is string {
  return typeof value === 'string' && ADDRESS.test(value) && isPort(value);
}

function isPort(text: string): boolean {
  if (text.startsWith('unix:')) return true;
  const port = Number(text.slice(text.lastIndexOf(':') + 1));
  return port >= 1 && port <= 65_535;
}
