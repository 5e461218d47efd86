/** Where somebody writes. */
import type { ConversationId } from '@sotto/hooks';
import { Check, Paperclip, Pencil, Reply, SendHorizontal, X } from 'lucide-react';
import {
  type ClipboardEvent,
  type KeyboardEvent,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useRef,
} from 'react';
import { Button, IconButton } from '../design/index.ts';
import { useChat, type Writing } from './chat-context.ts';
import styles from './composer.module.css';
import { QuotedWords } from './quote.tsx';
import { useWriting } from './use-writing.ts';

export interface ComposerProps {
  conversation: ConversationId;
  /** Of the conversation. */
  name: string;
  writing: Writing;
  /** A reply or an edit is left. */
  onCancel: () => void;
  onSent: (sent: Writing) => void;
  onFiles: (files: readonly File[]) => void;
  /** The arrow up in an empty field: the last message is to be changed. */
  onEditLast: () => void;
}

/**
 * Enter sends, with Shift it begins a new line; on a phone, whose keyboard has no such Shift, it always does. Escape leaves a
 * reply or an edit.
 */
export function Composer(props: ComposerProps) {
  const { name, writing, onCancel, onFiles } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  const { text, setText, send, isTooLong } = useWriting(props);
  useGrowing(field, text);
  useFocus(field, writing);
  const sendAsFile = () => {
    onFiles([new File([text], 'message.txt', { type: 'text/plain' })]);
    setText('');
  };
  const isEdit = writing.type === 'edit';
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {writing.type !== 'new' && <About writing={writing} onCancel={onCancel} />}
      {isTooLong && (
        <div className={styles.about} role="alert">
          <span className={styles.words}>This is too long for one message.</span>
          <Button onClick={sendAsFile}>Send as a text file</Button>
        </div>
      )}
      <div className={styles.bar}>
        {!isEdit && <AttachButton onFiles={onFiles} />}
        <textarea
          ref={field}
          className={styles.field}
          rows={1}
          dir="auto"
          aria-label={`Message to ${name}`}
          placeholder="Message"
          value={text}
          enterKeyHint={isPhone() ? 'enter' : 'send'}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => onKeyDown(event, { ...props, text, send })}
          onPaste={(event) => !isEdit && pasteFiles(event, onFiles)}
        />
        <IconButton
          type="submit"
          tone="primary"
          label={isEdit ? 'Save the change' : 'Send'}
          icon={isEdit ? Check : SendHorizontal}
          disabled={text.trim() === ''}
        />
      </div>
    </form>
  );
}

type Keys = ComposerProps & { readonly text: string; readonly send: () => void };

function onKeyDown(event: KeyboardEvent, { text, writing, send, onCancel, onEditLast }: Keys) {
  const isNew = writing.type === 'new';
  if (event.key === 'Escape' && !isNew) onCancel();
  if (event.key === 'ArrowUp' && text === '' && isNew) {
    event.preventDefault();
    onEditLast();
  }
  // While a letter is composed, Enter is the method's own.
  if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
  if (isPhone()) return;
  event.preventDefault();
  send();
}

function pasteFiles(event: ClipboardEvent, onFiles: ComposerProps['onFiles']): void {
  const { clipboardData } = event;
  const files = [...clipboardData.files];
  // Office programs and browsers add a picture of the text that was copied.
  const isText = clipboardData.types.includes('text/html') && clipboardData.getData('text') !== '';
  if (files.length === 0 || isText) return;
  event.preventDefault();
  onFiles(files);
}

/** As high as its text; the style sheet ends that. */
function useGrowing(field: RefObject<HTMLTextAreaElement | null>, text: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text is another height
  useLayoutEffect(() => {
    const { current } = field;
    if (current === null) return;
    current.style.height = 'auto';
    current.style.height = `${current.scrollHeight}px`;
  }, [field, text]);
}

/** On a phone the keyboard would cover the chat that was opened to be read. */
function useFocus(field: RefObject<HTMLTextAreaElement | null>, writing: Writing): void {
  useEffect(() => {
    if (writing.type !== 'new' || !isPhone()) field.current?.focus();
  }, [field, writing]);
}

/** Its keyboard lies on the screen. */
function isPhone(): boolean {
  return matchMedia('(hover: none)').matches;
}

function AttachButton({ onFiles }: Pick<ComposerProps, 'onFiles'>) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to send"
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = '';
        }}
      />
      <IconButton label="Attach files" icon={Paperclip} onClick={() => input.current?.click()} />
    </>
  );
}

/** What is answered or changed. */
function About({
  writing,
  onCancel,
}: {
  writing: Exclude<Writing, { type: 'new' }>;
  onCancel: () => void;
}) {
  const { reader } = useChat();
  const isReply = writing.type === 'reply';
  const Icon = isReply ? Reply : Pencil;
  return (
    <div className={styles.about}>
      <Icon className={styles.icon} size={18} strokeWidth={1.75} aria-hidden />
      <div className={styles.words}>
        {isReply ? (
          <QuotedWords line={writing.to} reader={reader} />
        ) : (
          <span>Editing your message</span>
        )}
      </div>
      <IconButton
        label={isReply ? 'Do not reply' : 'Do not change it'}
        icon={X}
        onClick={onCancel}
      />
    </div>
  );
}
