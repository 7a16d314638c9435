import { runCli } from '../../src/cli/run-cli';
import { papers, read } from './repository';

/** Command lines that begin with `./dev`, from blocks and from back-ticks; continued lines are joined. */
const commandLines = (text: string): readonly string[] =>
  [...text.replace(/\s*\\\n\s*/g, ' ').matchAll(/\.\/dev [^`\n|#]*/g)].map(([line]) =>
    line.replace(/\s{3,}.*$/, '').trim(),
  );

const wordsOf = (line: string): readonly string[] => line.split(/\s+/).slice(1);
const switchesOf = (words: readonly string[]): readonly string[] =>
  words.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0] ?? word);

/** Commands and sub-commands at the start of a line: small words before the first switch or value. */
function pathOf(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
  return end < 0 ? words : words.slice(0, end);
}

/** What the program itself says about a command; its first line names the command. */
async function helpFor(path: readonly string[]): Promise<string> {
  const output: string[] = [];
  await runCli([...path, '--help'], {
    stdout: (text) => output.push(text),
    stderr: (text) => output.push(text),
    read: () => '',
    env: {},
  });
  return output.join('');
}

/** What a line asks of the command line that it does not know. */
async function unknownToLethe(words: readonly string[]): Promise<readonly string[]> {
  const path = pathOf(words);
  const help = await helpFor(path);
  const usage = /^Usage: lethe ([a-z -]*)/m.exec(help)?.[1]?.trim() ?? '';
  const known = usage === path.join(' ') || help.includes(`Usage: lethe ${path.join(' ')} [`);
  const switches = switchesOf(words).filter((name) => !help.includes(name));
  return [...(known ? [] : [path.join(' ')]), ...switches];
}

const keysOf = (name: string, source: string): readonly string[] => {
  const table = new RegExp(`const ${name} = \\{([\\s\\S]*?)\\n\\};`).exec(source)?.[1] ?? '';
  return [...table.matchAll(/^ {2}(\w+)[:,]/gm)].map(([, key = '']) => key);
};
const devCommands = keysOf('COMMANDS', read('stack/main.mjs'));
const stackVerbs = keysOf('VERBS', read('stack/stack-command.mjs'));
const devHelp = read('stack/help.mjs');

async function unknownIn(line: string): Promise<readonly string[]> {
  const [command = '', ...rest] = wordsOf(line);
  if (!devCommands.includes(command)) return [command];
  if (command === 'lethe') return rest.length === 0 ? [] : unknownToLethe(rest);
  const [verb = ''] = rest;
  const wrongVerb = command === 'stack' && /^[a-z]/.test(verb) && !stackVerbs.includes(verb);
  return [
    ...(wrongVerb ? [verb] : []),
    ...switchesOf(rest).filter((name) => !devHelp.includes(name)),
  ];
}

const lines = papers().flatMap(({ path, text }) =>
  commandLines(text).map((line) => [line, path] as const),
);

describe('command lines in papers', () => {
  it('are found', () => {
    expect(lines.length).toBeGreaterThan(20);
    expect(devCommands).toEqual(expect.arrayContaining(['test', 'verify', 'stack', 'lethe']));
  });

  it.each(lines)('%s in %s is one that exists', async (line) => {
    expect(await unknownIn(line)).toEqual([]);
  });

  it('would be caught when they do not exist', async () => {
    expect(await unknownIn('./dev lethe obliterate --blindly')).toEqual([
      'obliterate',
      '--blindly',
    ]);
    expect(await unknownIn('./dev lethe hold forget --hold x')).toEqual(['hold forget', '--hold']);
    expect(await unknownIn('./dev stack explode')).toEqual(['explode']);
    expect(await unknownIn('./dev deploy')).toEqual(['deploy']);
  });

  it('are joined where they go on, and end where their explanation begins', () => {
    expect(commandLines('./dev lethe status \\\n  --tenant ID\n./dev test     all of it')).toEqual([
      './dev lethe status --tenant ID',
      './dev test',
    ]);
  });
});
