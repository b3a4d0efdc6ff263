import { t, type Value } from './lang.svelte';

/** What decided where no list did, as the server calls it. */
const RESERVED = { own: 'list.own', pause: 'list.pause', essential: 'list.essential', bypass: 'list.bypass', rebinding: 'list.rebinding', '[[local]]': 'list.house' } as const;

const isReserved = (name: string): name is keyof typeof RESERVED => Object.hasOwn(RESERVED, name);

/** A list's name, or the words for what is no list. */
export function listWord(name: string): string {
  return isReserved(name) ? t(RESERVED[name]) : name;
}

/** The same for a slot of a message: names of lists are texts from outside. */
export function listValue(name: string): Value {
  return { text: listWord(name), outside: !isReserved(name) };
}
