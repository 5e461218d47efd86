/** The public door: the SDK's state in React, and what it means in words, for pages and for terminals. */
export { ClientProvider, useClient } from './client-context.ts';
export type { ConversationId, MessageId, NameOf, UserId } from './ids.ts';
export { lineWords, peopleIn, previewWords, type Reader, typingWords } from './line-words.ts';
export { conversationName, NAMELESS, type Named, peerOf } from './names.ts';
export { type Tick, tickOf, unreadLabel } from './ticks.ts';
export {
  clockLabel,
  countdownLabel,
  dayLabel,
  fullTimeLabel,
  isSameDay,
  lifetimeLabel,
  machineTime,
  shortTimeLabel,
} from './time-labels.ts';
export type { TimelineView } from './timeline.ts';
export {
  firstUnread,
  isSaid,
  lineKey,
  type TimelineRow,
  timelineRows,
} from './timeline-rows.ts';
export { useNames, useUsername } from './use-names.ts';
export { useObservable } from './use-observable.ts';
export { useStanding, useStandings } from './use-standing.ts';
export {
  useConnection,
  useConversations,
  useMessages,
  usePresence,
  useProfile,
} from './use-state-of.ts';
export { useTimeline } from './use-timeline.ts';
