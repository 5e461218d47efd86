/** Moving in the list of conversations by arrow keys. */
import type { KeyboardEvent } from 'react';

const STEPS: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowDown: (at, count) => Math.min(at + 1, count - 1),
  ArrowUp: (at) => at - 1,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** Moves the focus among the links inside; above the first one lies what `onTop` focuses. */
export function moveInList(event: KeyboardEvent<HTMLElement>, onTop: () => void): void {
  const step = STEPS[event.key];
  if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  const links = [...event.currentTarget.querySelectorAll('a')];
  const at = links.findIndex((link) => link.matches(':focus'));
  if (links.length === 0 || (at === -1 && event.key !== 'ArrowDown')) return;
  event.preventDefault();
  const next = links[step(at, links.length)];
  if (next === undefined) onTop();
  else next.focus();
}
