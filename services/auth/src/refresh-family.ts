/**
 * The refresh tokens of one session as a family of generations, and which of them may still be used (DESIGN section 5).
 *
 * Using generation n gives n + 1, always the same token, so that an answer that was lost can be given again. That ends
 * ten seconds after n + 1, or an access token that came with it, was first used: from then on the holder had the
 * answer, and whoever still shows n is somebody else. Pure: the caller stores the next state.
 */
import { FIRST_USES_MAX, REFRESH_GRACE_MS } from './limits.ts';

export interface FirstUse {
  generation: number;
  /** Milliseconds since 1970. */
  at: number;
}

export interface RefreshFamily {
  /** The newest generation that was handed out; the log-in's is 0. */
  readonly generation: number;
  /** When generations were first used, for as long as it matters, in ascending order. */
  readonly firstUses: readonly FirstUse[];
}

/** Which generation to hand out, and the family after that; or that a token was used again after its time. */
export type RefreshUse =
  | { readonly kind: 'successor'; readonly generation: number; readonly family: RefreshFamily }
  | { readonly kind: 'reuse' };

export interface Use {
  generation: number;
  now: number;
}

/** What comes of using the refresh token of a generation that was handed out. */
export function useRefreshToken(family: RefreshFamily, { generation, now }: Use): RefreshUse {
  const successor = generation + 1;
  if (generation === family.generation) {
    const used = noteFirstUse(family, { generation, now });
    const firstUses = used.firstUses.filter((use) => use.at + REFRESH_GRACE_MS >= now);
    return {
      kind: 'successor',
      generation: successor,
      family: { generation: successor, firstUses: firstUses.slice(-FIRST_USES_MAX) },
    };
  }
  const firstUse = family.firstUses.find((use) => use.generation === successor);
  // Every generation but the newest was used; what is not remembered is longer ago than the grace.
  const isOpen = firstUse === undefined && successor === family.generation;
  const inGrace = firstUse !== undefined && now <= firstUse.at + REFRESH_GRACE_MS;
  return isOpen || inGrace
    ? { kind: 'successor', generation: successor, family }
    : { kind: 'reuse' };
}

/** The family after an access token of a generation was used; the same object when that changes nothing. */
export function useAccessToken(family: RefreshFamily, use: Use): RefreshFamily {
  // Generation 0 has no predecessor to end, and older ones than the newest were used already.
  if (use.generation === 0 || use.generation !== family.generation) return family;
  return noteFirstUse(family, use);
}

function noteFirstUse(family: RefreshFamily, { generation, now }: Use): RefreshFamily {
  if (family.firstUses.some((use) => use.generation === generation)) return family;
  return { ...family, firstUses: [...family.firstUses, { generation, at: now }] };
}
