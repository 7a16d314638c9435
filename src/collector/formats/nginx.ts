/** A directive with its words and, for a block, what stands inside. */
export interface Directive {
  readonly name: string;
  readonly words: readonly string[];
  readonly block: readonly Directive[];
}

const TOKENS_MAX = 500_000;
const DEPTH_MAX = 16;

type Token = { readonly word: string } | { readonly mark: '{' | '}' | ';' };

/** Reads a configuration of nginx; what is nested deeper than any real one is left out. */
export function parseNginx(text: string): readonly Directive[] {
  const top: Directive[] = [];
  const levels: Directive[][] = [top];
  let words: string[] = [];
  for (const token of tokens(text)) {
    const level = levels.at(-1) ?? top;
    if ('word' in token) words.push(token.word);
    else if (token.mark === '}') {
      words = [];
      if (levels.length > 1) levels.pop();
    } else {
      const [name = '', ...rest] = words;
      const block: Directive[] = [];
      if (levels.length <= DEPTH_MAX) level.push({ name, words: rest, block });
      if (token.mark === '{') levels.push(block);
      words = [];
    }
  }
  return top;
}

function* tokens(text: string): Generator<Token> {
  const pattern =
    /#[^\n]*|"((?:[^"\\]+|\\[\s\S])*)"?|'((?:[^'\\]+|\\[\s\S])*)'?|[{};]|[^\s{};"'#]+/g;
  let count = 0;
  for (const match of text.matchAll(pattern)) {
    const [all, double, single] = match;
    if (all.startsWith('#')) continue;
    count += 1;
    if (count > TOKENS_MAX) return;
    if (all === '{' || all === '}' || all === ';') yield { mark: all };
    else yield { word: double ?? single ?? all };
  }
}
