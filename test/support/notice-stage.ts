import { createEngineHarness, type EngineHarness } from './engine';
import {
  createNoticeDesk,
  createTestReceiver,
  type NoticeDesk,
  type TestReceiver,
} from './receivers';

/** An environment, a receiver on a real socket, and the delivery from the one to the other. */
export interface NoticeStage {
  readonly engine: EngineHarness;
  readonly receiver: TestReceiver;
  readonly desk: NoticeDesk;
  /** A name that no receiver has yet; what was to be told before is told, and forgotten. */
  newName(): Promise<string>;
  remove(): Promise<void>;
}

/** Makes a stage of its own for one suite, on the morning of 7 January 2030. */
export async function createNoticeStage(): Promise<NoticeStage> {
  const engine = await createEngineHarness();
  const receiver = await createTestReceiver();
  const desk = createNoticeDesk(engine, [receiver.authority]);
  await engine.setClock('2030-01-07T01:00:00Z');
  let names = 0;
  return {
    engine,
    receiver,
    desk,
    newName: async () => {
      receiver.answer = 204;
      await desk.settle();
      receiver.seen.length = 0;
      return `receiver-${(names += 1)}`;
    },
    remove: async () => {
      await receiver.close();
      await engine.remove();
    },
  };
}
