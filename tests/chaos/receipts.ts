/**
 * The loss checker's book: every place of every conversation, what was stored there, and who was given what.
 *
 * Exact, and small: 17 bytes for a place, whoever reads it. Readers are bits, so there are 32 at most. Nothing is judged
 * before the end but what can never become right again: two letters at one place, a letter given twice, one given after
 * a later one.
 */

/** A place in the order of a conversation, which is named by its index. */
export interface Place {
  conversation: number;
  seq: number;
}

/** A letter at a place: of one sender, with a number that rises with each that it sends. */
export interface PlacedLetter extends Place {
  sender: number;
  number: number;
}

/** Who may read a conversation, as bits, from a place on and up to the next change. */
export interface Audience {
  conversation: number;
  /** At its first place. */
  readers: number;
  /** Entries of its membership log, ascending: whoever is there before or after one is given the entry itself. */
  changes: readonly { seq: number; readers: number }[];
  /** The newest place. */
  last: number;
}

export interface Verdict {
  /** Places that hold a letter. */
  letters: number;
  /** Letters that reached a reader. */
  deliveries: number;
  /** Letters given again after a fault, which a client drops. */
  repeats: number;
  /** Acknowledged letters that are not where they should be, or did not reach somebody. */
  lost: number;
  /** Letters that stand at two places, or that somebody was shown twice. */
  twice: number;
  disordered: number;
  /** Places of which somebody was told nothing. */
  unaccounted: number;
  /** Letters that somebody was given who should not have been. */
  strayed: number;
  /** The first of them, in words. */
  findings: string[];
}

type Fault = 'lost' | 'twice' | 'disordered' | 'unaccounted' | 'strayed';

const FINDINGS_MAX = 40;

/** What stands at a place instead of the sender's index plus one. */
const NOBODY = 0;
const ENTRY = 255;

interface Book {
  senders: Uint8Array;
  numbers: Uint32Array;
  /** Bits of those whom a letter names, whether they are members or not. */
  addressed: Uint32Array;
  /** Bits of those who were given what stands here, and of those who were told that nothing does, or sent it. */
  given: Uint32Array;
  told: Uint32Array;
  /** By reader, the highest place given. */
  newest: Uint32Array;
  /** The highest place at which something stands. */
  highest: number;
}

export class Receipts {
  readonly #books: Book[] = [];
  readonly #counts = { lost: 0, twice: 0, disordered: 0, unaccounted: 0, strayed: 0 };
  readonly #findings: string[] = [];
  /** Readers of letters that their senders gave up, by number: one of them may have been stored all the same. */
  readonly #withdrawn = new Map<number, number>();
  #repeats = 0;
  #stored = 0;

  /** A letter was acknowledged. `addressed` are the bits of its readers. */
  stored(letter: PlacedLetter, addressed: number): void {
    const book = this.#bookOf(letter);
    this.#place(book, letter);
    book.addressed[letter.seq] = addressed;
    // Its own place is told to a sender by the acknowledgement.
    book.told[letter.seq]! |= 1 << letter.sender;
    this.#stored += 1;
  }

  /** A sender gave a letter up, which it may do without knowing whether it was stored. */
  withdrawn(number: number, addressed: number): void {
    this.#withdrawn.set(number, addressed);
  }

  /** A reader was given a letter. */
  given(letter: PlacedLetter, reader: number): void {
    const book = this.#bookOf(letter);
    this.#place(book, letter);
    this.#give(book, letter, reader);
  }

  /** A reader was given an entry of the membership log. */
  entry(place: Place, reader: number): void {
    const book = this.#bookOf(place);
    this.#place(book, { ...place, sender: ENTRY - 1, number: 0 });
    this.#give(book, place, reader);
  }

  /** A reader was told that places, both inclusive, hold nothing for it. */
  empty(conversation: number, { from, to }: { from: number; to: number }, reader: number): void {
    const book = this.#bookOf({ conversation, seq: to });
    for (let seq = from; seq <= to; seq += 1) book.told[seq]! |= 1 << reader;
  }

  /** Whether a reader was told what stands at a place. */
  isKnown({ conversation, seq }: Place, reader: number): boolean {
    const book = this.#bookOf({ conversation, seq });
    return (((book.given[seq] ?? 0) | (book.told[seq] ?? 0)) & (1 << reader)) !== 0;
  }

  /** The highest place of a conversation that anybody has heard of. */
  highest(conversation: number): number {
    return this.#books[conversation]?.highest ?? 0;
  }

  /** Something else was wrong that no place can show. */
  blame(fault: Fault, what: string): void {
    this.#counts[fault] += 1;
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push(`${fault}: ${what}`);
  }

  /** Judges every place, and every acknowledgement. */
  judge(audiences: readonly Audience[]): Verdict {
    let letters = 0;
    let deliveries = 0;
    for (const audience of audiences) {
      const book = this.#bookOf({ conversation: audience.conversation, seq: audience.last });
      this.#judgeOrder(book, audience);
      deliveries += this.#judgePlaces(book, audience);
      for (let seq = 1; seq <= audience.last; seq += 1) if (isLetter(book, seq)) letters += 1;
      this.#judgeBeyond(book, audience);
    }
    if (letters < this.#stored) {
      this.blame('lost', `${this.#stored} acknowledged, but ${letters} letters stand somewhere`);
    }
    return {
      ...{ letters, deliveries, repeats: this.#repeats, ...this.#counts },
      findings: this.#findings,
    };
  }

  /** Puts down what stands at a place, or finds that two say different things. */
  #place(book: Book, { conversation, seq, sender, number }: PlacedLetter): void {
    if (book.senders[seq] === NOBODY) {
      book.senders[seq] = sender + 1;
      book.numbers[seq] = number;
      book.highest = Math.max(book.highest, seq);
    } else if (book.senders[seq] !== sender + 1 || book.numbers[seq] !== number) {
      const there = `letter ${book.numbers[seq]} of ${(book.senders[seq] ?? 0) - 1}`;
      const place = `${conversation}:${seq}`;
      this.blame('disordered', `${there} and letter ${number} of ${sender} both at ${place}`);
    }
  }

