import { isLetheError } from '../domain/errors';
import { certificateDocument } from '../papers/certificate-document';
import { LANGUAGES } from '../papers/paper';
import { checkCertificateFile } from '../transparency/certificate-file';
import { ARCHIVE_NAMES, type Problem } from '../transparency/evidence-archive';
import type { KeyList } from '../transparency/key-list';

type Texts = ReadonlyMap<string, string>;

/** The papers that belong to the certificates of an archive, each language on its own. */
export async function papersOf(texts: Texts, keys: KeyList): Promise<ReadonlyMap<string, Buffer>> {
  const papers = new Map<string, Buffer>();
  for (const [name, file] of texts) {
    if (!name.startsWith('certificates/')) continue;
    const checked = checkCertificateFile(file, keys);
    for (const language of LANGUAGES) {
      papers.set(
        ARCHIVE_NAMES.paper(checked.certificate.certificateId, language),
        await certificateDocument({ ...checked, file }, [language]),
      );
    }
  }
  return papers;
}

/**
 * Papers of an archive that are not what is printed for its certificates, or belong to none of them. An
 * archive without papers is in order: they say nothing that the certificates do not say.
 */
export async function checkPapers(
  files: ReadonlyMap<string, Buffer>,
  texts: Texts,
  keys: KeyList,
): Promise<readonly Problem[]> {
  const found = [...files].filter(([name]) => name.endsWith('.pdf'));
  if (found.length === 0) return [];
  const printed = await printedOrNone(texts, keys);
  return found
    .filter(([name, bytes]) => printed.get(name)?.equals(bytes) !== true)
    .map(([file]) => ({
      file,
      message: 'is not what this version prints for a certificate of the archive',
    }));
}

/** A certificate that does not count has no paper that does; it is reported for itself. */
async function printedOrNone(texts: Texts, keys: KeyList): Promise<ReadonlyMap<string, Buffer>> {
  const printed = new Map<string, Buffer>();
  for (const one of texts) {
    try {
      for (const [name, bytes] of await papersOf(new Map([one]), keys)) printed.set(name, bytes);
    } catch (error) {
      if (!isLetheError(error)) throw error;
    }
  }
  return printed;
}
