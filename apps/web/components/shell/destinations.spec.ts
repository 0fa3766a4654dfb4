import { expect, test } from 'vitest';
import { type Destination, matchDestinations } from './destinations.ts';

const named = (...titles: string[]): Destination[] => titles.map((title) => ({ title, kind: 'Service', href: `/${title}` }));
const titles = (destinations: Destination[]) => destinations.map(({ title }) => title);

test('names that start with the text come first, else the order stays', () => {
  expect(titles(matchDestinations(named('my-web', 'Web', 'api', 'web-2'), ' WEB '))).toEqual(['Web', 'web-2', 'my-web']);
});

test('without text everything is offered, up to a bound', () => {
  expect(titles(matchDestinations(named('b', 'a'), ''))).toEqual(['b', 'a']);
  expect(matchDestinations(named(...Array.from({ length: 200 }, (_, n) => `s${n}`)), 's')).toHaveLength(50);
});
