/** People who are chosen one by one, with the names that they were chosen by. */
import type { UserId } from '@sotto/hooks';
import { useState } from 'react';

/** Those who are chosen, and the way to choose somebody or take it back. */
export function useChosen(): {
  readonly chosen: ReadonlyMap<UserId, string>;
  readonly toggle: (user: UserId, name: string) => void;
} {
  const [chosen, setChosen] = useState<ReadonlyMap<UserId, string>>(new Map());
  const toggle = (user: UserId, name: string) =>
    setChosen((before) => {
      const next = new Map(before);
      if (!next.delete(user)) next.set(user, name);
      return next;
    });
  return { chosen, toggle };
}
