import { parentPort } from 'node:worker_threads';
import { provePart, type PartProof, type ProofOrder } from '../../archive-format';
import { isLetheError, type FailureCode } from '../../domain/errors';

/** One part to prove, as it arrives in the thread: bytes lose their class on the way. */
export interface ThreadOrder {
  readonly stored: Uint8Array;
  readonly order: Omit<ProofOrder, 'dataKey'> & { readonly dataKey: Uint8Array };
}

/** What became of it; a failure has its code and says nothing of the content. */
export type ThreadAnswer =
  | { readonly proof: PartProof }
  | { readonly failure: { readonly code: FailureCode; readonly message: string } };

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

async function answerTo({ stored, order }: ThreadOrder): Promise<ThreadAnswer> {
  try {
    const whole = { ...order, dataKey: bufferOf(order.dataKey) };
    return { proof: await provePart(bufferOf(stored), whole) };
  } catch (error) {
    // Anything unforeseen ends the thread; whoever waits learns that nothing was proven.
    if (!isLetheError(error)) throw error;
    return { failure: { code: error.code, message: error.message } };
  }
}

parentPort?.on('message', (order: ThreadOrder) => {
  void answerTo(order).then((answer) => {
    // The bytes go back: a thread makes so few objects that it would not look for dead ones before 64 MB.
    parentPort?.postMessage(answer, [order.stored.buffer as ArrayBuffer]);
  });
});
