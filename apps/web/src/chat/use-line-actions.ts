/** What people do with lines, with what goes wrong said in words. */
import type { MessageView } from '@sotto/client';
import { useClient } from '@sotto/hooks';
import { useMemo } from 'react';
import { useToast } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { secondTriesOf } from './second-tries.ts';

/** Functions that never throw: they show what has failed. */
export interface LineActions {
  readonly react: (line: MessageView, emoji: string) => void;
  readonly remove: (line: MessageView) => void;
  readonly tryAgain: (line: MessageView) => void;
}

/** Actions on lines; `onDone` may read a line again that the SDK does not keep up to date. */
export function useLineActions(
  me: MessageView['sender'],
  onDone: (line: MessageView) => Promise<void>,
): LineActions {
  const client = useClient();
  const toast = useToast();
  return useMemo(() => {
    const attempt = async (line: MessageView, work: () => Promise<unknown>) => {
      try {
        await work();
        await onDone(line);
      } catch (error) {
        toast(explain(error), 'danger');
      }
    };
    return {
      react(line, emoji) {
        const isTaken = line.reactions.some(
          (given) => given.emoji === emoji && me !== undefined && given.users.includes(me),
        );
        void attempt(line, () => client.react(line, isTaken ? null : emoji));
      },
      remove: (line) => void attempt(line, () => client.deleteMessage(line)),
      tryAgain: (line) => void attempt(line, () => secondTriesOf(client)(line)),
    };
  }, [client, toast, me, onDone]);
}
