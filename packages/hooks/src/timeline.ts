/**
 * All lines of a conversation that somebody has gone back to: the newest, which the SDK keeps up to date, and before them
 * what was read once, and is read again when something may have become of it.
 */
import type { Client, MessageView, Observable } from '@sotto/client';
import type { ConversationId } from './ids.ts';

/** What a timeline needs of a client. */
export type TimelineDeps = Pick<Client, 'lines' | 'on'> & {
  readonly state: Pick<Client['state'], 'messages'>;
};

/** Undefined lines were not read yet; `hasOlder` holds until it is known that there are none. */
export interface TimelineView {
  readonly lines: readonly MessageView[] | undefined;
  readonly hasOlder: boolean;
  /** The last try to read older ones has failed: nothing more comes before the next one. */
  readonly isStuck: boolean;
}

type Lines = readonly MessageView[];

/** Lines read at once. */
const PAGE = 50;

/** What lies far back is read again no more often than this, however much happens. */
const RENEWAL_MS = 1000;

/** One for each time that a conversation is opened. */
export class Timeline implements Observable<TimelineView> {
  readonly #deps: TimelineDeps;
  readonly #conversation: ConversationId;
  readonly #messages: ReturnType<Client['state']['messages']>;
  readonly #listeners = new Set<() => void>();
  #view: TimelineView = { lines: undefined, hasOlder: true, isStuck: false };
  #archive: Lines = [];
  #window: Lines = [];
  #loading: Promise<void> | undefined;
  #renewing: Promise<void> | undefined;
  #isStale = false;

  constructor(deps: TimelineDeps, conversation: ConversationId) {
    this.#deps = deps;
    this.#conversation = conversation;
    this.#messages = deps.state.messages(conversation);
  }

  readonly get = (): TimelineView => {
    this.#follow();
    return this.#view;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    const end = this.#messages.subscribe(listener);
    const endRenewal = this.#deps.on('lines-changed', ({ conversation }) => {
      if (conversation === this.#conversation) this.#renew();
    });
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      endRenewal();
      end();
    };
  };

  /** Shows older lines; resolves when they are there. Rejects as the SDK does. */
  readonly older = (): Promise<void> => {
    this.#loading ??= this.#load()
      .then(
        () => this.#setStuck(false),
        (error: unknown) => {
          this.#setStuck(true);
          throw error;
        },
      )
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  };

  /** Reads a line again that may lie before those that are kept up to date. */
  readonly refresh = async ({ seq }: Pick<MessageView, 'seq'>): Promise<void> => {
    if (seq === undefined || !this.#archive.some((line) => line.seq === seq)) return;
    const read = await this.#deps.lines(this.#conversation, { before: seq + 1, limit: 1 });
    const now = read.filter((line) => line.seq === seq);
    this.#archive = this.#archive.flatMap((line) => (line.seq === seq ? now : [line]));
    this.#show(this.#view.hasOlder);
  };

  /** A line of long ago may have been taken back, or have run out. */
  #renew(): void {
    this.#isStale = true;
    this.#renewing ??= this.#readArchive()
      // The next change reads it again.
      .catch(() => undefined)
      .finally(() => {
        this.#renewing = undefined;
      });
  }

  async #readArchive(): Promise<void> {
    while (this.#isStale && this.#archive.length > 0 && this.#listeners.size > 0) {
      this.#isStale = false;
      const start = firstPlace(this.#archive) ?? 0;
      const before = firstPlace(this.#window);
      const range = { limit: this.#archive.length, ...(before !== undefined && { before }) };
      const read = await this.#deps.lines(this.#conversation, range);
      const end = before ?? Number.POSITIVE_INFINITY;
      // Older ones may have come meanwhile, and others have left the window. After a leap nothing of it is shown.
      const isRead = ({ seq = 0 }: MessageView) => seq >= start && seq < end;
      if (this.#archive.some(isRead)) {
        const older = this.#archive.filter(({ seq = 0 }) => seq < start);
        const newer = this.#archive.filter(({ seq = 0 }) => seq >= end);
        this.#archive = [...older, ...read.filter(isRead), ...newer];
        this.#show(this.#view.hasOlder);
      }
      await new Promise((resolve) => setTimeout(resolve, RENEWAL_MS));
    }
  }

  async #load(): Promise<void> {
    if (this.#archive.length === 0 && (await this.#messages.older())) return;
    this.#follow();
    const before = firstPlace([...this.#archive, ...this.#window]);
    if (before === undefined) return this.#show(false);
    const page = await this.#deps.lines(this.#conversation, { before, limit: PAGE });
    const isStillFirst = before === firstPlace([...this.#archive, ...this.#window]);
    if (isStillFirst) this.#archive = [...page, ...this.#archive];
    this.#show(page.length === PAGE);
  }

  /** Takes over what the SDK shows now. */
  #follow(): void {
    const window = this.#messages.get();
    if (window === undefined || window === this.#window) return;
    this.#archive = archiveFor(window, { archive: this.#archive, window: this.#window });
    this.#window = window;
    this.#view = { ...this.#view, lines: [...this.#archive, ...window] };
  }

  #show(hasOlder: boolean): void {
    this.#change({ lines: [...this.#archive, ...this.#window], hasOlder });
  }

  #setStuck(isStuck: boolean): void {
    if (isStuck !== this.#view.isStuck) this.#change({ isStuck });
  }

  #change(change: Partial<TimelineView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}

/**
 * What lies before a window that has moved on: what lay before the last one, and what has left it. Nothing when the two have
 * no line in common: between them others may lie.
 */
export function archiveFor(
  next: Lines,
  { archive, window }: { readonly archive: Lines; readonly window: Lines },
): Lines {
  const start = firstPlace(next);
  if (start === undefined) return [];
  const isJoined =
    window.length === 0 || window.some(({ seq }) => seq !== undefined && seq >= start);
  if (!isJoined) return [];
  const isBefore = ({ seq, expiresAt = Number.POSITIVE_INFINITY }: MessageView) =>
    seq !== undefined && seq < start && expiresAt > Date.now();
  return [...archive, ...window].filter(isBefore);
}

function firstPlace(lines: Lines): number | undefined {
  return lines.find(({ seq }) => seq !== undefined)?.seq;
}
