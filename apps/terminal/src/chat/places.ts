/** How a person goes from place to place in the chat, and what they leave there and find again. */
import type { ConversationView, MessageView } from '@sotto/client';
import { type Draft, draftOf, EMPTY_DRAFT } from '../screen/edit-line.ts';
import type { Desk } from './desk.ts';
import type { Place, Writing } from './place.ts';

type ConversationId = ConversationView['id'];

const NOTHING_DONE: Writing = { draft: EMPTY_DRAFT, chosen: undefined, scroll: 0 };

/** The place that a noted one is now. */
export function placeNow({ places }: Pick<Desk, 'places'>, noted: Place): Place {
  let place = noted;
  while (place.isGone === true && place.from !== undefined) place = place.from;
  const { conversation } = place;
  return (conversation !== undefined && places.known.get(conversation)) || place;
}

/** Whether the person is there now. */
export function isAt(desk: Desk, noted: Place): boolean {
  return desk.state.get().place === placeNow(desk, noted);
}

/** Opens a conversation: at its newest message, or as it was left in the middle of a text. */
export function openConversation(desk: Desk, conversation: ConversationId): void {
  const place = desk.places.known.get(conversation) ?? { conversation };
  desk.places.known.set(conversation, place);
  goTo(desk, place);
}

/** Goes to a place, and leaves what is being typed where it is. */
export function goTo(desk: Desk, place: Place): void {
  const { place: before, draft, chosen, scroll } = desk.state.get();
  const { left } = desk.places;
  if (draft.text !== '') left.set(before, { draft, chosen, scroll });
  const source = isNowhere(before) && !left.has(place) ? before : place;
  const writing = left.get(source) ?? NOTHING_DONE;
  left.delete(source);
  if (place !== before) desk.shown = { ...desk.shown, ...NO_ROWS };
  const { conversation: listed } = place;
  desk.change({
    ...{ place, focus: 'chat', panel: undefined, ...writing },
    ...(listed !== undefined && { listed }),
  });
}

/** What was asked for is open: whoever waits there is in it now, with what they typed meanwhile. */
export function arrive(desk: Desk, coming: Place, conversation: ConversationId): void {
  const { known } = desk.places;
  coming.conversation = conversation;
  if (!known.has(conversation)) known.set(conversation, coming);
  settle(desk, coming);
}

/** It is not: they are back where they were. */
export function giveUp(desk: Desk, coming: Place): void {
  coming.isGone = true;
  settle(desk, coming);
}

/** Puts what could not be done back before what is typed at a place; the message that it spoke of is chosen again. */
export function giveBack(
  desk: Desk,
  noted: Place,
  { text, chosen }: { readonly text: string; readonly chosen: string | undefined },
): void {
  write(desk, placeNow(desk, noted), (now) => ({
    ...now,
    draft: joined(text, now.draft.text),
    chosen: chosen ?? now.chosen,
  }));
}

/** Lets go of the message that something was done with, unless the person has gone on to something else by now. */
export function letGo(
  desk: Desk,
  { place, chosen }: { readonly place: Place; readonly chosen: string | undefined },
): void {
  if (isAt(desk, place) && desk.state.get().chosen === chosen) desk.change({ chosen: undefined });
}

/** Shows what was said there, and is the newest. */
export function showNewest(desk: Desk, noted: Place): void {
  if (isAt(desk, noted)) desk.change({ scroll: 0 });
}

/** Nobody can go back there, so what is typed there goes with them. */
function isNowhere({ conversation, from }: Place): boolean {
  return conversation === undefined && from === undefined;
}

const NO_ROWS = {
  lines: [] as readonly MessageView[],
  notices: [],
  rowsBelow: new Map<string, number>(),
  rowCount: 0,
};

/** Brings the person, and what they have typed, from a place that was noted to what it is now. */
function settle(desk: Desk, coming: Place): void {
  const place = placeNow(desk, coming);
  const isHere = desk.state.get().place === coming;
  if (place === coming) {
    if (isHere) desk.change({ listed: place.conversation });
    return;
  }
  const typed = isHere ? desk.state.get() : desk.places.left.get(coming);
  if (isHere) desk.change({ draft: EMPTY_DRAFT });
  if (isHere) goTo(desk, place);
  desk.places.left.delete(coming);
  if (typed === undefined || typed.draft.text === '') return;
  write(desk, place, (now) => ({ ...now, draft: joined(now.draft.text, typed.draft.text) }));
}

function write(desk: Desk, place: Place, change: (now: Writing) => Writing): void {
  const { left } = desk.places;
  const state = desk.state.get();
  if (state.place === place) {
    const { draft, chosen, scroll } = change(state);
    desk.change({ draft, chosen, scroll });
  } else left.set(place, change(left.get(place) ?? NOTHING_DONE));
}

function joined(first: string, second: string): Draft {
  return draftOf([first, second].filter((text) => text !== '').join('\n'));
}
