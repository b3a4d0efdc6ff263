import type { Query } from './types';

/** What a query can be looked for by, as the API and the address bar call it. Each has a `not_` that leaves out. */
export const FACETS = ['device', 'verdict', 'outcome', 'vendor', 'purpose', 'type', 'rcode', 'list', 'upstream', 'transport'] as const;
export type Facet = (typeof FACETS)[number];
export type NotFacet = `not_${Facet}`;

export const MATCHINGS = ['substring', 'exact', 'subtree', 'regex'] as const;
export type Matching = (typeof MATCHINGS)[number];

/** What is looked for. A value may be several with commas between them, any of which will do. */
export interface Filter {
  name: string | null;
  not_name: string | null;
  match: Matching;
  from: number | null;
  to: number | null;
  /** Whether what a device asked again and again is one row. */
  collapse: boolean;
  facets: Partial<Record<Facet | NotFacet, string>>;
}

export const notFacet = (facet: Facet): NotFacet => `not_${facet}`;

/** Reads a filter from the query of an address. What makes no sense there is left out. */
export function filterFrom(query: URLSearchParams): Filter {
  const moment = (key: string) => {
    const value = Number.parseInt(query.get(key) ?? '', 10);
    return Number.isFinite(value) && value >= 0 ? value : null;
  };
  const facets: Filter['facets'] = {};
  for (const facet of FACETS.flatMap((one) => [one, notFacet(one)] as const)) {
    const value = query.get(facet)?.trim();
    if (value) facets[facet] = value;
  }
  return {
    name: query.get('name') || null,
    not_name: query.get('not_name') || null,
    match: MATCHINGS.find((one) => one === query.get('match')) ?? 'substring',
    from: moment('from'),
    to: moment('to'),
    collapse: query.get('collapse') === 'true',
    facets,
  };
}

/** The filter as the API takes it. */
export function parameters({ name, not_name, match, from, to, collapse, facets }: Filter) {
  return {
    ...facets,
    ...(name ? { name } : {}),
    ...(not_name ? { not_name } : {}),
    ...((name || not_name) && match !== 'substring' ? { match } : {}),
    ...(from === null ? {} : { from }),
    ...(to === null ? {} : { to }),
    ...(collapse ? { collapse } : {}),
  };
}

/** Whether it leaves anything out. */
export function narrows({ name, not_name, from, to, facets }: Filter): boolean {
  return [name, not_name, from, to].some((one) => one !== null) || Object.keys(facets).length > 0;
}

/** What a query has of a facet; nothing where it has none of it. */
export function valueOf(query: Query, facet: Facet): string | undefined {
  switch (facet) {
    case 'vendor':
    case 'purpose':
      return query.label?.[facet];
    case 'type':
      return query.qtype;
    default:
      return query[facet] ?? undefined;
  }
}

/** Puts `fresh`, the latest first, on top of `rows`, a row for each that asked the same and heard the same. */
export function collapsed(fresh: readonly Query[], rows: readonly Query[]): Query[] {
  const all = new Map<string, Query>();
  for (const query of [...fresh, ...rows]) {
    const key = [query.device, query.name, query.qtype, query.verdict, query.list].join(' ');
    const later = all.get(key);
    if (!later) all.set(key, query);
    else all.set(key, { ...later, count: (later.count ?? 1) + (query.count ?? 1), first: query.first ?? query.at });
  }
  return [...all.values()];
}
