import createClient from 'openapi-fetch';

import type { paths } from './schema';

/** Someone else has changed it in the meantime (RFC 9110 §13.1.1). */
const OUTDATED = 412;

/** What the server, or the way to it, has against a request. */
export class Trouble extends Error {
  constructor(
    /** The HTTP status; 0 where no answer came. */
    readonly status: number,
    /** A sentence from the server, empty where it sent none. */
    readonly detail: string,
    /** Seconds to wait, where the server said so. */
    readonly wait: number | null = null,
    /** What kind of trouble it is, a path below `/problems/`; empty where the status says it all. */
    readonly kind = '',
    /** What it is about, where the kind needs that: a name, one of several reasons, how many or how much may be. */
    readonly more: { readonly name?: string; readonly what?: string; readonly limit?: number } = {},
  ) {
    super(detail || `HTTP ${status}`);
  }

  /** Whether someone else was faster. The page has said so by then, and shows how it is now. */
  get outdated(): boolean {
    return this.status === OUTDATED;
  }
}

let onSessionEnd: () => void = () => undefined;

/** Has `react` called when the server no longer knows the session. */
export function whenSessionEnds(react: () => void): void {
  onSessionEnd = react;
}

let onOutdated: () => void = () => undefined;

/** Has `react` called when someone else has changed what was to be changed. */
export function whenOutdated(react: () => void): void {
  onOutdated = react;
}

/** Says which state of a thing was seen: it is changed only while it is still that. */
export function ifStill(revision: string | null | undefined): { 'If-Match'?: string } {
  return revision ? { 'If-Match': `"${revision}"` } : {};
}

export const api = createClient<paths>({ baseUrl: '/', credentials: 'same-origin' });

/** Refusals of what a person entered; the session, if there is one, goes on. */
const ABOUT_THE_PERSON: ReadonlySet<string> = new Set(['/problems/wrong-password', '/problems/code-needed', '/problems/wrong-code']);

type Reply<T> = { data?: T; error?: unknown; response: Response };

/** The body of a good reply. Throws a {@link Trouble} for every other. */
export async function body<T>(request: Promise<Reply<T>>): Promise<T> {
  let reply: Reply<T>;
  try {
    reply = await request;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new Trouble(0, '');
  }
  const { response } = reply;
  if (!response.ok) {
    const kind = kindOf(reply.error);
    if (response.status === 401 && !ABOUT_THE_PERSON.has(kind)) onSessionEnd();
    if (response.status === OUTDATED) onOutdated();
    throw new Trouble(response.status, sentence(reply.error), seconds(response.headers.get('retry-after')), kind, members(reply.error));
  }
  return reply.data as T;
}

function kindOf(error: unknown): string {
  const kind = typeof error === 'object' && error !== null && 'type' in error ? error.type : '';
  return typeof kind === 'string' && kind.startsWith('/problems/') ? kind : '';
}

/** The extension members of a problem (RFC 9457 §3.2) that this page knows. */
function members(error: unknown): Trouble['more'] {
  if (typeof error !== 'object' || error === null) return {};
  const { name, what, limit } = error as Record<string, unknown>;
  return { ...(typeof name === 'string' && { name }), ...(typeof what === 'string' && { what }), ...(typeof limit === 'number' && { limit }) };
}

function sentence(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { detail, title } = error as { detail?: unknown; title?: unknown };
  if (typeof detail === 'string' && detail) return detail;
  return typeof title === 'string' ? title : '';
}

function seconds(header: string | null): number | null {
  const value = Number.parseInt(header ?? '', 10);
  return Number.isFinite(value) ? value : null;
}
