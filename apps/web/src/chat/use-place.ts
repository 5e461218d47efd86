/** Whether somebody may write in a conversation, and why not. */
import type { ConversationView, MessageView, Standing } from '@sotto/client';
import { useLate } from '../shell/use-late.ts';

/** `request`: it waits to be accepted; `unknown`: the server has not said yet, for long; `asking`: not yet. */
export type Place = 'open' | 'request' | 'out' | 'unknown' | 'asking';

/** A platform that is there says sooner how one stands to a conversation. */
const UNKNOWN_MS = 1500;

interface Where {
  view: ConversationView;
  me: ConversationView['members'][number];
  lines: readonly MessageView[] | undefined;
  standing: Standing | undefined;
}

/** The place that somebody has in a conversation. */
export function usePlace({ view, me, lines, standing }: Where): Place {
  const isOut = !view.members.includes(me);
  const isKnown = standing !== undefined || isOwnTalk(lines);
  const isUnknown = useLate(!isOut && !isKnown, UNKNOWN_MS);
  if (isOut) return 'out';
  if (standing?.isRequested === true) return 'request';
  if (isKnown) return 'open';
  return isUnknown ? 'unknown' : 'asking';
}

/** Where somebody has written, or nobody has, nothing waits to be accepted: no platform is needed to tell. */
function isOwnTalk(lines: readonly MessageView[] | undefined): boolean {
  return lines !== undefined && (lines.length === 0 || lines.some(({ isOwn }) => isOwn));
}
