/** The focus of a dialog that has just opened. */
import { type RefObject, useEffect, useRef } from 'react';

/** The element that gets this reference has the focus first: opening a dialog alone would give it to its cross. */
export function useFirstFocus<T extends HTMLElement>(): RefObject<T | null> {
  const element = useRef<T>(null);
  useEffect(() => element.current?.focus(), []);
  return element;
}
