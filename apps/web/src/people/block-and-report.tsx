/** Ends what somebody can send, and tells the operator of it where that is wanted, with the messages that one chooses. */
import type { Message, Report } from '@sotto/client';
import { type ConversationId, type UserId, useClient, useNames } from '@sotto/hooks';
import { useCallback, useId, useState } from 'react';
import { FormDialog, Loading, Switch, TextField, useToast } from '../design/index.ts';
import { useLoaded } from '../shell/use-loaded.ts';
import { useTask } from '../shell/use-task.ts';
import styles from './block-and-report.module.css';
import { readWritten } from './written-by.ts';

export interface BlockAndReportProps {
  user: UserId;
  /** Where they have written what may be reported. */
  conversation?: ConversationId | undefined;
  onClose: () => void;
}

/** What the platform takes at once. */
const MESSAGES_MAX = 20;
const NOTE_LENGTH_MAX = 1000;

const REASONS: readonly { readonly reason: Report['reason']; readonly label: string }[] = [
  { reason: 'spam', label: 'Spam' },
  { reason: 'abuse', label: 'Harassment or abuse' },
  { reason: 'illegal', label: 'Something illegal' },
  { reason: 'other', label: 'Something else' },
];

/** The dialog: blocks, and reports if that is switched on. */
export function BlockAndReport({ user, conversation, onClose }: BlockAndReportProps) {
  const client = useClient();
  const name = useNames([user])(user);
  const toast = useToast();
  const task = useTask();
  const [isReporting, setReporting] = useState(false);
  const [reason, setReason] = useState<Report['reason']>('spam');
  const [note, setNote] = useState('');
  const [chosen, setChosen] = useState<readonly Message[]>([]);
  const confirm = async () => {
    const isDone = await task.run(async () => {
      const said = note.trim();
      const report = { user, reason, messages: chosen, ...(said !== '' && { note: said }) };
      if (isReporting) await client.people.report(report);
      await client.people.block(user);
    });
    if (!isDone) return;
    toast(isReporting ? 'Reported and blocked' : 'Blocked');
    onClose();
  };
  return (
    <FormDialog
      title={`Block ${name}?`}
      submit={isReporting ? 'Report and block' : 'Block'}
      tone="danger"
      isBusy={task.isBusy}
      error={task.error}
      onSubmit={() => void confirm()}
      onClose={onClose}
    >
      <p>
        Nothing that they send reaches you any more, and they are not told. In groups that you are
        both in you still read each other. You can undo this in Settings, Privacy.
      </p>
      <Switch
        label="Also report to the operator"
        hint="The operator of this server is a person. They see who you report, and the messages that you choose below, in plain text."
        checked={isReporting}
        onChange={setReporting}
      />
      {isReporting && (
        <>
          <Reasons chosen={reason} onChange={setReason} />
          {conversation !== undefined && (
            <MessageChoice
              user={user}
              conversation={conversation}
              chosen={chosen}
              onChange={setChosen}
            />
          )}
          <TextField
            label="Anything to add"
            multiline
            dir="auto"
            maxLength={NOTE_LENGTH_MAX}
            value={note}
            onChange={({ target }) => setNote(target.value)}
          />
        </>
      )}
    </FormDialog>
  );
}

interface ReasonsProps {
  chosen: Report['reason'];
  onChange: (reason: Report['reason']) => void;
}

function Reasons({ chosen, onChange }: ReasonsProps) {
  return (
    <fieldset className={styles.group}>
      <legend>What is it?</legend>
      {REASONS.map(({ reason, label }) => (
        <label key={reason} className={styles.choice}>
          <input
            type="radio"
            name="reason"
            checked={reason === chosen}
            onChange={() => onChange(reason)}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface MessageChoiceProps {
  user: UserId;
  conversation: ConversationId;
  chosen: readonly Message[];
  onChange: (chosen: readonly Message[]) => void;
}

function MessageChoice({ user, conversation, chosen, onChange }: MessageChoiceProps) {
  const client = useClient();
  const hint = useId();
  const load = useCallback(
    () => readWritten(client, { user, conversation }),
    [client, user, conversation],
  );
  const isFull = chosen.length >= MESSAGES_MAX;
  return (
    <fieldset className={styles.group} aria-describedby={hint}>
      <legend>Messages to show the operator</legend>
      <p id={hint} className={styles.quiet}>
        {chosen.length === 0
          ? 'None: the operator learns only that you report them.'
          : `${chosen.length} of at most ${MESSAGES_MAX}, in plain text.`}
      </p>
      <Loading loaded={useLoaded(load)} label="Reading their messages">
        {(messages) =>
          messages.map((message) => {
            const isChosen = chosen.some(({ seq }) => seq === message.seq);
            return (
              <label key={message.seq} className={styles.choice}>
                <input
                  type="checkbox"
                  checked={isChosen}
                  disabled={isFull && !isChosen}
                  onChange={() =>
                    onChange(
                      isChosen
                        ? chosen.filter(({ seq }) => seq !== message.seq)
                        : [...chosen, message],
                    )
                  }
                />
                <span className={styles.message} dir="auto">
                  {wordsOf(message)}
                </span>
              </label>
            );
          })
        }
      </Loading>
    </fieldset>
  );
}

function wordsOf({ content }: Message): string {
  return content.type === 'file'
    ? `File: ${content.file.name}`
    : content.type === 'text'
      ? content.text
      : '';
}
