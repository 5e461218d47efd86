/** A process that does nothing but append, to be killed: `URL SECRET`. */
import { createMetrics, databaseOptions, openDatabase } from '@sotto/runtime';
import type { KeyTables } from '../schema.ts';
import { startAppender } from './appender.ts';
import { logKeyOf } from './log-key.ts';

const [url = '', secret = ''] = process.argv.slice(2);
const parts = { host: 'localhost', port: 5432, user: '', password: '', database: '' };
const database = openDatabase<KeyTables>(databaseOptions({ ...parts, url }, 'key'));
const appended = createMetrics('key').counter('appended_total', 'Leaves of this process');
const appender = startAppender({
  ...{ database, logKey: logKeyOf(secret), clock: Date.now },
  events: {
    leavesAppended: (count) => appended.inc(count),
    appendFailed(error) {
      throw error;
    },
  },
});
// As busy as it can be, so that a kill finds it in a batch.
setInterval(appender.nudge, 5);
