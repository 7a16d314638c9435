import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigningKeys, readSigningKeys } from '../../src/platform/signing-keys';
import type { SigningKeys } from '../../src/transparency/signing-keys';

/** Keys of a test's own environment, made and read as a process does it. */
export function newSigningKeys(environment: string): SigningKeys {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-keys-'));
  try {
    return readSigningKeys(createSigningKeys(folder, `lethe.example/${environment}`));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
