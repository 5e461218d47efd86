/** What the chat shows beside what the SDK knows, and what keys and commands work on. */
import type { Client, ConversationView, Me, MessageView, Observable } from '@sotto/client';
import type { NameOf } from '@sotto/hooks';
import { type Draft, EMPTY_DRAFT } from '../screen/edit-line.ts';
import type { Row } from '../screen/row.tsx';
import type { Warnings } from './warnings.ts';

type ConversationId = ConversationView['id'];

/** Something that is shown in the place of the messages until it is closed: help, a code, hits of a search. */
export interface Panel {
  readonly title: string;
  /** For a window of so many columns. */
  readonly rowsFor: (columns: number) => readonly Row[];
}

/** One line to the person, which the next thing that they do takes away. */
export interface Notice {
  readonly text: string;
  readonly isTrouble: boolean;
}

/** A file on its way. */
export interface Transfer {
  readonly name: string;
  readonly verb: 'sending' | 'saving';
  readonly done: number;
  readonly total: number;
}

export interface DeskState {
  /** Where arrows go: to the list of conversations, or to the messages. */
  readonly focus: 'list' | 'chat';
  /** The conversation that is open. */
  readonly open?: ConversationId | undefined;
  /** The one that the list points at. */
  readonly listed?: ConversationId | undefined;
  readonly draft: Draft;
  /** The key of the message that commands speak of. */
  readonly chosen?: string | undefined;
  /** Rows that are hidden below the window; of a panel, above it. */
  readonly scroll: number;
  readonly panel?: Panel | undefined;
  readonly notice?: Notice | undefined;
  readonly transfers: ReadonlyMap<number, Transfer>;
  /** Conversations that wait to be accepted. */
  readonly requests: ReadonlySet<ConversationId>;
  readonly warnings: Warnings;
}

/** What the last rendering has shown, which keys are meant for. */
export interface Shown {
  readonly conversations: readonly ConversationView[];
  readonly lines: readonly MessageView[];
  /** Where each line ends, counted from the newest row. */
  readonly rowsBelow: ReadonlyMap<string, number>;
  readonly rowCount: number;
  readonly pageRows: number;
  readonly nameOf: NameOf;
  readonly older: () => Promise<void>;
}

export interface Desk {
  readonly client: Client;
  readonly me: Me;
  /** Against which paths of files are read. */
  readonly workingDirectory: string;
  readonly state: Observable<DeskState>;
  readonly change: (change: Partial<DeskState>) => void;
  /** Of the last rendering. */
  shown: Shown;
  readonly quit: () => void;
  /** What was entered is done in its order: see `submit`. */
  readonly turns: { tail: Promise<void>; failures: number };
}

/** A desk on which nothing lies yet. */
export function openDesk(given: Pick<Desk, 'client' | 'me' | 'workingDirectory' | 'quit'>): Desk {
  let state: DeskState = {
    focus: 'list',
    draft: EMPTY_DRAFT,
    scroll: 0,
    transfers: new Map(),
    requests: new Set(),
    warnings: new Map(),
  };
  const listeners = new Set<() => void>();
  const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    ...given,
    turns: { tail: Promise.resolve(), failures: 0 },
    state: { get: () => state, subscribe },
    change(change) {
      state = { ...state, ...change };
      for (const listener of [...listeners]) listener();
    },
    shown: {
      conversations: [],
      lines: [],
      rowsBelow: new Map(),
      rowCount: 0,
      pageRows: 1,
      nameOf: (user) => user,
      older: async () => {},
    },
  };
}

/** Opens a conversation, at its newest message. */
export function openConversation(desk: Desk, open: ConversationId): void {
  const { draft } = desk.state.get();
  desk.change({
    ...{ open, listed: open, focus: 'chat', scroll: 0 },
    ...{ chosen: undefined, panel: undefined, draft },
  });
}

/** Shows a page in the place of the messages. */
export function showPanel(desk: Desk, panel: Panel): void {
  desk.change({ panel, scroll: 0, chosen: undefined });
}

/** Tells the person something. */
export function tell(desk: Desk, text: string): void {
  desk.change({ notice: { text, isTrouble: false } });
}

/** The conversation that is open; undefined for none, and for a moment when it is new. */
export function openView(desk: Desk): ConversationView | undefined {
  const { open } = desk.state.get();
  return desk.client.state.conversations.get()?.find(({ id }) => id === open);
}
