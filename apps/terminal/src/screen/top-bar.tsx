/** The first row: whose chat this is, and whether it is connected. */
import type { ConnectionView } from '@sotto/client';
import { useConnection } from '@sotto/hooks';
import type { ReactElement } from 'react';
import { safeLine } from '../safe-text.ts';
import { fitText, padText, textWidth } from '../text-width.ts';
import { RowLine } from './row.tsx';

/** One row of so many columns. */
export function TopBar({
  account,
  columns,
  now,
}: {
  readonly account: string;
  readonly columns: number;
  readonly now: number;
}): ReactElement {
  const status = fitText(` ${statusWords(useConnection(), now)} `, columns);
  const room = columns - textWidth(status);
  return (
    <RowLine
      spans={[
        { text: padText(` ${safeLine(account)}`, room), tone: 'bar' },
        { text: status, tone: 'bar' },
      ]}
    />
  );
}

/** Why it does not come by itself stands above the messages: see `useWarnings`. */
function statusWords({ status, retryAt }: ConnectionView, now: number): string {
  if (status === 'connected') return '● connected';
  if (status === 'offline') return '○ offline';
  if (retryAt === undefined) return '◌ connecting…';
  const seconds = Math.ceil((retryAt - now) / 1000);
  return seconds > 0 ? `◌ offline, again in ${seconds} s` : '◌ connecting…';
}
