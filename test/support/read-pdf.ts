import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What an independent reader finds in a PDF. */
export interface ReadPdf {
  readonly pages: readonly string[];
  /** Tags of the structure, such as H1 and TH. */
  readonly roles: readonly string[];
  readonly title: string;
  readonly language: string;
  readonly marked: boolean;
  readonly attachments: readonly { readonly name: string; readonly text: string }[];
}

/** Reads a PDF with a library that had no part in making it. */
export function readPdf(bytes: Buffer): ReadPdf {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-pdf-'));
  try {
    const file = join(folder, 'paper.pdf');
    writeFileSync(file, bytes);
    const script = join(__dirname, 'pdf-reader.mjs');
    const output = execFileSync(process.execPath, [script, file], { encoding: 'utf8' });
    return JSON.parse(output) as ReadPdf;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
