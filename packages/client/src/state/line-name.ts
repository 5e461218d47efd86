/** What tells the lines of a conversation apart. */
import type { MessageView } from './view.ts';

/** The name of a line: the same one for as long as it speaks of the same thing. */
export function nameOfLine({ reference, seq }: MessageView): string {
  return reference === undefined ? `${seq}` : `${reference.device}/${reference.id}`;
}
