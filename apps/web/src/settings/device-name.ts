/** What devices are called. */
import type { OwnDevice } from '@sotto/client';

/** The name that its owner gave it; else when it came, which tells two of them apart. */
export function nameOfDevice({ name, createdAt }: OwnDevice): string {
  if (name !== undefined) return name;
  const day = new Date(createdAt).toLocaleDateString(undefined, { dateStyle: 'medium' });
  return `Device of ${day}`;
}