  #give(book: Book, { conversation, seq }: Place, reader: number): void {
    const bit = 1 << reader;
    if (((book.given[seq] ?? 0) & bit) !== 0) {
      this.#repeats += 1;
      return;
    }
    book.given[seq]! |= bit;
    const newest = book.newest[reader] ?? 0;
    if (seq < newest)
      this.blame('disordered', `${reader} got ${conversation}:${seq} after ${newest}`);
    else book.newest[reader] = seq;
  }

  /** Each sender's letters rise along the order; one at two places does not. */
  #judgeOrder(book: Book, { conversation, last }: Audience): void {
    const newest = new Map<number, number>();
    for (let seq = 1; seq <= last; seq += 1) {
      if (!isLetter(book, seq)) continue;
      const [sender = 0, number = 0] = [book.senders[seq], book.numbers[seq]];
      const before = newest.get(sender) ?? -1;
      const what = `letter ${number} of ${sender - 1} after ${before} at ${conversation}:${seq}`;
      if (number === before) this.blame('twice', what);
      else if (number < before) {
        this.blame(this.#standsBefore(book, seq) ? 'twice' : 'disordered', what);
      }
      newest.set(sender, Math.max(before, number));
    }
  }

  #standsBefore(book: Book, seq: number): boolean {
    if (this.#findings.length === FINDINGS_MAX) return false;
    for (let other = 1; other < seq; other += 1) {
      if (book.senders[other] === book.senders[seq] && book.numbers[other] === book.numbers[seq]) {
        return true;
      }
    }
    return false;
  }

  /** Who should have what, place by place. Returns the number of deliveries. */
  #judgePlaces(book: Book, { conversation, readers, changes, last }: Audience): number {
    let deliveries = 0;
    let members = readers;
    let change = 0;
    for (let seq = 1; seq <= last; seq += 1) {
      const next = changes[change];
      const isChange = next?.seq === seq;
      const here = isChange ? members | next.readers : members;
      if (isChange) {
        members = next.readers;
        change += 1;
      }
      const [given = 0, told = 0] = [book.given[seq], book.told[seq]];
      const wanted = isChange ? here : here & this.#wantedBy(book, seq);
      if (book.senders[seq] === NOBODY && !isChange) {
        this.blame('unaccounted', `nobody knows what stands at ${conversation}:${seq}`);
      }
      this.#judgePlace({ conversation, seq }, { here, wanted, given, told });
      deliveries += isChange ? 0 : countBits(given);
    }
    return deliveries;
  }

  #judgePlace(
    { conversation, seq }: Place,
    { here, wanted, given, told }: { here: number; wanted: number; given: number; told: number },
  ): void {
    const place = `${conversation}:${seq}`;
    const lacking = wanted & ~given;
    const strayed = given & ~wanted;
    const silent = here & ~given & ~told & ~lacking;
    if (lacking !== 0) this.blame('lost', `${place} did not reach ${bitsOf(lacking)}`);
    if (strayed !== 0) this.blame('strayed', `${place} reached ${bitsOf(strayed)}`);
    if (silent !== 0) this.blame('unaccounted', `${bitsOf(silent)} heard nothing of ${place}`);
    const both = given & told & wanted;
    if (both !== 0) this.blame('lost', `${place} was told to be empty to ${bitsOf(both)}`);
  }

  #wantedBy(book: Book, seq: number): number {
    const sender = (book.senders[seq] ?? 0) - 1;
    const addressed = book.addressed[seq] || this.#withdrawn.get(book.numbers[seq] ?? 0);
    return (addressed ?? 0) & ~(1 << sender);
  }

  /** Above the newest place there is nothing to be given. */
  #judgeBeyond(book: Book, { conversation, last }: Audience): void {
    for (let seq = last + 1; seq < book.given.length; seq += 1) {
      if (book.given[seq] !== 0) this.blame('strayed', `${conversation}:${seq} is above ${last}`);
    }
  }

  #bookOf({ conversation, seq }: Place): Book {
    this.#books[conversation] ??= emptyBook();
    const book = this.#books[conversation];
    if (seq >= book.senders.length) grow(book, seq);
    return book;
  }
}

function isLetter(book: Book, seq: number): boolean {
  return book.senders[seq] !== NOBODY && book.senders[seq] !== ENTRY;
}

function emptyBook(): Book {
  const size = 1024;
  return {
    senders: new Uint8Array(size),
    numbers: new Uint32Array(size),
    addressed: new Uint32Array(size),
    given: new Uint32Array(size),
    told: new Uint32Array(size),
    newest: new Uint32Array(32),
    highest: 0,
  };
}

function grow(book: Book, seq: number): void {
  const size = 2 ** Math.ceil(Math.log2(seq + 1));
  const senders = new Uint8Array(size);
  senders.set(book.senders);
  book.senders = senders;
  for (const name of ['numbers', 'addressed', 'given', 'told'] as const) {
    const larger = new Uint32Array(size);
    larger.set(book[name]);
    book[name] = larger;
  }
}

function countBits(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count += 1;
  return count;
}

function bitsOf(bits: number): string {
  const places = Array.from({ length: 32 }, (_, place) => place);
  return places.filter((place) => (bits & (1 << place)) !== 0).join(', ');
}
