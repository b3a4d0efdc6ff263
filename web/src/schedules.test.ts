import { expect, test } from 'vitest';
import { byProfile, DAYS, free, NIGHT, overnight, spans, withDay } from './schedules';

test('days are told as spans of the week', () => {
  expect(spans({ ...NIGHT, days: [] })).toEqual([['mon', 'sun']]);
  expect(spans(NIGHT)).toEqual([['mon', 'sun']]);
  expect(spans({ ...NIGHT, days: ['mon', 'tue', 'wed', 'sun'] })).toEqual([['mon', 'wed'], ['sun', 'sun']]);
});

test('the last day of a slot stays', () => {
  const weekend = { ...NIGHT, days: DAYS.filter((day) => day === 'sat') };
  expect(withDay(weekend, 'sat').days).toEqual(['sat']);
  expect(withDay(weekend, 'mon').days).toEqual(['mon', 'sat']);
  expect(withDay({ ...NIGHT, days: [] }, 'mon').days).toEqual(DAYS.slice(1));
});

test('a slot that ends before it begins runs over midnight', () => {
  expect(overnight(NIGHT)).toBe(true);
  expect(overnight({ ...NIGHT, from: '07:00', to: '21:00' })).toBe(false);
});

test('what has a schedule is not offered to another', () => {
  const taken = [{ uses: [{ list: 'games', profile: 'kids' }, { list: 'ads', profile: null }] }];
  expect(free(['games', 'ads'], ['kids'], taken)).toEqual([{ list: 'games', profile: null }, { list: 'ads', profile: 'kids' }]);
});

test('what is offered stands under whom it is for', () => {
  const offered = free(['games', 'ads'], ['kids'], []);
  expect(byProfile(offered).map(([profile, uses]) => [profile, uses.map((use) => use.list)])).toEqual([[null, ['games', 'ads']], ['kids', ['games', 'ads']]]);
});
