/** What is said to the person in the chat: pages, and single lines. */
import { conversationName } from '@sotto/hooks';
import { explain } from '../explain.ts';
import { textRow } from '../screen/row.tsx';
import { wrapText } from '../text-width.ts';
import { type Desk, type Panel, viewOf } from './desk.ts';
import type { Place } from './place.ts';
import { isAt, placeNow } from './places.ts';

/** Shows a page in the place of the messages. */
export function showPanel(desk: Desk, panel: Panel): void {
  desk.change({ panel, scroll: 0, chosen: undefined });
}

/** A page of sentences. */
export function pageOf(title: string, texts: readonly string[]): Panel {
  return {
    title,
    rowsFor: (columns) =>
      texts.flatMap((text, index) =>
        wrapText(text, columns).map((row, at) => textRow(`${index}/${at}`, row)),
      ),
  };
}

/** Tells the person something: of a place, by its name where they are elsewhere by now. */
export function tell(desk: Desk, text: string, place?: Place): void {
  desk.change({ notice: { text: ofPlace(desk, text, place), isTrouble: false } });
}

/** Tells what went wrong. */
export function tellTrouble(desk: Desk, error: unknown, place?: Place): void {
  const text = ofPlace(desk, explain(error), place);
  desk.change({ notice: { text, isTrouble: true } });
}

function ofPlace(desk: Desk, text: string, place: Place | undefined): string {
  if (place === undefined || isAt(desk, place)) return text;
  const view = viewOf(desk, placeNow(desk, place));
  if (view === undefined) return text;
  return `${conversationName(view, desk.me.user, desk.shown.nameOf)}: ${text}`;
}
