/** What a run of the loss checker found, as Markdown, and whether it is good. */
import type { FaultOutcome, MessageReport } from './message-run.ts';

/** What recovery is held to (DESIGN 8): so many devices within the first time, all within the second. */
export const RECOVERY = { share: 0.95, shareMs: 10_000, allMs: 30_000 } as const;

/** Versions of what took part, by name. */
export type Versions = Readonly<Record<string, string>>;

/** Nothing lost, doubled or out of order, and everybody back in time after each fault. */
export function isGood({ verdict, faults }: MessageReport): boolean {
  const { lost, twice, disordered, unaccounted, strayed } = verdict;
  const isWhole = lost + twice + disordered + unaccounted + strayed === 0;
  return isWhole && faults.every(hasRecovered);
}

function hasRecovered({ recoveryMs }: FaultOutcome): boolean {
  const soon = recoveryMs.filter((ms) => ms <= RECOVERY.shareMs).length;
  return soon >= recoveryMs.length * RECOVERY.share && Math.max(...recoveryMs) <= RECOVERY.allMs;
}

/** One line for a fault that has just ended. */
export function describeFault({ name, holdMs, recoveryMs }: FaultOutcome): string {
  const times = recoveryMs.toSorted((a, b) => a - b);
  const shown = [0.5, RECOVERY.share, 1].map((share) => seconds(quantile(times, share)));
  return `${name}, ${seconds(holdMs)}; half back in ${shown.join(', most in ')}`.replace(
    /, most in ([^,]*)$/,
    ', all in $1',
  );
}

export interface ReportHead {
  /** As it was called. */
  command: string;
  seed: number;
  versions: Versions;
  /** When it ended. */
  date: string;
}

/** The page, but for what people write under it. */
export function writeReport(report: MessageReport, head: ReportHead): string {
  const { verdict, faults, counts, conversations } = report;
  const versions = Object.entries(head.versions).map(([name, version]) => `${name} ${version}`);
  const recovered = faults.filter(hasRecovered).length;
  return `# Reliability

What is acknowledged is delivered: to every device of every member, once, in one order for all, whatever dies. This page is the
record of a run that tried to show otherwise. \`${head.command}\` repeats it; \`npm test\` runs a short form each time.

Twenty clients at the level of the contract (${conversations.direct} direct conversations, ${conversations.group} groups whose members come and go) write and read
through a gateway, two message services, PostgreSQL with \`synchronous_commit=on\`, NATS and Redis. Meanwhile each of these is
killed by SIGKILL and started again, paused by SIGSTOP, drained, cut off or silenced by a proxy between any two of them, and the
store of NATS is wiped. Limits on how much one may send are set out of reach; everything else is as delivered. At the end every
place of every conversation is held against what each device was given.

| | |
|---|---|
| date | ${head.date} |
| seed | ${head.seed} |
| versions | ${versions.join(', ')} |
| took | ${report.seconds} s |
| messages acknowledged | ${verdict.letters} |
| deliveries | ${verdict.deliveries} |
| changes of a group's members | ${report.changes} |
| faults | ${faults.length} |
| **lost** | **${verdict.lost}** |
| **twice** | **${verdict.twice}** |
| **out of order** | **${verdict.disordered}** |
| **places unaccounted for** | **${verdict.unaccounted}** |
| **given to others** | **${verdict.strayed}** |
| faults after which ${RECOVERY.share * 100} % of devices were back within ${RECOVERY.shareMs / 1000} s, and all within ${RECOVERY.allMs / 1000} s | ${recovered} of ${faults.length} |
| given again after a fault, which clients drop by place | ${verdict.repeats} |
| connections that devices made | ${counts.connects} |
| holes that devices looked up in the history | ${counts.lookups} |
| refusals, each sent again | ${refusalsOf(report)} |
${findingsOf(report)}
## Recovery

From the end of a fault until a device has had something stored that it wrote after that end, has been given something that another
one wrote after it, and has everything that was stored before. For what was killed the fault ends when its start begins.

| fault | times | half of the devices | ${RECOVERY.share * 100} % | all, at worst |
|---|--:|--:|--:|--:|
${faultRows(faults).join('\n')}
`;
}

function refusalsOf({ counts }: MessageReport): string {
  const refusals = Object.entries(counts.refusals).toSorted(([, a], [, b]) => b - a);
  return refusals.map(([code, count]) => `\`${code}\` ${count}`).join(', ') || 'none';
}

function findingsOf({ verdict }: MessageReport): string {
  if (verdict.findings.length === 0) return '';
  return `\n## Findings\n\n${verdict.findings.map((finding) => `- ${finding}`).join('\n')}\n`;
}

function faultRows(faults: readonly FaultOutcome[]): string[] {
  const byName = Map.groupBy(faults, ({ name }) => name);
  return [...byName]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, all]) => {
      const times = all.flatMap(({ recoveryMs }) => recoveryMs).toSorted((a, b) => a - b);
      const shown = [0.5, RECOVERY.share, 1].map((share) => seconds(quantile(times, share)));
      return `| ${name} | ${all.length} | ${shown.join(' | ')} |`;
    });
}

/** The time within which a share of them was back; `ascending` has at least one. */
function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.ceil(ascending.length * share) - 1] ?? Number.POSITIVE_INFINITY;
}

function seconds(ms: number): string {
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : 'never';
}
