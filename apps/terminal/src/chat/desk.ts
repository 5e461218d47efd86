/** What the chat shows beside what the SDK knows, and what keys and commands work on. */
import type {
  Client,
  ConversationView,
  Me,
  MessageView,
  Observable,
  OwnDevice,
  Notice as TrustNotice,
} from '@sotto/client';
import type { NameOf } from '@sotto/hooks';
import { type Draft, EMPTY_DRAFT } from '../screen/edit-line.ts';
import type { Row } from '../screen/row.tsx';
import type { Place, Places } from './place.ts';

type ConversationId = ConversationView['id'];
type UserId = Me['user'];

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

/** What a command has to know before it goes on. It stands in the place of the line that is typed until it is answered. */
export interface Question {
  readonly words: string;
  readonly draft: Draft;
  /** Undefined: the person lets it be. */
  readonly answer: (typed: string | undefined) => void;
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
  /** Where the person is: the conversation that is open. */
  readonly place: Place;
  /** The one that the list points at. */
  readonly listed?: ConversationId | undefined;
  readonly draft: Draft;
  /** The key of the message that commands speak of. */
  readonly chosen?: string | undefined;
  /** Rows that are hidden below the window; of a panel, above it. */
  readonly scroll: number;
  readonly panel?: Panel | undefined;
  readonly notice?: Notice | undefined;
  readonly question?: Question | undefined;
  readonly transfers: ReadonlyMap<number, Transfer>;
  /** Conversations that wait to be accepted. */
  readonly requests: ReadonlySet<ConversationId>;
}

/** What the last rendering has shown, which keys are meant for. */
export interface Shown {
  readonly conversations: readonly ConversationView[];
  readonly lines: readonly MessageView[];
  /** Where each line ends, counted from the newest row. */
  readonly rowsBelow: ReadonlyMap<string, number>;
  readonly rowCount: number;
  readonly pageRows: number;
  /** Of the warnings that could be read to their end, those that can be put away. */
  readonly notices: readonly TrustNotice[];
  readonly nameOf: NameOf;
  readonly older: () => Promise<void>;
}

/** Something that was entered, with what was there to be meant by it. */
export interface Turn {
  readonly text: string;
  readonly place: Place;
  /** The key of the message that was chosen. */
  readonly chosen: string | undefined;
  /** The messages that were there. */
  readonly lines: readonly MessageView[];
  /** The warnings that could be read. */
  readonly notices: readonly TrustNotice[];
  /** What `/new` or `/group` is to open. */
  readonly coming?: Place;
}

export interface Desk {
  readonly client: Client;
  readonly me: Me;
  /** Against which paths of files are read. */
  readonly workingDirectory: string;
  readonly state: Observable<DeskState>;
  readonly change: (change: Partial<DeskState>) => void;
  readonly places: Places;
  /** Of the last rendering. */
  shown: Shown;
  readonly quit: () => void;
  /** What was entered and is not done, in its order: see `submit`. */
  readonly turns: Turn[];
  /** Digits that `/verify` has shown, which `/trust` goes by. */
  readonly compared: Map<UserId, string>;
  /** What `/devices` has listed, which `/unlink` and `/lost` go by. */
  listedDevices: readonly OwnDevice[];
}

/** A desk on which nothing lies yet. */
export function openDesk(given: Pick<Desk, 'client' | 'me' | 'workingDirectory' | 'quit'>): Desk {
  let state: DeskState = {
    focus: 'list',
    place: {},
    draft: EMPTY_DRAFT,
    scroll: 0,
    transfers: new Map(),
    requests: new Set(),
  };
  const listeners = new Set<() => void>();
  const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    ...given,
    places: { known: new Map(), left: new Map() },
    turns: [],
    compared: new Map(),
    listedDevices: [],
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
      notices: [],
      nameOf: (user) => user,
      older: async () => {},
    },
  };
}

/** The conversation of a place; undefined for none, and for a moment when it is new. */
export function viewOf({ client }: Desk, { conversation }: Place): ConversationView | undefined {
  return client.state.conversations.get()?.find(({ id }) => id === conversation);
}

/** The same of the one that is open. */
export function openView(desk: Desk): ConversationView | undefined {
  return viewOf(desk, desk.state.get().place);
}
