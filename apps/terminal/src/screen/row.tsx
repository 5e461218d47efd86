/** A row of the window: pieces of text in tones, cut at the edge and never wrapped. */
import { Box, Text } from 'ink';
import type { ReactElement } from 'react';

/** What a piece of text is; how that looks is said here alone. */
export type Tone =
  | 'plain'
  | 'dim'
  | 'strong'
  | 'accent'
  | 'good'
  | 'warning'
  | 'danger'
  | 'bar'
  | 'code'
  | `name-${0 | 1 | 2 | 3 | 4 | 5}`;

export interface Span {
  readonly text: string;
  readonly tone?: Tone;
}

export interface Row {
  readonly key: string;
  readonly spans: readonly Span[];
}

type Look = Omit<Parameters<typeof Text>[0], 'children' | 'wrap'>;

/** Colours of the terminal's own palette, which its owner has made readable, light or dark. */
const LOOKS: Readonly<Record<Tone, Look>> = {
  plain: {},
  dim: { dimColor: true },
  strong: { bold: true },
  accent: { color: 'cyan', bold: true },
  good: { color: 'green' },
  warning: { color: 'yellow' },
  danger: { color: 'red', bold: true },
  bar: { inverse: true },
  // Scanners want dark on light, whatever the terminal's own colours are.
  code: { color: '#ffffff', backgroundColor: '#000000' },
  'name-0': { color: 'cyan' },
  'name-1': { color: 'green' },
  'name-2': { color: 'magenta' },
  'name-3': { color: 'blue' },
  'name-4': { color: 'yellow' },
  'name-5': { color: 'red' },
};

const NAME_TONES = 6;

/** One person's colour in all conversations. */
export function nameTone(user: string): Tone {
  let sum = 0;
  for (const letter of user) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 997;
  return `name-${(sum % NAME_TONES) as 0 | 1 | 2 | 3 | 4 | 5}`;
}

/** Shows one row. */
export function RowLine({ spans }: Pick<Row, 'spans'>): ReactElement {
  return (
    <Box height={1} flexShrink={0}>
      <Text wrap="truncate">
        {spans.length === 0
          ? ' '
          : spans.map(
              // biome-ignore lint/suspicious/noArrayIndexKey: a piece is its place
              (span, index) => <Piece key={index} {...span} />,
            )}
      </Text>
    </Box>
  );
}

function Piece({ text, tone = 'plain' }: Span): ReactElement {
  return <Text {...LOOKS[tone]}>{text}</Text>;
}

/** Shows rows one below the other. */
export function Rows({ rows }: { readonly rows: readonly Row[] }): ReactElement {
  return (
    <Box flexDirection="column" flexShrink={0}>
      {rows.map(({ key, spans }) => (
        <RowLine key={key} spans={spans} />
      ))}
    </Box>
  );
}

/** A row of one piece. */
export function textRow(key: string, text: string, tone?: Tone): Row {
  return { key, spans: [{ text, ...(tone !== undefined && { tone }) }] };
}
