import { expect, test } from 'vitest';

import type { DeviceSummary } from './api/types';
import { having } from './finding';

const device = (id: string, name: string, more: Partial<DeviceSummary> = {}) => ({ id, name, addresses: [], ...more }) as unknown as DeviceSummary;
const HOUSE = [device('a', "Anna's phone", { addresses: ['192.168.1.20'] }), device('b', 'Television', { mac: '8c:79:f5:20:aa:10' }), device('c', 'Anna, tablet')];
const names = (wanted: string) => having(HOUSE, wanted, () => '').map(({ id }) => id).join('');

test('nothing wanted is all of them', () => {
  expect(names('')).toBe('abc');
  expect(names('  ')).toBe('abc');
});

test('every word must be there, in the name, an address or the hardware address, whatever its case', () => {
  expect(names('anna')).toBe('ac');
  expect(names('TAB anna')).toBe('c');
  expect(names('168.1.2')).toBe('a');
  expect(names('8C:79')).toBe('b');
  expect(names('nobody')).toBe('');
});
