/** Who is meant by what somebody has typed. */
import type { Candidate } from './use-people.ts';

/** Whoever has exactly this username, which nobody else has; else exactly this name; else the first of those offered. */
export function meantPerson(typed: string, offered: readonly Candidate[]): Candidate | undefined {
  const wanted = typed.trim().replace(/^@/, '').toLocaleLowerCase();
  const isWanted = (name: string | undefined) => name?.toLocaleLowerCase() === wanted;
  return (
    offered.find(({ username }) => isWanted(username)) ??
    offered.find(({ name }) => isWanted(name)) ??
    offered[0]
  );
}
