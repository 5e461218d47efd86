/** The messages that arrive, given to one loop at a time, wherever it runs. */
import type { Client } from '../client-interface.ts';
import { ClientError } from '../errors.ts';
import type { Message } from '../messages/history-item.ts';

export interface ArrivalTurns {
  /**
   * The next message for a loop, which is done with the one before it; undefined when the client is closed. Rejects as the
   * loop of a client throws, `messages.taken` while another one runs.
   */
  next(loop: string): Promise<Message | undefined>;
  /** A loop has ended, or whoever ran it has. What it was given and had not done goes to the next one. */
  end(loop: string): void;
}

/** The turns of a client, whose `messages()` nobody else calls. */
export function createArrivalTurns(client: Pick<Client, 'messages'>): ArrivalTurns {
  let current: string | undefined;
  let messages: AsyncGenerator<Message, void> | undefined;
  let coming: Promise<IteratorResult<Message, void>> | undefined;
  let isGiven = false;

  function forget(): void {
    messages = undefined;
    coming = undefined;
  }

  return {
    async next(loop) {
      if (current !== undefined && current !== loop) {
        throw new ClientError('messages.taken', 'another loop takes the messages');
      }
      current = loop;
      messages ??= client.messages();
      // Whoever asks before the answer came takes the place of one who is gone.
      if (isGiven || coming === undefined) coming = messages.next();
      isGiven = false;
      try {
        const { done, value } = await coming;
        if (current !== loop) return undefined;
        if (done) forget();
        else isGiven = true;
        return value ?? undefined;
      } catch (error) {
        forget();
        throw error;
      }
    },
    end(loop) {
      if (current !== loop) return;
      current = undefined;
      isGiven = false;
    },
  };
}
