/** The newest messages of a conversation, as a user interface shows them. */
import type { ConversationId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { ClientError } from '../errors.ts';
import { LINES_PAGE, LINES_SHOWN_MAX } from '../limits.ts';
import { viewMessages } from '../messages/message-view.ts';
import { nameOfLine } from './line-name.ts';
import type { Observable } from './observable.ts';
import { keepSame } from './same-value.ts';
import { type Reading, type StateDeps, StoredValue } from './stored-value.ts';
import type { MessageView } from './view.ts';

type Lines = readonly MessageView[];

/** The newest lines of a conversation, the oldest of them first; undefined until they were read. */
export interface Messages extends Observable<Lines | undefined> {
  /**
   * Shows older ones too. Resolves when they are there; false when there are none, when nobody subscribes, and when 500 are
   * shown: `history` has the rest. Who has gone back keeps what they see when new ones come, up to that number.
   */
  readonly older: () => Promise<boolean>;
}

/** Nothing is read before somebody subscribes. */
export class MessageWindow implements Messages {
  readonly #deps: StateDeps;
  readonly #conversation: ConversationId;
  readonly #lines: StoredValue<Lines>;
  #limit = LINES_PAGE;

  constructor(deps: StateDeps, conversation: ConversationId) {
    this.#deps = deps;
    this.#conversation = conversation;
    this.#lines = new StoredValue<Lines>(deps, (again) => this.#begin(again));
  }

  readonly get = (): Lines | undefined => this.#lines.get();

  readonly subscribe = (listener: () => void): (() => void) => this.#lines.subscribe(listener);

  readonly older = async (): Promise<boolean> => {
    if (this.#deps.closing.aborted) throw new ClientError('client.closed', 'the client was closed');
    const before = this.get()?.length ?? 0;
    if (before < this.#limit || this.#limit === LINES_SHOWN_MAX) return false;
    this.#limit = Math.min(this.#limit + LINES_PAGE, LINES_SHOWN_MAX);
    await this.#lines.read();
    return (this.get()?.length ?? 0) > before;
  };

  #begin(again: () => void): Reading<Lines> {
    this.#limit = LINES_PAGE;
    const end = this.#deps.events.on('lines-changed', ({ conversation }) => {
      if (conversation === this.#conversation) again();
    });
    return { end, read: (local, before = []) => this.#read(local, before) };
  }

  async #read(local: LocalParty, before: Lines): Promise<Lines> {
    const lines = await this.#view(local);
    const isBack = LINES_PAGE < this.#limit && this.#limit < LINES_SHOWN_MAX;
    const gone = isBack ? countReplaced(before, lines) : 0;
    this.#limit = Math.min(this.#limit + gone, LINES_SHOWN_MAX);
    return keepSame(before, gone > 0 ? await this.#view(local) : lines, nameOfLine);
  }

  #view(local: LocalParty): Promise<Lines> {
    const { store, clock } = this.#deps;
    const range = { limit: this.#limit, now: clock() };
    return store.transaction((transaction) =>
      viewMessages(transaction, local, this.#conversation, range),
    );
  }
}

/** How many lines newer ones have taken the place of. */
function countReplaced(before: Lines, [first]: Lines): number {
  const start = first?.seq ?? Number.POSITIVE_INFINITY;
  return before.filter(({ seq }) => seq !== undefined && seq < start).length;
}
