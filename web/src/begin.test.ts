import { expect, test } from 'vitest';

import { targetOf } from './begin';

test('one address that is listened on is the one to enter', () => {
  expect(targetOf(['192.168.1.2:53', '[::1]:53'], 'localhost')).toEqual({ address: '192.168.1.2', port: undefined, alone: false });
  expect(targetOf(['[fd00::2]:53', '192.168.1.2:53'], 'localhost').address).toBe('192.168.1.2');
});

test('all addresses are the one the page was opened by', () => {
  expect(targetOf(['0.0.0.0:53', '[::]:53'], '192.168.1.2').address).toBe('192.168.1.2');
  expect(targetOf(['[::]:53'], '[fd00::2]').address).toBe('fd00::2');
  expect(targetOf(['0.0.0.0:53'], 'sordino.home.arpa').address).toBeUndefined();
  expect(targetOf(['0.0.0.0:53'], '127.0.0.1').address).toBeUndefined();
});

test('a machine that hears itself alone, and a port that devices cannot be told, are said', () => {
  expect(targetOf(['127.0.0.1:5300'], '127.0.0.1')).toEqual({ address: undefined, port: 5300, alone: true });
  expect(targetOf(['192.168.1.2:5300'], 'x')).toEqual({ address: '192.168.1.2', port: 5300, alone: false });
  expect(targetOf([], 'x')).toEqual({ address: undefined, port: undefined, alone: false });
});
