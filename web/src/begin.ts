/** Where a device must be pointed. */
export interface Target {
  /** The address to enter; none where only this machine itself is listened to, or nothing is known. */
  address: string | undefined;
  /** The port, where it is not the one every device takes for granted. */
  port: number | undefined;
  /** Whether only programs on the machine itself are heard. */
  alone: boolean;
}

const USUAL_PORT = 53;

/**
 * The address of the machine as devices in the house see it: where DNS listens on one address that is it, where it listens
 * on all of them it is the one that this page was opened by.
 */
export function targetOf(listen: readonly string[], hostname: string): Target {
  const sockets = listen.map(socket).filter((one) => one !== undefined);
  const open = sockets.filter(({ host }) => !isLoopback(host));
  const opened = hostname.replace(/^\[|\]$/g, '');
  const [first] = open.toSorted((a, b) => Number(b.port === USUAL_PORT) - Number(a.port === USUAL_PORT) || Number(a.host.includes(':')) - Number(b.host.includes(':')));
  if (!first) return { address: undefined, port: portOf(sockets[0]), alone: sockets.length > 0 };
  const address = first.host === '0.0.0.0' || first.host === '::' ? (isAddress(opened) && !isLoopback(opened) ? opened : undefined) : first.host;
  return { address, port: portOf(first), alone: false };
}

function portOf(one: { port: number } | undefined): number | undefined {
  return one === undefined || one.port === USUAL_PORT ? undefined : one.port;
}

function socket(text: string): { host: string; port: number } | undefined {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(text) ?? [];
  return host === undefined || port === undefined ? undefined : { host, port: Number(port) };
}

function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || host.startsWith('127.');
}

function isAddress(host: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(':');
}
