/** What `--help` says. */

/** Everything in one page. */
export const HELP = `Usage: sotto [OPTIONS]                        chat in this terminal
       sotto COMMAND [ARGUMENTS] [OPTIONS]    one thing, for scripts

The account
  register NAME          make an account; prints its recovery code, once
  login NAME             log in again on this device
  recover NAME           set a new password by the recovery code; prints the next code, once
  link                   make this device one of an account that you have: prints a code
  link CODE              the same from the other side: on a device of the account
  whoami                 who is logged in here
  logout                 end the session; keys and messages stay here

Messages
  send TO [TEXT...]      send a text, or standard input
  read [TO]              print messages, and mark them as read
  watch                  print messages as they come, until Ctrl+C
  send-file TO PATH      send a file
  save TO [ID]           save a file that somebody sent; the newest without ID
  list                   print conversations
  accept TO              accept what a stranger, or a group, asks
  verify NAME            print the safety number of you and somebody else

  TO is a user's name, #TITLE of a group, or the id of a conversation.

Options
  --url URL              the server (default: the account's own, or http://localhost:8080)
  --as NAME              which account, when there is more than one here
  --data DIR             where accounts lie (default: $XDG_DATA_HOME/sotto, ~/.local/share/sotto)
  --json                 one JSON object on a line; see docs/terminal.md
  --timeout SECONDS      how long to wait for the server (default: 30)
  --passphrase           ask for the passphrase that encrypts what is kept here
  --passphrase-file FILE read it from there
  -h, --help             show this; of one command: sotto COMMAND --help
  --version              show the version

Exit codes: 0 done, 1 failed, 64 wrong call, 65 cannot be sent, 66 no such file to send, 67 nobody of that
name, 69 out of reach or in use, 73 cannot be written, 77 not logged in or refused, 78 wrong configuration,
130 interrupted.
`;

/** Of one command. */
export const COMMAND_HELP: ReadonlyMap<string, string> = new Map([
  [
    'register',
    `Usage: sotto register NAME [--url URL] [--invite CODE] [--password-file FILE] [--json]

Makes an account with this device as its first. The password is asked for without showing it, or read from the
first line of FILE (- is standard input). Prints the recovery code: write it down, it is shown this once.
`,
  ],
  [
    'login',
    `Usage: sotto login NAME [--url URL] [--password-file FILE] [--new-identity] [--json]

Logs in on the device that is kept here. Where there is none use sotto link: a password alone makes another
identity, of which contacts are warned, and which your other devices are no part of; --new-identity does that.
`,
  ],
  [
    'recover',
    `Usage: sotto recover NAME [--url URL] [--recovery-code-file FILE] [--password-file FILE] [--new-identity] [--json]

Sets a new password with the recovery code, and logs in on the device that is kept here. All other sessions end.
The code is replaced: prints the next one, which is shown this once. Where there is no device, --new-identity
makes one, as with login. When it breaks off, call it again with the same code and password.
`,
  ],
  [
    'link',
    `Usage: sotto link [--url URL] [--json]
       sotto link CODE [--history]

Without a CODE this device shows one, and waits ten minutes for a device of the account to complete it: with
sotto link CODE there, /link CODE in its chat, or in the web client. --history hands the new device what was
said in the last 30 days.
`,
  ],
  ['whoami', 'Usage: sotto whoami [--json]\n\nPrints whose device this is. Asks nobody.\n'],
  [
    'logout',
    'Usage: sotto logout\n\nEnds the session. Keys and messages stay here: sotto login goes on.\n',
  ],
  [
    'send',
    `Usage: sotto send TO [TEXT...] [--json]

Sends a text, or standard input when there is none, and ends once it is on the server's disk.
`,
  ],
  [
    'read',
    `Usage: sotto read [TO] [--unread] [--since TIME] [--limit N] [--keep] [--json]

Prints the messages of a conversation, or of all, the oldest first, and marks them as read; --keep does not.
--unread prints those only that were not read. TIME is 30m, 24h, 7d or a date. --limit takes the newest N
(default: 50, or all with --unread or --since).
`,
  ],
  [
    'watch',
    `Usage: sotto watch [--json]

Prints messages as they come, those first that came since the last time. Each comes at least once, over any
crash. Ends with Ctrl+C, or when whoever reads its output is gone.
`,
  ],
  [
    'send-file',
    `Usage: sotto send-file TO PATH [--json]

Encrypts and sends a file of up to 100 MiB. What breaks off above 5 MiB goes on when the same is called again.
`,
  ],
  [
    'save',
    `Usage: sotto save TO [ID] [-o PATH] [--json]

Saves the file of a message, or the newest file of the conversation, under the name that its sender gave it, in
this folder; never over a file that is there. -o names a path, or a folder; what is there is replaced then.
`,
  ],
  [
    'list',
    'Usage: sotto list [--json]\n\nPrints conversations: unread messages, name, what was said last.\n',
  ],
  [
    'accept',
    `Usage: sotto accept TO

Accepts what a stranger has begun, or a group that one has added you to: they learn that you are there.
`,
  ],
  [
    'verify',
    `Usage: sotto verify NAME [--json]
       sotto verify NAME --accept DIGITS

Prints 60 digits and a QR code, the same digits that NAME sees: then nobody sits between you. Once they were
compared, --accept goes on with NAME after their keys have changed: with the keys of these DIGITS and no others.
`,
  ],
]);
