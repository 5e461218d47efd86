/** The demo's page: two columns, what people see beside what the server sees. */

export interface Row {
  /** What a person wrote, read or did. */
  people?: string;
  /** What passed the server at the same time. */
  server?: string;
}

export interface Page {
  heading(text: string): void;
  step(number: number, title: string, rows: readonly Row[]): void;
  note(text: string): void;
}

const PEOPLE_WIDTH = 50;
const SERVER_WIDTH = 48;

/** A page on standard output; bold and dim only where a person looks at a terminal. */
export function createPage(output: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Page {
  const isPlain = !output.isTTY || environment.NO_COLOR !== undefined;
  const bold = (text: string) => (isPlain ? text : `\u001b[1m${text}\u001b[22m`);
  const dim = (text: string) => (isPlain ? text : `\u001b[2m${text}\u001b[22m`);
  const line = (text = '') => output.write(`${text.trimEnd()}\n`);

  function row({ people = '', server = '' }: Row): void {
    const left = wrap(people, PEOPLE_WIDTH);
    const right = wrap(server, SERVER_WIDTH);
    for (let index = 0; index < Math.max(left.length, right.length); index++) {
      const cell = (left[index] ?? '').padEnd(PEOPLE_WIDTH);
      line(`     ${cell} ${dim('│')} ${dim(right[index] ?? '')}`);
    }
  }

  return {
    heading(text) {
      line();
      line(bold(text));
      line();
      row({ people: 'what people see', server: 'what the server sees' });
    },
    step(number, title, rows) {
      line();
      line(`${String(number).padStart(3)}  ${bold(title)}`);
      rows.forEach(row);
    },
    note(text) {
      line();
      for (const part of wrap(text, PEOPLE_WIDTH + SERVER_WIDTH)) line(`     ${part}`);
    },
  };
}

/** Breaks a text at spaces; a word longer than a line is cut. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text
    .split(' ')
    .flatMap((part) => part.match(new RegExp(`.{1,${width}}`, 'gu')) ?? [''])) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = '';
    }
    current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current];
}
