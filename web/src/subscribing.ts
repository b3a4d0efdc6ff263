import { api, body, ifStill } from './api/client';
import { changes } from './api/load.svelte';
import type { Action, List, NewList } from './api/types';
import { t } from './lang/lang.svelte';
import { visible } from './lang/visible';
import { notices } from './notices.svelte';

const called = (name: string) => ({ text: visible(name), outside: true });
const at = (name: string) => ({ path: { name } });
/** The list of that name, only while it is what was seen. */
const still = (name: string, seen?: string | null) => ({ ...at(name), header: ifStill(seen) });

/** Has a list fetched now; `smaller` takes it also if it lost most of its names. */
export async function fetchNow(name: string, smaller = false): Promise<void> {
  await body(api.POST('/api/v1/lists/{name}/refresh', { params: at(name), body: { accept_smaller: smaller } }));
  changes.times += 1;
}

/** Ends a fetch under way. */
export async function stopFetching(name: string): Promise<void> {
  await body(api.DELETE('/api/v1/lists/{name}/refresh', { params: at(name) }));
  changes.times += 1;
}

/** Adds a list, tells of it and offers to take it back. */
export async function addList(list: NewList): Promise<void> {
  await body(api.POST('/api/v1/lists', { body: list }));
  changes.times += 1;
  notices.tell(t('done.list.added', { name: called(list.name) }), async () => {
    await body(api.DELETE('/api/v1/lists/{name}', { params: at(list.name) }));
    changes.times += 1;
  });
}

/** Has a list do something else from now on. */
export async function changeAction({ name, action: before, revision }: List, action: Action): Promise<void> {
  await change(name, { action }, revision);
  notices.tell(t(`done.list.${action}`, { name: called(name) }), () => change(name, { action: before }));
}

/** Takes a list out of force, or puts it back. */
export async function switchList({ name, revision }: List, enabled: boolean): Promise<void> {
  await change(name, { enabled }, revision);
  notices.tell(t(enabled ? 'done.list.on' : 'done.list.off', { name: called(name) }), () => change(name, { enabled: !enabled }));
}

/** Removes a list and its copy; taken back, it is fetched anew. */
export async function removeList({ name, source, action, revision, subscription }: List): Promise<void> {
  await body(api.DELETE('/api/v1/lists/{name}', { params: still(name, revision) }));
  changes.times += 1;
  notices.tell(t('done.list.removed', { name: called(name) }), async () => {
    await body(api.POST('/api/v1/lists', { body: { name, source, action, format: 'auto', private_server: subscription?.private_server ?? false } }));
    if (subscription?.enabled === false) await body(api.PUT('/api/v1/lists/{name}', { params: at(name), body: { enabled: false } }));
    changes.times += 1;
  });
}

async function change(name: string, what: { action?: Action; enabled?: boolean }, seen?: string | null): Promise<void> {
  await body(api.PUT('/api/v1/lists/{name}', { params: still(name, seen), body: what }));
  changes.times += 1;
}
