/** What the platform promises of files under load: `npm run bench -- files` fails where a figure is not below its limit. */
import { markdownTable, type Result } from '../../../scripts/bench-results.ts';

/** By figure, wherever it is given. */
const LIMITS: Readonly<Record<string, number>> = {
  // Of twenty files of 100 MiB at once, with which all others comply.
  gateway_growth_MiB: 200,
  file_service_growth_MiB: 200,
  // Of what others ask, also beside a hundred slow uploads.
  p99_ms: 1_000,
};

/** Throws with all figures when one is not below its limit, or was not measured. */
export function assertBelowLimits(results: readonly Result[]): void {
  const faults = Object.entries(LIMITS).flatMap(([figure, limit]) => {
    const rows = results.filter((result) => result[figure] !== undefined);
    if (rows.length === 0) return [`${figure} was not measured`];
    return rows
      .filter((row) => !(Number(row[figure] ?? Number.NaN) < limit))
      .map((row) => `${row.case}: ${figure} is ${row[figure]}, and has to be below ${limit}`);
  });
  if (faults.length > 0) throw new Error([...faults, markdownTable(results)].join('\n'));
}
