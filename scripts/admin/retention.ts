/** `retention run`: what is kept for a time only is removed now, and not at the services' own next turn. */
import { parseArgs } from 'node:util';
import { loadConfig, noWords, wrongCall } from '@sotto/runtime';
import { z } from 'zod';
import { FileConfig } from '../../services/file/src/config.ts';
import { hideEnded } from '../../services/file/src/endings.ts';
import { MessageConfig } from '../../services/message/src/config.ts';
import { endIds, endWeeks } from '../../services/message/src/retention.ts';
import { emptyExpired, findOldWeeks } from '../../services/message/src/retention-store.ts';
import { isDatabaseElsewhere, source } from '../backup/site.ts';
import type { Operation } from './operation.ts';

const RetentionConfig = z.object({
  retention: MessageConfig.shape.retention,
  file: FileConfig.shape.file,
});

/** Says what would go, and with --yes lets it go. */
export const runRetention: Operation = async ({ auth, message, file, audit, terminal }, words) => {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { yes: { type: 'boolean' }, 'dry-run': { type: 'boolean' }, days: { type: 'string' } },
    allowPositionals: true,
  });
  noWords(positionals);
  const config = loadConfig(RetentionConfig, source);
  const { days } = config.retention;
  // The services may have been told another number than this command, and what goes does not come back.
  if (values.yes && isDatabaseElsewhere() && values.days !== String(days)) {
    throw wrongCall(
      `RETENTION_DAYS is ${days} here: confirm by --days ${days} that it is the platform's`,
    );
  }
  const weeks = await findOldWeeks(message, days);
  terminal.out(`weeks of messages that ended ${days} days ago or longer: ${weeks.length}`);
  for (const week of weeks) terminal.out(`  ${week}`);
  if (values['dry-run']) return;
  if (!values.yes) throw wrongCall('this removes them for good; add --yes if that is meant');
  let expired = 0;
  for (let some = await emptyExpired(message); some > 0; some = await emptyExpired(message)) {
    expired += some;
  }
  await endWeeks({ database: message, days });
  // Services have ages of their own, and raise them at their own turns.
  await endIds({ database: message, days, ages: { raise: () => undefined } });
  await hideEnded(file.query, { now: Date.now(), retentionMs: config.file.retention });
  await audit.note(auth.query, { action: 'admin.acted', command: 'retention run' });
  terminal.out(`${weeks.length} weeks and ${expired} expired messages are gone`);
  terminal.out('files whose time is over are hidden; the file service removes them within minutes');
};
