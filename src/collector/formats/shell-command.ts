/** Commands of one line that are named. */
const COMMANDS_MAX = 16;
const LINE_MAX = 8192;

/** What a program's name or path may consist of; anything else could be a value. */
const PROGRAM = /^[A-Za-z0-9_./@+:-]{1,512}$/;

/** Words of the shell that start a command without being one. */
const KEYWORDS = new Set([
  'if',
  'then',
  'else',
  'elif',
  'do',
  'while',
  'until',
  '!',
  '{',
  '(',
  'time',
]);

/** An assignment, or where input comes from and output goes to. */
const NO_PROGRAM = /^(?:[A-Za-z_][A-Za-z0-9_]*=|\d*[<>]|&>)/;

const ENDS = new Set(['fi', 'done', '}', ')', 'esac']);

/**
 * First word of every command in a line of shell: `cd / && run-parts --report x` gives `cd` and
 * `run-parts`. Assignments before a command and everything after its first word are dropped, because
 * that is where passwords stand; a first word that is not plainly a name or a path is given as `?`.
 */
export function programsOf(line: string): readonly string[] {
  const programs: string[] = [];
  for (const words of commandsOf(line.slice(0, LINE_MAX))) {
    const program = firstProgram(words);
    if (program !== null && !programs.includes(program)) programs.push(program);
    if (programs.length === COMMANDS_MAX) break;
  }
  return programs;
}

function firstProgram(words: readonly string[]): string | null {
  const program = words
    .map((word) => word.replace(/^\(+/, ''))
    .find((word) => word !== '' && !KEYWORDS.has(word) && !NO_PROGRAM.test(word));
  if (program === undefined || ENDS.has(program)) return null;
  const bare = program.replace(/^(["'])(.*)\1$/, '$2').replace(/\)+$/, '');
  return PROGRAM.test(bare) ? bare : '?';
}

/** `2>&1` and `&> file` end no command. */
const isRedirection = (line: string, at: number): boolean =>
  /[<>]/.test(line.charAt(at - 1)) || (line.charAt(at) === '&' && line.charAt(at + 1) === '>');

/** One piece of a line: an end of a command, spaces, or a piece of a word with its quotes. */
const PIECES = /\\[\s\S]?|"(?:[^"\\]|\\[\s\S])*"?|'[^']*'?|`[^`]*`?|[;&|\n]|\s+|[^\\"'`;&|\s]+/g;

/** Splits at `;`, `&`, `|` and line ends outside quotes, and each command at its spaces. */
function commandsOf(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  let word = '';
  const endWord = (): void => {
    if (word !== '') commands.at(-1)?.push(word);
    word = '';
  };
  for (const { 0: piece, index } of line.matchAll(PIECES)) {
    if (piece.startsWith('#') && word === '') break;
    if (/^[;&|\n]$/.test(piece) && !isRedirection(line, index)) {
      endWord();
      commands.push([]);
    } else if (/^\s/.test(piece)) endWord();
    else word += piece;
  }
  endWord();
  return commands;
}
