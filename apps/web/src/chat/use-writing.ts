/** The text that is being written, and its way out. */
import { type ConversationId, useClient } from '@sotto/hooks';
import { useEffect, useRef, useState } from 'react';
import { useToast } from '../design/index.ts';
import { codeOf, explain } from '../shell/explain.ts';
import type { Writing } from './chat-context.ts';
import { joined, keepDraft, takeBack, useDraft } from './drafts.ts';

export interface WritingOptions {
  readonly conversation: ConversationId;
  readonly writing: Writing;
  /** Told what was sent: the person may be at something else by then. */
  readonly onSent: (sent: Writing) => void;
}

/** What a field shows, and what it does. */
export interface Written {
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly send: () => void;
  /** The last try has shown that one message cannot hold it. */
  readonly isTooLong: boolean;
}

/** New text is a draft until it is sent; that of an edit is forgotten when it is left. */
export function useWriting({ conversation, writing, onSent }: WritingOptions): Written {
  const client = useClient();
  const toast = useToast();
  const draft = useDraft(conversation);
  const [edited, setEdited] = useState('');
  const [isTooLong, setTooLong] = useState(false);
  const isEdit = writing.type === 'edit';
  const text = isEdit ? edited : draft;
  const now = useRef(writing);
  useEffect(() => {
    now.current = writing;
    if (writing.type === 'edit') setEdited(wordsOf(writing));
  }, [writing]);
  const write = (value: string) => {
    setTooLong(false);
    if (isEdit) return setEdited(value);
    keepDraft(client, conversation, value);
  };
  const send = async () => {
    if (text.trim() === '') return;
    write('');
    try {
      if (writing.type === 'edit') await client.edit(writing.of, text);
      else if (writing.type === 'reply')
        await client.sendText(conversation, text, { replyTo: writing.to });
      else await client.sendText(conversation, text);
      onSent(writing);
    } catch (error) {
      if (!isEdit) takeBack(client, conversation, text);
      else if (now.current === writing) setEdited((typed) => joined(text, typed));
      setTooLong(codeOf(error) === 'content.too-large');
      if (codeOf(error) !== 'content.too-large') toast(explain(error), 'danger');
    }
  };
  return {
    text,
    isTooLong,
    setText(value) {
      write(value);
      // Nobody is told without a connection, and nobody misses it.
      if (!isEdit && value !== '') client.typing(conversation).catch(() => undefined);
    },
    send: () => void send(),
  };
}

function wordsOf({ of }: Extract<Writing, { type: 'edit' }>): string {
  return of.body.type === 'text' ? of.body.text : '';
}
