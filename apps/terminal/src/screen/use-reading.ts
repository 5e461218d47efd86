/** Telling that messages were read. */
import type { MessageView } from '@sotto/client';
import { lineKey, useClient } from '@sotto/hooks';
import { useEffect } from 'react';
import type { Desk } from '../chat/desk.ts';
import { tellTrouble } from '../chat/telling.ts';

/** What stands at the end of the window was read. */
export function useReading({
  desk,
  lines,
  isAtEnd,
}: {
  readonly desk: Desk;
  readonly lines: readonly MessageView[];
  readonly isAtEnd: boolean;
}): void {
  const client = useClient();
  const newest = lines.findLast(({ isOwn, reference, seq }) => !isOwn && reference && seq);
  const key = newest && lineKey(newest);
  // biome-ignore lint/correctness/useExhaustiveDependencies: one line is read once, however often it changes
  useEffect(() => {
    if (!isAtEnd || newest === undefined) return;
    client.markRead(newest).catch((error: unknown) => tellTrouble(desk, error));
  }, [client, key, isAtEnd]);
}
