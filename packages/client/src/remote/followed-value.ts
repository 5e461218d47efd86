/** Observables of a client that runs elsewhere. */
import { Source } from '../state/observable.ts';
import { isSameValue, keepSame } from '../state/same-value.ts';
import type { Place } from './answers.ts';
import { type Answerer, keepAsking } from './holder.ts';
import { applyChange } from './list-change.ts';

/** What is followed, and how. */
export interface Followed<T> {
  readonly place: Place;
  /** While nothing is known, and when nobody answers. */
  readonly unknown: T;
  /** Told apart by these, items of a list that another holder tells of are the same objects as before. */
  readonly nameOf?: (item: never) => string;
  readonly onError: (error: unknown) => void;
}

/** Up to date while somebody subscribes, and `unknown` when nobody does. */
export function followValue<T>(
  holder: Answerer,
  closing: AbortSignal,
  followed: Followed<T>,
): Source<T> {
  const source: Source<T> = new Source<T>(followed.unknown, () => {
    const ending = new AbortController();
    const ended = AbortSignal.any([closing, ending.signal]);
    void follow(holder, source, { ...followed, ended });
    return () => {
      ending.abort();
      source.set(followed.unknown);
    };
  });
  return source;
}

/** Keeps a source up to date until `ended`. */
export async function follow<T>(
  holder: Answerer,
  source: Source<T>,
  { place, unknown, nameOf, onError, ended }: Followed<T> & { readonly ended: AbortSignal },
): Promise<void> {
  let told: unknown;
  const hear = (change: unknown) => {
    if (ended.aborted) return;
    told = sameItems(source.get(), applyChange(told, change), nameOf);
    source.set(told as T);
  };
  try {
    await keepAsking(holder, ended, (signal) => {
      told = undefined;
      return holder.ask('state.follow', [place, hear], signal);
    });
  } catch (error) {
    if (!ended.aborted) onError(error);
  }
  if (!ended.aborted) source.set(unknown);
}

function sameItems(before: unknown, after: unknown, nameOf?: (item: never) => string): unknown {
  const areLists = Array.isArray(before) && Array.isArray(after);
  if (nameOf === undefined || !areLists) return isSameValue(before, after) ? before : after;
  return keepSame(before, after, nameOf as (item: unknown) => string);
}
