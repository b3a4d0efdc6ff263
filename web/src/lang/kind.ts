import type { Guess } from '../api/types';
import { t } from './lang.svelte';

export type Kind = NonNullable<Guess['kind']>;

/** A kind of thing in the viewer's words. */
export const kindWord = (kind: Kind): string => t(`kind.${kind}`);
