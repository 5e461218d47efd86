/** What is only worth a word once it has lasted. */
import { useEffect, useState } from 'react';

/** Whether something has been so for a while. */
export function useLate(isSo: boolean, delayMs: number): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (!isSo) return;
    const timer = setTimeout(() => setLate(true), delayMs);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [isSo, delayMs]);
  return isLate;
}
