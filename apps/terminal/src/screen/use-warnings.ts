/** What is to be said above the messages, as React state. */
import type { ConversationView } from '@sotto/client';
import { type NameOf, useAlarms, useConnection } from '@sotto/hooks';
import { warningWords } from '../chat/warnings.ts';
import { explain } from '../explain.ts';

/** Why there is no connection that would come by itself, and whom not to believe. */
export function useWarnings(
  view: Pick<ConversationView, 'id' | 'members'> | undefined,
  nameOf: NameOf,
): readonly string[] {
  const alarms = useAlarms().view;
  const { status, error } = useConnection();
  const isGivenUp = status === 'offline' && error !== undefined;
  const given = isGivenUp ? [`Not connected: ${explain(error)}`] : [];
  return [...given, ...warningWords(alarms, view, nameOf)];
}
