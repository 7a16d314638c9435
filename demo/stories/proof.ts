import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lethe, type Answered } from '../command-line';
import type { Character, Play } from '../play';

/** What the certificate's file says of itself when it is verified. */
interface Verified {
  readonly outcome?: string;
  readonly certificate?: { readonly tenantId?: string; readonly certificateId?: string };
}

/** What an audit of the ledger says. */
interface Audited {
  readonly outcome?: string;
  readonly findings?: readonly { readonly kind: string; readonly sequence: number | null }[];
}

/**
 * What the DPO hands to a regulator, and what happens when somebody tampers with it: a certificate that is
 * verified without any server, one letter of it changed, one digit of the ledger changed by an administrator.
 */
export async function prove(
  play: Play,
  character: Character,
  print: (line: string) => void,
): Promise<void> {
  print('');
  print(`proof of ${character.tenantId}, with the command line`);
  await verifyOffline(play, character, print);
  await tamperWithLedger(play, character, print);
}

async function verifyOffline(
  play: Play,
  { tenantId }: Character,
  print: (line: string) => void,
): Promise<void> {
  const { env, folder } = play.stage;
  const [first] = parsed(
    await lethe(['certificate', 'list', '--tenant', tenantId, '--json'], env),
  ) as readonly { readonly certificateId: string }[];
  const certificateId = first?.certificateId ?? '';
  const shown = await lethe(
    ['certificate', 'show', '--certificate', certificateId, '--signed'],
    env,
  );
  const file = join(folder, `${certificateId}.json`);
  writeFileSync(file, shown.out);
  const verify = (name: string, ...more: readonly string[]): Promise<Answered> =>
    // No address, no login: whatever is proven is proven by the two files.
    lethe(['certificate', 'verify', name, '--keys', keysOf(play), ...more], OFFLINE);
  const verified = parsed(await verify(file, '--json')) as Verified;
  play.expectations.expectEqual(
    'the certificate is verified without any server',
    [verified.outcome, verified.certificate?.tenantId, verified.certificate?.certificateId],
    ['ok', tenantId, certificateId],
  );
  print(`    ${certificateId}: verified with the public keys alone, no server reached`);

  const altered = join(folder, `${certificateId}.altered.json`);
  writeFileSync(altered, withOneLetterChanged(readFileSync(file, 'utf8')));
  const refused = await verify(altered);
  play.expectations.expectEqual(
    'the certificate with one letter changed is refused',
    [refused.code, refused.out],
    [1, ''],
  );
  print(`    one letter of it changed: ${lastLine(refused.err)}`);
}

async function tamperWithLedger(
  play: Play,
  { tenantId }: Character,
  print: (line: string) => void,
): Promise<void> {
  const { env, administrator } = play.stage;
  const audit = (): Promise<Answered> =>
    lethe(['evidence', 'verify', '--keys', keysOf(play), '--json'], env);
  const before = await audit();
  play.expectations.expectEqual(
    'the ledger is as it was signed',
    [before.code, (parsed(before) as Audited).outcome],
    [0, 'ok'],
  );
  const forgery = await administrator.forge(tenantId);
  const during = await audit();
  await forgery.undo();
  const [finding] = (parsed(during) as Audited).findings ?? [];
  play.expectations.expectEqual(
    'an entry that an administrator changed is found',
    [during.code, finding?.kind, finding?.sequence],
    [1, 'rewritten', forgery.sequence],
  );
  print(
    `    the ledger, one digit changed by an administrator: entry ${forgery.sequence} rewritten`,
  );
  const after = await audit();
  play.expectations.expectEqual('the ledger is sound again', after.code, 0);
}

const OFFLINE = Object.freeze({ PATH: process.env['PATH'] });

const keysOf = ({ stage }: Play): string => stage.env['LETHE_PUBLIC_KEYS_FILE'] ?? '';

function parsed({ code, out, err }: Answered): unknown {
  try {
    return JSON.parse(out);
  } catch {
    throw new Error(`lethe answered ${code ?? 'nothing'}: ${err.trim() || out.trim()}`);
  }
}

/** The first letter of the payload becomes another one. */
function withOneLetterChanged(text: string): string {
  const changed = text.replace(/("payload":")(.)/, (_, before: string, letter: string) => {
    return before + (letter === 'A' ? 'B' : 'A');
  });
  if (changed === text) throw new Error('the file has no payload');
  return changed;
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
