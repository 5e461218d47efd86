import { expect, test } from 'vitest';
import { Stillness } from './stillness.ts';

test('stillness lasts from the look at which something was owed and nothing had moved since', () => {
  const state = { isOwed: false };
  const stillness = new Stillness(() => state.isOwed);
  stillness.look(1_000);
  stillness.look(2_000);
  expect(stillness.lasted(2_500)).toBe(500);
  state.isOwed = true;
  stillness.moved();
  stillness.look(3_000);
  stillness.look(4_000);
  stillness.look(60_000);
  expect(stillness.lasted(60_000)).toBe(57_000);
  stillness.moved();
  stillness.look(61_000);
  expect(stillness.lasted(61_000)).toBe(0);
});
