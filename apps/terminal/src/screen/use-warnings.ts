/** What is to be said above the messages, as React state. */
import type { ConversationView } from '@sotto/client';
import { type NameOf, useAlarms, useConnection } from '@sotto/hooks';
import { type Warning, warningsOf } from '../chat/warnings.ts';
import { explain } from '../explain.ts';

/** Why there is no connection that would come by itself, and whom not to believe. */
export function useWarnings(
  view: Pick<ConversationView, 'id' | 'members'> | undefined,
  nameOf: NameOf,
): readonly Warning[] {
  const alarms = useAlarms().view;
  const { status, error } = useConnection();
  const isGivenUp = status === 'offline' && error !== undefined;
  const given = isGivenUp ? [{ text: `Not connected: ${explain(error)}` }] : [];
  return [...given, ...warningsOf(alarms, view, nameOf)];
}
