/**
 * Where a person is in the chat. What they type there stays there and is meant for it, wherever they have gone by the time
 * that it is done.
 */
import type { ConversationView, Sent } from '@sotto/client';
import type { Draft } from '../screen/edit-line.ts';

type ConversationId = ConversationView['id'];

/**
 * A conversation, one that `/new` or `/group` is about to open, or nowhere. Each is one object, and changed in place: what
 * was noted with it finds out where it has led.
 */
export interface Place {
  /** Undefined nowhere, and before it was opened. */
  conversation?: ConversationId;
  /** Where the person was before it was asked for. */
  readonly from?: Place;
  /** It could not be opened: what was meant for it is back where the person was before. */
  isGone?: boolean;
  /** The text that was sent from here last. */
  said?: Sent | undefined;
}

/** What is being done at a place. */
export interface Writing {
  readonly draft: Draft;
  /** The key of the message that commands speak of. */
  readonly chosen?: string | undefined;
  /** Rows that are hidden below the window. */
  readonly scroll: number;
}

/** All places, and what was left unfinished at those that the person is not at. */
export interface Places {
  readonly known: Map<ConversationId, Place>;
  readonly left: Map<Place, Writing>;
}
