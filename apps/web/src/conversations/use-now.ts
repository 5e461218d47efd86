/** The time, for words such as “Today”. */
import { useEffect, useState } from 'react';

const MINUTE_MS = 60_000;

/** Now, in milliseconds since 1970; a component that asks renders anew each minute, or as often as is said. */
export function useNow(everyMs: number = MINUTE_MS): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
