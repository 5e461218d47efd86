/** The public door: the SDK's state in React, and what it means in words, for pages and for terminals. */
export {
  type AccountNotice,
  type AlarmBook,
  type AlarmView,
  accountNotices,
  alarmsOf,
  type DeviceNotice,
  deviceNoticeOf,
} from './alarm-book.ts';
export { ClientProvider, useClient } from './client-context.ts';
export { codeOf, type ErrorCode, type ErrorWords, errorWords } from './error-words.ts';
export type { ConversationId, MessageId, NameOf, UserId } from './ids.ts';
export { lineWords, peopleIn, previewWords, type Reader, typingWords } from './line-words.ts';
export { conversationName, NAMELESS, type Named, peerOf } from './names.ts';
export { askForRequests, followRequests } from './requests.ts';
export { savedName } from './saved-name.ts';
export { createSettable, type Settable } from './settable.ts';
export { sizeLabel } from './size-label.ts';
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
  isHeard,
  isSaid,
  lineKey,
  type TimelineRow,
  timelineRows,
} from './timeline-rows.ts';
export { useAlarms } from './use-alarms.ts';
export { useNames, useUsername } from './use-names.ts';
export { useObservable } from './use-observable.ts';
export { isMuted, standingsOf, untilLifted, useStanding, useStandings } from './use-standing.ts';
export {
  useConnection,
  useConversations,
  useMessages,
  usePresence,
  useProfile,
} from './use-state-of.ts';
export { useTimeline } from './use-timeline.ts';
