/**
 * The long run of `tests/chaos/prekey-run.ts`: `npm run chaos-keys [-- --json FILE]`. 100 000 fetches by 64 workers over
 * three key services against 10 000 prekeys, of which one service is killed each second.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runPrekeys } from '../tests/chaos/prekey-run.ts';

const USAGE = `usage: npm run chaos-keys [-- --json FILE]

Fetches 100 000 bundles from three key services, of which one is killed each second. Takes minutes.

  --json FILE   also writes what it found there
  --help        show this`;

const { values } = parseArgs({
  options: { json: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const options = {
  ...{ fetches: 100_000, devices: 100, prekeysPerDevice: 100 },
  ...{ workers: 64, processes: 3, killEveryMs: 1_000 },
};
const report = await runPrekeys(options);
console.log(JSON.stringify({ options, report }, undefined, 2));
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ options, report }, undefined, 2)}\n`);
}
const isGood = report.left === 0 && report.twice === 0 && report.disordered === 0;
if (!isGood) process.exitCode = 1;
