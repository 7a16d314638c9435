import {
  builtAtSchema,
  INSTRUCTIONS,
  STEP_MAX,
  type HistoryStep,
} from '../../contracts/schemas/images';
import type { ConfigStep } from '../../contracts/schemas/registry';
import type { KeyedHash } from './keyed-hash';
import { holdsSecret, redactText } from '../../sensitive-values';

/** What builders put before the instruction itself. */
const NO_OPERATION = /^(?:\/bin\/sh -c|cmd \/S \/C|powershell [^#]{0,200}) #\(nop\)[ \t]+/;
/** A shell, or the count of build arguments before one: the builder left the word RUN out. */
const SHELL = /^(\|\d{1,5} |\/bin\/(ba|a|da)?sh |cmd |powershell )/;
const WORD = /^([A-Z]{3,11})(?:[ \t]+|$)/;
const NAMING: readonly string[] = ['ENV', 'ARG', 'LABEL'];
const NAME = /^([A-Za-z_][\w./-]{0,254})(?:=|$)/;

/**
 * Reads one step of a history: its instruction, one name, and its text after redaction. Comments and
 * authors are dropped, and the hash of the whole text is keyed. Of a variable the text keeps the value
 * only when no detector sees a secret in it and the name does not say that it is one. Only the first
 * name of a step is taken, because the builders write values without quotation and a later `x=` may be
 * a piece of one. A malformed step keeps its place and says nothing.
 */
export function describeStep(step: ConfigStep | null, hash: KeyedHash): HistoryStep {
  const text = step?.created_by ?? '';
  const { instruction, rest } = splitInstruction(text);
  return {
    instruction,
    name: NAMING.includes(instruction) ? safeName(NAME.exec(rest)?.[1]) : null,
    emptyLayer: step?.empty_layer ?? false,
    created: builtAt(step?.created),
    text: shownText(instruction, text),
    textHash: hash(text),
  };
}

function splitInstruction(text: string): {
  readonly instruction: HistoryStep['instruction'];
  readonly rest: string;
} {
  const plain = text.replace(NO_OPERATION, '');
  if (plain === text && SHELL.test(text)) return { instruction: 'RUN', rest: '' };
  const [head = '', word] = WORD.exec(plain) ?? [];
  const instruction = INSTRUCTIONS.find((known) => known === word) ?? 'UNKNOWN';
  return { instruction, rest: plain.slice(head.length) };
}

/** The name unless it is itself a secret. */
const safeName = (name: string | undefined): string | null =>
  name === undefined || holdsSecret(name) ? null : name;

/** What the builder writes between a name and its value, and the older form with a space. */
const SPACED = /\b(ENV|ARG)([ \t]+[A-Za-z_][\w.-]{0,127})[ \t]+(?=[^=\s])/;
const MARK = '[redacted:named-secret]';

/** An author is a person, and a label may be anything: of both only the instruction stays. */
function shownText(instruction: HistoryStep['instruction'], text: string): string {
  if (instruction === 'MAINTAINER' || instruction === 'LABEL') return instruction;
  const redacted = redactText(text.replace(SPACED, '$1$2='));
  // A value without quotation may go on behind a space; nobody can tell where it ends.
  const mark = redacted.indexOf(MARK);
  const isSetting = instruction === 'ENV' || instruction === 'ARG';
  const shown = isSetting && mark >= 0 ? redacted.slice(0, mark + MARK.length) : redacted;
  return shown
    .replace(/[\0\p{Surrogate}]/gu, '')
    .slice(0, STEP_MAX)
    .replace(/[\uD800-\uDBFF]$/, '');
}

/** An instant as a builder wrote it, or null when it is none. */
export const builtAt = (value: string | null | undefined): string | null =>
  builtAtSchema.safeParse(value).data ?? null;
