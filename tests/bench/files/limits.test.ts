import { expect, test } from 'vitest';
import { assertBelowLimits } from './limits.ts';

const FIGURES = { gateway_growth_MiB: 199.9, file_service_growth_MiB: 1, p99_ms: 999.9 };

const measured = (figures: Record<string, number | undefined>) => () => {
  const others = { case: 'up', implementation: 'curl', MB_per_s: 1 };
  assertBelowLimits([{ case: 'many', implementation: 'Sotto', ...FIGURES, ...figures }, others]);
};

test('figures below their limits pass', () => {
  expect(measured({})).not.toThrow();
});

test.each(Object.entries({ gateway_growth_MiB: 200, file_service_growth_MiB: 200, p99_ms: 1_000 }))(
  '%s at its limit, not a number, or never measured fails the benchmark, with all figures',
  (figure, limit) => {
    const told = new RegExp(`many: ${figure} is ${limit},.*\n.*\\| curl \\|`, 's');
    expect(measured({ [figure]: limit })).toThrow(told);
    expect(measured({ [figure]: Number.NaN })).toThrow(figure);
    expect(measured({ [figure]: undefined })).toThrow(`${figure} was not measured`);
  },
);
